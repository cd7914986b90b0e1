"""Passwords are hidden on the screen as in reports, until the user wants to see them."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from textual.widget import Widget

from probe.model.access import LoginTest
from probe.model.dut import Seen
from probe.model.event import Entry, Observed, RunStarted
from probe.model.firmware import ImageAccount, ImageSecret
from probe.model.state import RunState
from probe.report.masks import InImage, Masks
from probe.tui.blocks import Block, Field, Gap, Heading, Item, Para, Title
from probe.tui.spans import Cell, Line

MOST_KEPT = 5_000
"""Masked texts that are remembered: the same lines are drawn again and again."""


class Hidden:
    """What is hidden of one run, and whether it is just now."""

    def __init__(self, *, shown: bool = False) -> None:
        self.shown = shown
        self._masks = Masks()
        self._kept: dict[str, str] = {}
        self._logins: list[Seen[LoginTest]] = []
        self._images: list[InImage] = []
        """All that the journal ever told: findings of one that was done again are in the log for good."""

    @property
    def known(self) -> bool:
        """Whether a password is known that could be shown or hidden."""
        return self._masks.hides

    def learn(self, state: RunState, entries: Iterable[Entry]) -> bool:
        """Take in what the journal newly says; True when more is to be hidden than before."""
        news = [entry.event for entry in entries if _tells(entry)]
        if not news:
            return False
        for event in news:
            if not isinstance(event, Observed):
                continue
            fact, proof = event.observation.fact, event.observation.proof
            if isinstance(fact, LoginTest):
                self._logins.append(Seen(fact, proof))
            elif isinstance(fact, ImageAccount | ImageSecret):
                self._images.append(Seen(fact, proof))
        declared = state.run.declarations if state.run else ()
        self._masks = Masks(self._logins, declared, self._images)
        self._kept.clear()
        return True

    def text(self, text: str) -> str:
        """The text as it may be seen now."""
        if self.shown or not self.known:
            return text
        if text not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[text] = self._masks.text(text)
        return self._kept[text]

    def cell(self, cell: Cell) -> Cell:
        """Each of its spans as it may be seen now."""
        return self.text(cell) if isinstance(cell, str) else self.line(cell)

    def line(self, line: Line) -> Line:
        return tuple((self.text(text), role) for text, role in line)

    def block(self, block: Block) -> Block:
        """A part of a page, before it is wrapped: afterwards a sentence is not whole any more."""
        match block:
            case Title() | Para():
                return replace(block, text=self.cell(block.text))
            case Field():
                return replace(block, value=self.cell(block.value))
            case Item():
                return replace(block, text=self.line(block.text), more=self.cell(block.more))
            case Heading() | Gap():
                return block

    def bytes_of(self, sha256: str) -> Callable[[bytes], bytes]:
        """What hides secrets in this piece of evidence now."""
        return bytes if self.shown else self._masks.bytes_of(sha256)


def _tells(entry: Entry) -> bool:
    event = entry.event
    if isinstance(event, Observed):
        return isinstance(event.observation.fact, LoginTest | ImageAccount | ImageSecret)
    return isinstance(event, RunStarted)


def hidden_of(widget: Widget) -> Hidden:
    """What the application hides."""
    hidden = getattr(widget.app, "hidden", None)
    return hidden if isinstance(hidden, Hidden) else Hidden(shown=True)
