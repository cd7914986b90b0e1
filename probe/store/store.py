"""Opens the store; hands out the journal writer of a new run and readers of any run."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from probe.codec import from_plain
from probe.model.evidence import Evidence
from probe.model.ids import RunId
from probe.store import schema
from probe.store.database import Database
from probe.store.errors import StoreError, explained, shown
from probe.store.lock import RunLock, ServerLock, alone


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
        self.where = shown(location)
        self.folder = Path(location if not is_url else ".").expanduser().absolute()
        if is_url:
            from platformdirs import user_data_path

            self.folder = user_data_path("secure-by-design-probe")
        file = self.folder / "probe.db"
        if not is_url and not create and not file.exists():
            raise StoreError(
                f"There is no result store in {location}",
                "Start a run first ('probe run', 'probe demo'), or name another store with --store.",
            )
        self.database = Database(location if is_url else str(file), self.where)
        try:
            (self.folder / "locks").mkdir(parents=True, exist_ok=True)
            # Two first runs may begin at the same moment; only one of them makes the tables. Those of other
            # hosts wait for the transaction.
            with alone(self.folder / "locks" / "schema"):
                self._prepare()
        except OSError as error:
            raise explained(self.where, error.strerror or str(error)) from error

    def _prepare(self) -> None:
        postgresql = self.database.is_postgresql
        with self.database.together() as db:
            for statement in schema.tables(postgresql=postgresql):
                db.execute(statement)
            found = db.execute("SELECT value FROM about WHERE name = ?", "schema")
            if not found:
                row = ("schema", str(schema.VERSION))
                db.execute("INSERT INTO about (name, value) VALUES (?, ?)", *row)
            elif int(found[0][0]) > schema.VERSION:
                raise StoreError(
                    f"The result store {self.where} was written by a newer version of the probe",
                    "Use that version, or another store with --store.",
                )

    def runs(self) -> list[RunHead]:
        """All runs, newest first."""
        rows = self.database.execute(
            "SELECT id, started_at, interface, plan FROM run ORDER BY started_at DESC, id DESC"
        )
        return [RunHead(RunId(run), at, interface, plan) for run, at, interface, plan in rows]

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
        rows = self.database.execute(
            "SELECT label, data FROM evidence JOIN blob ON blob.sha256 = evidence.sha256"
            " WHERE run = ? AND evidence.sha256 = ?",
            *(run, sha256),
        )
        for label, data in rows:
            return from_plain(json.loads(label), Evidence), bytes(data)
        return None

    def evidence_index(self, run: RunId) -> list[Evidence]:
        """The labels of all evidence of a run, oldest first."""
        rows = self.database.execute("SELECT label FROM evidence WHERE run = ?", run)
        labels: list[Evidence] = [from_plain(json.loads(label), Evidence) for (label,) in rows]
        return sorted(labels, key=lambda label: (label.captured_at, label.sha256))

    def command(self, run: RunId, verb: str) -> None:
        """Leave a command (``pause``, ``resume``, ``stop``) for the run's process."""
        row = (run, time.time(), verb)
        self.database.execute("INSERT INTO command (run, at, verb) VALUES (?, ?, ?)", *row)

    def commands_after(self, run: RunId, last: int) -> list[tuple[int, str]]:
        """Commands with an id above ``last``, oldest first."""
        rows = self.database.execute(
            "SELECT id, verb FROM command WHERE run = ? AND id > ? ORDER BY id", *(run, last)
        )
        return [(number, verb) for number, verb in rows]

    def last_command(self, run: RunId) -> int:
        rows = self.database.execute("SELECT max(id) FROM command WHERE run = ?", run)
        return rows[0][0] or 0

    def lock(self, run: RunId) -> RunLock:
        """The lock that the process of a run holds as long as it lives."""
        path = self.folder / "locks" / run
        return ServerLock(path, self.database) if self.database.is_postgresql else RunLock(path)

    def close(self) -> None:
        self.database.close()
