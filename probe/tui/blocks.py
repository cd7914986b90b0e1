"""What a page of text is made of. Pages are pure functions of the run's state, see ``pages``."""

from dataclasses import dataclass

from probe.tui.spans import Cell, Line

Target = tuple[str, ...]
"""Where Enter leads: the kind of screen (``device``, ``verdict``, ``finding`` …) and its arguments."""


@dataclass(frozen=True, slots=True)
class Title:
    """The first line of a page, or of a part of it."""

    text: Cell


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Para:
    """A paragraph; ``text`` may have several lines. ``bullet`` hangs out to the left."""

    text: Cell
    bullet: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A label and its value."""

    label: str
    value: Cell


@dataclass(frozen=True, slots=True)
class Item:
    """A line that the cursor can stand on and Enter can open. ``more`` is written below it."""

    target: Target
    text: Line
    more: Cell = ""


@dataclass(frozen=True, slots=True)
class Gap:
    pass


Block = Title | Heading | Para | Field | Item | Gap
Page = tuple[Block, ...]
