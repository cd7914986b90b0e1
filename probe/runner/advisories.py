"""Advisories that the user fetched: OSV, NVD (JSON 2.0) and the Debian tracker, kept beside the results.

Matched by name and version alone, never confirmed. A package of a distribution is compared with that
distribution's advisories only, by its own version and its release: its fixes are older than the version they
are in. Weaknesses from the NVD count for the vendors that the shipped table names for a component.
"""

import hashlib
import json
import stat
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import UTC, date, datetime
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware_checks.content.advisories import edition
from probe.errors import ProbeError
from probe.model.firmware import ImageComponent
from probe.model.text import clean

if TYPE_CHECKING:
    from sqlite3 import Connection

    from probe.runner.advisory_formats import Row
    from probe.runner.advisory_match import Subject

# What reads and compares advisories is imported where it is used: most stores hold none.

FILE = "advisories.db"
FORM = 2
"""Of the tables; those of an older form are dropped: the files they came from can be imported again."""
OLD_DAYS = 180
LARGEST = 1 << 30
COLUMNS = (
    "scheme", "name", "id", "vendor", "release", "since", "after", "before", "last", "versions", "state", "note",
)  # fmt: skip
"""Of ``advisory``, after the source: the fields of a Row."""
AGES = ("Components were compared with", "And with ")
"""How the sentences of ``ages`` begin."""
TABLES = f"""
create table if not exists source (id integer primary key, name text, format text, sha256 text unique,
  imported real, newest text);
create table if not exists advisory (source integer, {" text, ".join(COLUMNS)} text);
create index if not exists by_name on advisory (name, scheme);
"""
NEXT_STEP = "Give a file of OSV (JSON), NVD (JSON 2.0) or the Debian security tracker (JSON)."


