"""Update, boot and transport formats: one file each, found by its place, asked in order of their rank.

``found()`` lists those of ``formats/`` and ``filesystems/``. A file may have ``RANK`` (50 without): lower is
asked sooner; formats with a trailer come before all others, for what carries the trailer has a magic too.
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import cast

from firmware_checks.reading import Format

ROOMS = ("formats", "filesystems")


@cache
def found() -> tuple[Format, ...]:
    """Every format, in the order of asking."""
    ranked: list[tuple[bool, int, str, Format]] = []
    for room in ROOMS:
        for file in (Path(__file__).parent.parent / room).glob("[a-z]*.py"):
            module = import_module(f"firmware_checks.{room}.{file.stem}")
            if (one := getattr(module, "FORMAT", None)) is not None:
                this = cast(Format, one)
                ranked.append((not this.at_end, getattr(module, "RANK", 50), this.name, this))
    return tuple(row[3] for row in sorted(ranked, key=lambda row: row[:3]))
