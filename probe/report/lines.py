"""Lines of plain text, wrapped at the width of a terminal."""

import textwrap
from collections.abc import Iterator

WIDTH = 80
Lines = Iterator[str]


def fact(label: str, text: str, indent: str = "") -> Lines:
    """``label: text``, further lines indented."""
    return wrap(text, f"{indent}{label}: ", indent + "  ")


def wrap(text: str, first: str, rest: str) -> Lines:
    """``first`` stands before the first line, ``rest`` before the others."""
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
    ) or [first.rstrip()]
