"""The writer of one run's journal, and the reader that follows it."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.exc import IntegrityError

from probe.codec import from_plain, to_plain
from probe.model.event import Entry, Event, RunStarted
from probe.model.evidence import Evidence
from probe.model.ids import RunId
from probe.model.run import RunStatus
from probe.model.state import RunState
from probe.store import schema
from probe.store.errors import guarded
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
        self._open: Connection | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is one transaction: all of it is on disk at the end, or nothing. For many
        small writes at once; others who write wait for its end."""
        if self._open is not None:
            yield
            return
        with guarded(self.store.where), self.store.engine.begin() as db:
            self._open = db
            try:
                yield
            finally:
                self._open = None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self._open is not None:
            yield self._open
            return
        with guarded(self.store.where), self.store.engine.begin() as db:
            yield db

    def begin(self, started: RunStarted) -> None:
        """Write the head of a new run."""
        head = {
            "id": self.run,
            "started_at": self._clock(),
            "interface": started.run.scope.interface,
            "plan": started.run.plan.name,
        }
        with guarded(self.store.where), self.store.engine.begin() as db:
            db.execute(insert(schema.run), head)
        self.append(started)

    def replay(self) -> None:
        """Take up an interrupted run: read everything, go on with the next sequence number."""
        for entry in entries_after(self.store, self.run, 0):
            self.state.apply(entry)
        self.commands_seen = self.store.last_command(self.run)

    def append(self, happened: Event) -> Entry:
        """Write one event durably, and apply it to ``state``."""
        entry = Entry(seq=self.state.seq + 1, at=self._clock(), event=happened)
        row = {
            "run": self.run,
            "seq": entry.seq,
            "at": entry.at,
            "kind": type(happened).__name__,
            "payload": json.dumps(to_plain(happened, Event)),
        }
        with self._writing() as db:
            db.execute(insert(schema.event), row)
        self.state.apply(entry)
        return entry

    def keep(self, evidence: Evidence, data: bytes) -> None:
        """Write evidence durably. Bytes that are known already are not written twice."""
        if evidence.sha256 in self._known:
            return
        label = {
            "run": self.run,
            "sha256": evidence.sha256,
            "label": json.dumps(to_plain(evidence)),
        }
        blob = {"sha256": evidence.sha256, "data": data}
        with guarded(self.store.where):
            for table, row in ((schema.blob, blob), (schema.evidence, label)):
                self._once(table, row)
        self._known.add(evidence.sha256)

    def _once(self, table: Table, row: Mapping[str, object]) -> None:
        """The same bytes may be there already, from another run or before a resume."""
        if self._open is not None:
            same = [table.c[name] == row[name] for name in ("run", "sha256") if name in row]
            if not self._open.execute(select(table.c.sha256).where(*same)).first():
                self._open.execute(insert(table), row)
            return
        try:
            with self.store.engine.begin() as db:
                db.execute(insert(table), row)
        except IntegrityError:
            pass


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
    t = schema.event
    query = select(t.c.seq, t.c.at, t.c.payload).where(t.c.run == run, t.c.seq > seq)
    with guarded(store.where), store.engine.connect() as db:
        rows = db.execute(query.order_by(t.c.seq)).all()
    return [Entry(seq=r.seq, at=r.at, event=from_plain(json.loads(r.payload), Event)) for r in rows]
