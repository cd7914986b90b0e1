"""Opens the store; hands out the journal writer of a new run and readers of any run."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, func, insert, select
from sqlalchemy import event as sa_event

from probe.codec import from_plain
from probe.model.evidence import Evidence
from probe.model.ids import RunId
from probe.store import schema
from probe.store.errors import StoreError, guarded
from probe.store.lock import RunLock, alone


@dataclass(frozen=True, slots=True)
class RunHead:
    """One line of the list of runs."""

    id: RunId
    started_at: float
    interface: str
    plan: str


class Store:
    """A folder with ``probe.db``, or a database URL with a local folder for locks."""

    def __init__(self, location: str, *, create: bool = True) -> None:
        is_url = "://" in location
        self.where = location
        self.folder = Path(location if not is_url else ".").expanduser().absolute()
        if is_url:
            from platformdirs import user_data_path

            self.folder = user_data_path("secure-by-design-probe")
        url = location if is_url else f"sqlite:///{self.folder / 'probe.db'}"
        with guarded(location):
            if not is_url and not create and not (self.folder / "probe.db").exists():
                raise StoreError(
                    f"There is no result store in {location}",
                    "Start a run first ('probe run', 'probe demo'), or name another store with --store.",
                )
            (self.folder / "locks").mkdir(parents=True, exist_ok=True)
            self.engine = _engine(url)
            # Two first runs may begin at the same moment; only one of them makes the tables.
            with alone(self.folder / "locks" / "schema"):
                self._prepare()

    def _prepare(self) -> None:
        schema.metadata.create_all(self.engine)
        with self.engine.begin() as db:
            row = db.execute(
                select(schema.about.c.value).where(schema.about.c.name == "schema")
            ).first()
            if row is None:
                db.execute(insert(schema.about), {"name": "schema", "value": str(schema.VERSION)})
            elif int(row[0]) > schema.VERSION:
                raise StoreError(
                    f"The result store {self.where} was written by a newer version of the probe",
                    "Use that version, or another store with --store.",
                )

    def runs(self) -> list[RunHead]:
        """All runs, newest first."""
        t = schema.run
        with guarded(self.where), self.engine.connect() as db:
            rows = db.execute(select(t).order_by(t.c.started_at.desc(), t.c.id.desc())).all()
        return [RunHead(RunId(r.id), r.started_at, r.interface, r.plan) for r in rows]

    def find(self, wanted: str | None) -> RunId:
        """The run named by ``wanted``: an id, the start of one, ``last`` or nothing for the newest.

        Raises StoreError with the known ids when there is none or more than one.
        """
        known = [head.id for head in self.runs()]
        if not known:
            raise StoreError(
                f"The store {self.where} has no runs yet", "Start one with 'probe run'."
            )
        if wanted is None or wanted == "last":
            return known[0]
        matches = [run for run in known if run == wanted] or [
            run for run in known if run.startswith(wanted)
        ]
        if len(matches) != 1:
            problem = "No run is called" if not matches else f"{len(matches)} runs start with"
            raise StoreError(
                f"{problem} '{wanted}'", f"Known runs, newest first: {', '.join(known[:5])}."
            )
        return matches[0]

    def evidence(self, run: RunId, sha256: str) -> tuple[Evidence, bytes] | None:
        """The label and the bytes of one piece of evidence, or None."""
        e, b = schema.evidence, schema.blob
        query = select(e.c.label, b.c.data).join(b, b.c.sha256 == e.c.sha256)
        with guarded(self.where), self.engine.connect() as db:
            row = db.execute(query.where(e.c.run == run, e.c.sha256 == sha256)).first()
        if row is None:
            return None
        import json

        return from_plain(json.loads(row.label), Evidence), bytes(row.data)

    def evidence_index(self, run: RunId) -> list[Evidence]:
        """The labels of all evidence of a run, oldest first."""
        import json

        e = schema.evidence
        with guarded(self.where), self.engine.connect() as db:
            rows = db.execute(select(e.c.label).where(e.c.run == run)).all()
        labels: list[Evidence] = [from_plain(json.loads(r.label), Evidence) for r in rows]
        return sorted(labels, key=lambda label: (label.captured_at, label.sha256))

    def command(self, run: RunId, verb: str) -> None:
        """Leave a command (``pause``, ``resume``, ``stop``) for the run's process."""
        row = {"run": run, "at": time.time(), "verb": verb}
        with guarded(self.where), self.engine.begin() as db:
            db.execute(insert(schema.command), row)

    def commands_after(self, run: RunId, last: int) -> list[tuple[int, str]]:
        """Commands with an id above ``last``, oldest first."""
        c = schema.command
        query = select(c.c.id, c.c.verb).where(c.c.run == run, c.c.id > last).order_by(c.c.id)
        with guarded(self.where), self.engine.connect() as db:
            return [(row.id, row.verb) for row in db.execute(query)]

    def last_command(self, run: RunId) -> int:
        c = schema.command
        with guarded(self.where), self.engine.connect() as db:
            return db.execute(select(func.max(c.c.id)).where(c.c.run == run)).scalar() or 0

    def lock(self, run: RunId) -> RunLock:
        """The lock that the process of a run holds as long as it lives."""
        return RunLock(self.folder / "locks" / run)

    def close(self) -> None:
        self.engine.dispose()


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": 15})

    @sa_event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # WAL: readers never wait for the writer. NORMAL: a killed process loses nothing; only a power
        # cut may lose the last commits, and never damages the file.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
