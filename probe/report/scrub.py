"""One pass over the finished view: no string leaves it that a terminal, XML or a browser would obey."""

import dataclasses
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from probe.model.text import REPLACEMENT

MAX_TEXT = 2_000
"""Characters of one text in a report."""

V = TypeVar("V")


def harmless(text: str) -> str:
    """``text`` on one line, without control, format, surrogate and unassigned characters, bounded."""
    if not text.isprintable():
        text = "".join(
            " " if c.isspace() else REPLACEMENT if unicodedata.category(c)[0] == "C" else c
            for c in text
        )
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "\N{HORIZONTAL ELLIPSIS}"


def scrubbed(value: V, fix: Callable[[str], str] = harmless) -> V:
    """``value`` with every string in it, however deep, passed through ``fix``."""
    return _walk(value, fix)  # type: ignore[no-any-return]


def _walk(value: Any, fix: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return fix(str(value))
    if isinstance(value, tuple):
        return tuple(_walk(v, fix) for v in value)
    if isinstance(value, Mapping):
        return {fix(str(k)): _walk(value[k], fix) for k in sorted(value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _walk(getattr(value, f.name), fix) for f in dataclasses.fields(value)}
        return type(value)(**fields)
    return value
