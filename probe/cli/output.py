"""Where a report goes, and in which format: stdout, or a file whose suffix may say it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from probe.errors import ProbeError

if TYPE_CHECKING:
    from probe.report.viewmodel import ReportView


def format_of(format: str | None, output: Path | None, usual: str = "text") -> str:
    """The format that was asked for, by its name or by the suffix of the file."""
    from probe.report import SUFFIXES

    ends = output.suffix.lower() if output else ""
    return format or next((name for name, suffix in SUFFIXES.items() if suffix == ends), usual)


def check_output(output: Path | None) -> None:
    """Raises ProbeError for a file that cannot be written, before the work and not after it."""
    if output is None:
        return
    place = output if output.exists() else output.parent
    if output.is_dir() or not os.access(place, os.W_OK):
        why = "it is a folder" if output.is_dir() else "there is no such folder, or it is not yours"
        raise ProbeError(f"{output} cannot be written: {why}", "Choose another --output.")


def rendered(view: "ReportView", format: str) -> bytes:
    from probe.report import FORMATS

    renderer: Callable[[ReportView], bytes] = FORMATS[format]
    return renderer(view)


def write(data: bytes, output: Path | None) -> None:
    """To the file, or to stdout. A file that cannot be written is the operator's to mend."""
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise ProbeError(
            f"{output} cannot be written: {error.strerror}", "Choose another place with --output."
        ) from None
    sys.stderr.write(f"written: {output}\n")
