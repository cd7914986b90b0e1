"""The last gate before the terminal: nothing that it could act on passes, whatever drew it."""

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from probe.tui.glyphs import to_ascii


@lru_cache(4096)
def _without_controls(text: str) -> str:
    return "".join(c if c.isprintable() else " " if c.isspace() else "·" for c in text)


@lru_cache(4096)
def _in_ascii(text: str) -> str:
    plain = to_ascii(text)
    missing = cell_len(text) - len(plain)
    return plain + " " * missing if missing > 0 else plain[: cell_len(text)]


class NoControls(LineFilter):
    """Replaces control and format characters that some widget let through."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            s if s.control or s.text.isprintable() else s._replace(text=_without_controls(s.text))
            for s in segments
        ]


class AsciiOnly(LineFilter):
    """Puts an ASCII sign of the same width in the place of everything else."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            s if s.control or s.text.isascii() else s._replace(text=_in_ascii(s.text))
            for s in segments
        ]