class Advisories:
    """The imported advisories of one store; there may be none."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._db: Connection | None = None

    def __bool__(self) -> bool:
        return self.path.exists()

    def ages(self, now: float) -> Iterator[str]:
        """A sentence for each table that components are compared with, for the report."""
        today = datetime.fromtimestamp(now, UTC).date()
        day_of_table = edition()
        age = max(0, (today - date.fromisoformat(day_of_table)).days)
        old = ", which is old: use a newer version of the probe, or import advisories"
        yield (
            f"Components were compared with the table that comes with the probe, of {day_of_table}, "
            f"{age} {'day' if age == 1 else 'days'} old{old if age > OLD_DAYS else ''}."
        )
        if not self:
            return
        for name, form, imported, newest in self._asked(
            "select name, format, imported, newest from source order by imported"
        ):
            taken_in = datetime.fromtimestamp(imported, UTC).date()
            age = max(0, (today - taken_in).days)
            day = taken_in
            with suppress(ValueError):
                day = date.fromisoformat(newest)
            old = " Its data are old: import a newer file." if (today - day).days > OLD_DAYS else ""
            data = f"newest entry of {newest}, " if newest else ""
            days = "on the same day" if not age else f"{age} day{'s' if age > 1 else ''} before"
            yield f"And with {form} advisories of the file {name}: {data}imported {days}.{old}"

    def said_of(self, fact: ImageComponent) -> tuple[str, ...]:
        """What the advisories say of this version, by version alone: what it has, then what it does not have.

        The second kind begins with ``not affected by`` and names the reason; it is said where the number of
        the version alone would tell otherwise.
        """
        from probe.runner.advisory_formats import NVD, TRACKER
        from probe.runner.advisory_match import affects, from_tracker, speaks_of, subject

        of = subject(fact)
        every = self._rows(of)
        found: dict[str, str] = {}
        tracker = [r for r in every if r.scheme == TRACKER and speaks_of(r, of)]
        by_number = [r.id for r in every if r.scheme == NVD and affects(r, of.upstream)]
        free = list(from_tracker(tracker, of, by_number, found))
        for row in every:
            if row.scheme != TRACKER and speaks_of(row, of):
                version = of.upstream if row.scheme == NVD else of.version
                if affects(row, version):
                    found.setdefault(row.id, _sentence(row, of))
        said = [found[name] for name in sorted(found)]
        return (*said, *(text for name, text in sorted(free) if name not in found))

    def take_in(self, path: Path, now: float) -> int:
        """Import a file, instead of an earlier import of the same name; returns the number of rows.

        All of it or nothing: after a fault the store is as it was before.
        """
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise ProbeError(f"{path} is no file", NEXT_STEP)
            if path.stat().st_size > LARGEST:
                raise ProbeError(f"{path} is larger than {LARGEST >> 30} GB", NEXT_STEP)
            with path.open("rb") as file:
                return self._take_in(path, file, now)
        except OSError as error:
            raise ProbeError(f"{path} cannot be read: {error.strerror}", NEXT_STEP) from None

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _take_in(self, path: Path, file: BufferedReader, now: float) -> int:
        import sqlite3

        from probe.runner.advisory_formats import Told, rows
        from probe.runner.json_stream import NotJson

        told, name = Told(), clean(path.name, 100)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        db = self._open()
        try:
            with db:
                again = "select id from source where name = ? or sha256 = ?"
                for (old,) in db.execute(again, (name, digest)).fetchall():
                    db.execute("delete from advisory where source = ?", (old,))
                    db.execute("delete from source where id = ?", (old,))
                source = db.execute(
                    "insert into source (name, sha256, imported) values (?, ?, ?)",
                    (name, digest, now),
                ).lastrowid
                marks = ", ".join("?" * (len(COLUMNS) + 1))
                count = db.executemany(
                    f"insert into advisory values ({marks})",  # noqa: S608 - question marks only
                    ((source, *_plain(row)) for row in rows(file, told)),
                ).rowcount
                if count <= 0:
                    raise ProbeError(f"{path} holds no advisory that could be read", NEXT_STEP)
                db.execute(
                    "update source set format = ?, newest = ? where id = ?",
                    (told.format, told.newest, source),
                )
        except NotJson as error:
            raise ProbeError(f"{path} {error}", NEXT_STEP) from None
        except (sqlite3.Error, UnicodeError) as error:
            raise ProbeError(
                f"{path} cannot be taken in: {clean(str(error), 200)}", NEXT_STEP
            ) from None
        return count

    def _rows(self, of: "Subject") -> list["Row"]:
        from probe.runner.advisory_formats import Row

        marks = ",".join("?" * len(of.names))
        asked = self._asked(
            f"select {', '.join(COLUMNS)} from advisory where name in ({marks}) order by id, release",  # noqa: S608 - question marks only
            of.names,
        )
        found = (dict(zip(COLUMNS, values, strict=True)) for values in asked)
        return [
            Row(**{**plain, "versions": tuple(json.loads(plain["versions"]))}) for plain in found
        ]

    def _asked(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        import sqlite3

        try:
            return self._open().execute(sql, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise self._broken(error) from None

    def _open(self) -> "Connection":
        import sqlite3

        if self._db is None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._db = sqlite3.connect(self.path)
                with closing(self._db.cursor()) as cursor:
                    (form,) = cursor.execute("pragma user_version").fetchone()
                    if form != FORM:
                        # WAL: who reads does not wait for who imports, which takes minutes.
                        cursor.executescript(
                            "pragma journal_mode = wal; begin immediate;"
                            "drop table if exists advisory; drop table if exists source;"
                            f"{TABLES} pragma user_version = {FORM}; commit;"
                        )
            except sqlite3.Error as error:
                self.close()
                raise self._broken(error) from None
        return self._db

    def _broken(self, error: Exception) -> ProbeError:
        return ProbeError(
            f"The imported advisories in {self.path} cannot be read: {clean(str(error), 200)}",
            "Delete that file and import the advisories again.",
        )


def _plain(row: "Row") -> Iterator[str]:
    for name in COLUMNS:
        value = getattr(row, name)
        yield json.dumps(value) if name == "versions" else value


def _sentence(row: "Row", of: "Subject") -> str:
    from probe.runner.advisory_formats import NVD

    known = f" fixed in {row.before}" if row.before else ""
    note = f", {row.note}" if row.note else ""
    patched = (
        "; unless the package's revision has the fix" if of.revised and row.scheme == NVD else ""
    )
    return clean(f"{row.id}{known} ({row.scheme}{note}){patched}", 200)
