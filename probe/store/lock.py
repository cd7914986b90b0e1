"""Tells whether the process of a run lives, and keeps its last words when the store itself failed."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from probe.store.database import Database
from probe.store.errors import StoreError

LAST_WORDS = 4096
"""Bytes set aside at the start, so that a full disk cannot keep the reason from being written."""

LOOKED_AT_S = 0.2
"""A look at the lock (``held``) takes less than this."""


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Waits until no other process is inside; the lock goes with the process."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class RunLock:
    """An advisory lock on a small file; the kernel gives it back when the process dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None

    def acquire(self) -> bool:
        """Whether the lock is ours now; it stays so until ``release`` or the end of the process."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        until = time.monotonic() + LOOKED_AT_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # Somebody who only asks whether the run lives holds it for a moment, too.
                if time.monotonic() >= until:
                    os.close(handle)
                    return False
                time.sleep(0.01)
        os.pwrite(handle, b" " * LAST_WORDS, 0)
        self._file = handle
        return True

    def say(self, words: str) -> None:
        """Overwrite the set-aside bytes with the reason for the end."""
        if self._file is not None:
            os.pwrite(self._file, words.encode()[:LAST_WORDS], 0)

    def words(self) -> str:
        """What the last holder said, empty when it said nothing."""
        try:
            return self.path.read_text(errors="replace").strip()
        except OSError:
            return ""

    def held(self) -> bool:
        """Whether a living process holds the lock."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class ServerLock(RunLock):
    """The same for a database that several hosts share: held by a connection, seen from every host.

    The last words stay on the host of the run.
    """

    KIND = 0x70726F62
    """The first of the two numbers of an advisory lock of PostgreSQL; the second is made of the run."""

    def __init__(self, path: Path, database: Database) -> None:
        super().__init__(path)
        self._database = database
        self._number = int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:4]) >> 1

    def acquire(self) -> bool:
        if not super().acquire():
            return False
        if not self._take():
            super().release()
            return False
        self._database.at_connecting.append(self._again)
        return True

    def _take(self) -> bool:
        key = (self.KIND, self._number)
        ((ours,),) = self._database.execute("SELECT pg_try_advisory_lock(?::int, ?::int)", *key)
        return bool(ours)

    def _again(self) -> None:
        """The server gave the lock back with the connection that was lost."""
        if not self._take():
            self._database.close()
            raise StoreError(
                "While the database server was away another process took this run up",
                "Let that one go on; 'probe runs' shows it.",
            )

    def held(self) -> bool:
        key = (self.KIND, self._number)
        return bool(
            self._database.execute(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND classid = ? AND objid = ?",
                *key,
            )
        )

    def release(self) -> None:
        if self._again in self._database.at_connecting:
            self._database.at_connecting.remove(self._again)
        try:
            if self._file is not None:
                key = (self.KIND, self._number)
                self._database.execute("SELECT pg_advisory_unlock(?::int, ?::int)", *key)
        finally:
            super().release()
