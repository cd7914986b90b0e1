"""What the terminal UI asks of the store. Nothing here tests anything or opens a socket."""

from typing import Protocol

from probe.model.event import Entry
from probe.model.evidence import Evidence
from probe.model.state import RunState
from probe.model.summary import RunSummary


class RunSource(Protocol):
    """One run: its journal as it grows, its evidence, and a way to send it commands."""

    @property
    def state(self) -> RunState:
        """The journal so far, folded. ``poll`` brings it up to date."""

    def poll(self) -> list[Entry]:
        """Entries that are new since the last call, already applied to ``state``.

        Called twice a second in the UI's own thread, so it has to be quick. A long journal may come
        in several parts: it is called again at once until it returns nothing.
        """

    def evidence(self, sha256: str) -> tuple[Evidence, bytes] | None:
        """The label and the bytes, or None when the store has no such evidence."""

    def alive(self) -> bool:
        """Whether the process of the run lives."""

    def last_words(self) -> str:
        """Why the process ended, when the journal could not take it; empty otherwise."""

    def command(self, verb: str) -> None:
        """Send ``pause``, ``resume`` or ``stop`` to the run; raises ProbeError when it cannot be sent."""


class RunStore(Protocol):
    """All runs that the store holds, for the run chooser."""

    def runs(self) -> list[RunSummary]:
        """Newest first."""

    def open(self, run_id: str) -> RunSource:
        """The named run; raises ProbeError when there is none."""
