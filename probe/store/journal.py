"""The writer of one run's journal, and the reader that follows it."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from probe.codec import from_plain, to_plain
from probe.model.event import Entry, Event, RunStarted
from probe.model.evidence import Evidence
from probe.model.ids import RunId
from probe.model.run import RunStatus
from probe.model.state import RunState
from probe.store.store import Store


class Journal:
    """Appends events. What ``append`` has returned from is on disk, whatever happens to the process, but
    inside ``together``: there it is when that ends."""

    def __init__(self, store: Store, run: RunId, clock: Callable[[], float] = time.time) -> None:
        self.store, self.run, self._clock = store, run, clock
        self.state = RunState()
        self.commands_seen = 0
        """The id of the last command that was meant for an earlier sitting."""
        self._known: set[str] = set()

    def together(self) -> AbstractContextManager[object]:
        """What is written inside is one transaction: all of it is on disk at the end, or nothing. For many
        small writes at once; others who write wait for its end."""
        return self.store.database.together()

    def begin(self, started: RunStarted) -> None:
        """Write the head of a new run."""
        scope, plan = started.run.scope, started.run.plan
        self.store.database.execute(
            "INSERT INTO run (id, started_at, interface, plan) VALUES (?, ?, ?, ?)",
            *(self.run, self._clock(), scope.interface, plan.name),
        )
        self.append(started)

    def replay(self) -> None:
        """Take up an interrupted run: read everything, go on with the next sequence number."""
        for entry in entries_after(self.store, self.run, 0):
            self.state.apply(entry)
        self.commands_seen = self.store.last_command(self.run)

    def append(self, happened: Event) -> Entry:
        """Write one event durably, and apply it to ``state``."""
        entry = Entry(seq=self.state.seq + 1, at=self._clock(), event=happened)
        payload = json.dumps(to_plain(happened, Event))
        self.store.database.execute(
            "INSERT INTO event (run, seq, at, kind, payload) VALUES (?, ?, ?, ?, ?)",
            *(self.run, entry.seq, entry.at, type(happened).__name__, payload),
        )
        self.state.apply(entry)
        return entry

    def keep(self, evidence: Evidence, data: bytes) -> None:
        """Write evidence durably. Bytes that are known already are not written twice."""
        if evidence.sha256 in self._known:
            return
        label = json.dumps(to_plain(evidence))
        with self.together():
            # The same bytes may be there already, from another run or before a resume.
            for statement, values in (
                ("INSERT INTO blob (sha256, data)", (evidence.sha256, data)),
                ("INSERT INTO evidence (run, sha256, label)", (self.run, evidence.sha256, label)),
            ):
                marks = ", ".join("?" * len(values))
                self.store.database.execute(
                    f"{statement} VALUES ({marks}) ON CONFLICT DO NOTHING", *values
                )
        self._known.add(evidence.sha256)


class RunReader:
    """Follows the journal of a run, living or long finished."""

    def __init__(self, store: Store, run: RunId) -> None:
        self.store, self.run = store, run
        self.state = RunState()

    def poll(self) -> list[Entry]:
        """Entries since the last call, applied to ``state``."""
        entries = entries_after(self.store, self.run, self.state.seq)
        for entry in entries:
            self.state.apply(entry)
        return entries

    def alive(self) -> bool:
        """Whether the process of the run lives."""
        return self.store.lock(self.run).held()

    def status(self) -> RunStatus:
        """The status, with the one that a dead process cannot report itself."""
        return seen_from_outside(self.state.status, alive=self.alive())

    def last_words(self) -> str:
        """Why the process ended, when the journal could not take it."""
        return self.store.lock(self.run).words()

    def evidence(self, sha256: str) -> tuple[Evidence, bytes] | None:
        return self.store.evidence(self.run, sha256)

    def command(self, verb: str) -> None:
        self.store.command(self.run, verb)


def seen_from_outside(status: RunStatus, *, alive: bool) -> RunStatus:
    """The journal's status, unless its process is gone without having said so."""
    gone = status in (RunStatus.RUNNING, RunStatus.PAUSED) and not alive
    return RunStatus.INTERRUPTED if gone else status


def entries_after(store: Store, run: RunId, seq: int) -> list[Entry]:
    """The journal from the entry after ``seq`` on."""
    rows = store.database.execute(
        "SELECT seq, at, payload FROM event WHERE run = ? AND seq > ? ORDER BY seq", *(run, seq)
    )
    return [
        Entry(seq=number, at=at, event=from_plain(json.loads(payload), Event))
        for number, at, payload in rows
    ]
