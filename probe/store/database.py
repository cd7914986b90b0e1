"""The one door to the database: SQLite of the standard library, or PostgreSQL through psycopg.

Both drivers speak DB-API 2 and the two databases nearly the same SQL, so each statement is written once,
with ``?`` for a value. A general SQL toolkit was measured here: it took a quarter of a second and 24 MB at
every start of every command, for the fifteen statements of this room.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

from probe.store.errors import StoreError, explained

WAITS_S = 15.0
"""How long a writer waits for another process that is writing."""
IDLE_S = 60.0
"""After which a server takes a transaction back whose process says nothing more: it keeps all others waiting."""
WRITERS = 0x70726F6265
"""The number by which probes know each other's transactions on a server."""


class Statements(Protocol):
    """What can be done inside a transaction."""

    def execute(self, sql: str, *values: object) -> list[tuple[Any, ...]]: ...


class Database:
    """A connection, made when it is first needed; usable from every thread, by one at a time.

    ``url`` is a path of an SQLite file, or ``postgresql://…``; ``where`` is what messages call it.
    Every method raises StoreError and nothing else.
    """

    def __init__(self, url: str, where: str) -> None:
        self.where = where
        self._url = url
        self.is_postgresql = url.startswith(("postgresql://", "postgres://"))
        if "://" in url and not self.is_postgresql:
            raise StoreError(
                f"'{url.split(':', 1)[0]}' is no kind of database that the store knows",
                "Name a folder, or a URL that begins with postgresql://.",
            )
        self._driver: ModuleType = _psycopg() if self.is_postgresql else sqlite3
        self._connection: Any = None
        self._alone = threading.RLock()
        self._inside = False
        self.at_connecting: list[Callable[[], None]] = []
        """Called on every new connection: what went with the old one is taken up again."""

    def execute(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement; the rows that it gives. Outside of ``together`` it is durable at once."""
        with self._alone, self._guarded():
            return self._run(sql, values)

    @contextmanager
    def together(self) -> Iterator[Statements]:
        """What is done inside is one transaction: at its end all of it is durable, or nothing."""
        with self._alone:
            if self._inside:
                yield self
                return
            with self._guarded():
                # Who will write asks for the right at the start, where waiting for it is safe: two that met
                # halfway would each wait for the other.
                self._run("BEGIN" if self.is_postgresql else "BEGIN IMMEDIATE")
                if self.is_postgresql:
                    self._right_to_write()
            self._inside = True
            try:
                yield self
            except BaseException:
                self._inside = False
                self._undo()
                raise
            self._inside = False
            with self._guarded():
                try:
                    self._run("COMMIT")
                except self._driver.Error:
                    self._undo()
                    raise

    def close(self) -> None:
        """Give the connection back; the next statement makes a new one."""
        with self._alone:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _run(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = self._connect()
            for call in self.at_connecting:
                call()
        if self.is_postgresql:
            sql = sql.replace("?", "%s")
        cursor = self._connection.execute(sql, values)
        return list(cursor.fetchall()) if cursor.description else []

    def _right_to_write(self) -> None:
        try:
            self._run("SELECT pg_advisory_xact_lock(?)", (WRITERS,))
        except self._driver.Error:
            self._undo()
            raise

    def _undo(self) -> None:
        try:
            self._run("ROLLBACK")
        except self._driver.Error:
            # A full disk or a lost server has ended the transaction already: begin afresh.
            self._forget()

    def _forget(self) -> None:
        lost, self._connection = self._connection, None
        if lost is not None:
            try:
                lost.close()
            except self._driver.Error:
                pass

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise explained(self.where, error.strerror or str(error)) from error
        except self._driver.Error as error:
            if self.is_postgresql and self._connection is not None and self._connection.closed:
                self._forget()
            raise explained(self.where, str(error)) from error

    def _connect(self) -> Any:
        if self.is_postgresql:
            server = self._driver.connect(
                self._url,
                autocommit=True,
                connect_timeout=int(WAITS_S),
                # A server that vanished without a word; TCP alone tries for a quarter of an hour.
                tcp_user_timeout=int(WAITS_S * 1000),
                keepalives_idle=int(WAITS_S),
                keepalives_interval=5,
                keepalives_count=3,
                application_name="probe",
            )
            server.execute(
                f"SET lock_timeout = '{WAITS_S:g}s'; SET idle_in_transaction_session_timeout = '{IDLE_S:g}s'"
            )
            return server
        made = sqlite3.connect(
            self._url, timeout=WAITS_S, isolation_level=None, check_same_thread=False
        )
        # WAL: readers never wait for the writer. NORMAL: a killed process loses nothing; only a power
        # cut may lose the last commits, and never damages the file.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            made.execute(f"PRAGMA {pragma}")
        return made


def _psycopg() -> ModuleType:
    try:
        return import_module("psycopg")
    except ImportError:
        raise StoreError(
            "The driver of PostgreSQL is not installed",
            "Install the probe with its extra: pip install 'secure-by-design-probe[postgresql]'.",
        ) from None
