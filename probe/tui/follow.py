"""Follows one run: its journal, the log made of it, packet rates, and the catalogues it was judged by."""

from collections.abc import Callable, Mapping, Sequence

from probe.errors import ProbeError
from probe.model import event as ev
from probe.model.catalogue import Catalogue
from probe.model.check import CheckInfo
from probe.model.ids import CheckId, DeviceId
from probe.model.run import RunStatus
from probe.model.state import RunState
from probe.tui import view
from probe.tui.hide import Hidden
from probe.tui.log import LogLine, describe
from probe.tui.rates import Rates
from probe.tui.source import RunSource

MOST_LINES = 5000
Catalogues = Mapping[str, Catalogue] | Callable[[], Mapping[str, Catalogue]]
Checks = Mapping[CheckId, CheckInfo] | Callable[[], Mapping[CheckId, CheckInfo]]


class Library:
    """Catalogues and checks, read when they are first asked for: after the first frame."""

    def __init__(self, catalogues: Catalogues, checks: Checks) -> None:
        self._given_catalogues, self._given_checks = catalogues, checks
        self.catalogues: Mapping[str, Catalogue] = {}
        self.checks: Mapping[CheckId, CheckInfo] = {}

    def load(self) -> None:
        catalogues, checks = self._given_catalogues, self._given_checks
        self.catalogues = catalogues() if callable(catalogues) else catalogues
        self.checks = checks() if callable(checks) else checks


class Follower:
    """What is known of a run, brought up to date by ``poll``. Without a source it is empty."""

    def __init__(
        self, source: RunSource | None, library: Library, hidden: Hidden | None = None
    ) -> None:
        self.source, self.library = source, library
        self.hidden = hidden or Hidden()
        self._more_hidden = False
        self.rates = Rates()
        self.lines: dict[int, LogLine] = {}
        """The last lines of the log by sequence number."""
        self.editions: list[Catalogue] = []
        """What verdicts can be looked at under."""
        self.begun = False
        """The journal has been read once."""
        self.trouble = ""
        """Why the journal cannot be read just now; empty when it can."""
        self._alive = True
        self._empty = RunState()

    @property
    def state(self) -> RunState:
        return self.source.state if self.source is not None else self._empty

    @property
    def status(self) -> RunStatus:
        """The run's status, with the one that a dead process cannot report itself."""
        status = self.state.status
        if status in (RunStatus.RUNNING, RunStatus.PAUSED) and not self._alive:
            return RunStatus.INTERRUPTED
        return status

    @property
    def working(self) -> bool:
        """The process of the run lives and has not come to its end."""
        return self.source is not None and self.status in (RunStatus.RUNNING, RunStatus.PAUSED)

    def edition(self, key: view.EditionKey | None) -> Catalogue | None:
        return next((c for c in self.editions if (c.id, c.edition) == key), None)

    def label(self, device: str) -> str:
        """The device's name for people."""
        known = self.state.devices.get(DeviceId(device))
        return known.label if known else device

    def line(self, key: str | None) -> LogLine | None:
        """The line of the log with this sequence number."""
        return self.lines.get(int(key)) if key else None

    def poll(self) -> bool:
        """Read on; True when anything is different now. Never raises: see ``trouble``."""
        if self.source is None:
            return False
        before = (self.begun, self.status, self.trouble)
        grown = False
        try:
            # Asked before the journal is read: the last words of a process come before its end.
            self._alive = self.source.alive()
            while entries := self.source.poll():
                self._take_in(entries)
                grown = True
            self.trouble = ""
        except ProbeError as error:
            self.trouble = str(error)
        if grown or not self.begun:
            self.editions = view.editions(self.state, self.library.catalogues)
        self.begun = True
        return grown or before != (self.begun, self.status, self.trouble)

    def take_news_of_passwords(self) -> bool:
        """Whether more has become known that must be hidden, since it was asked last."""
        news, self._more_hidden = self._more_hidden, False
        return news

    def _take_in(self, entries: Sequence[ev.Entry]) -> None:
        for entry in entries:
            if isinstance(entry.event, ev.BudgetSpent):
                self.rates.add(entry.at, entry.event)
            line = describe(entry, self.state)
            if line is not None:
                self.lines[entry.seq] = line
        self._more_hidden = self.hidden.learn(self.state, entries) or self._more_hidden
        while len(self.lines) > MOST_LINES:
            del self.lines[next(iter(self.lines))]
