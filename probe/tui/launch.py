"""Starts the terminal UI. What Textual reads from the environment is set before it is imported."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from probe.tui.source import RunSource, RunStore

if TYPE_CHECKING:
    from probe.tui.follow import Catalogues, Checks


def prepare(
    *, slow_link: bool = False, environ: Callable[[str, str], object] = os.environ.__setitem__
) -> None:
    """To be called before anything of Textual is imported.

    A slow link (serial line, mobile connection) gets five frames a second and no animation.
    """
    environ("TEXTUAL_ANIMATIONS", "none")
    environ("TEXTUAL_FPS", "5" if slow_link else "30")
    environ("TEXTUAL_SMOOTH_SCROLL", "0")


def launch(
    source: RunSource | None,
    catalogues: "Catalogues",
    checks: "Checks",
    *,
    store: RunStore | None = None,
    slow_link: bool = False,
    show_passwords: bool = False,
) -> str:
    """Show the UI; afterwards say on stderr whether the run goes on. See ``run_app``."""
    prepare(slow_link=slow_link)
    from probe.tui.app import run_app

    left = run_app(source, catalogues, checks, store=store, show_passwords=show_passwords)
    if left == "detached" and source is not None and source.state.run is not None:
        run = source.state.run.id
        print(f"The run goes on. Come back with: probe tui {run}", file=sys.stderr)  # noqa: T201
    return left


def is_terminal(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the UI can be shown at all: both ends are a terminal that can move its cursor."""
    capable = environ.get("TERM", "dumb") not in ("dumb", "")
    return capable and sys.stdin.isatty() and sys.stdout.isatty()
