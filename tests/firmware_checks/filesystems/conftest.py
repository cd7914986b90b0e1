"""A planted folder with everything a file system may hold, and its comparison with what was read of an image."""

import hashlib
import os
import random
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.budget import Budget, Limits
from firmware_checks.reading import Context, Entry, Kind, Reading
from firmware_checks.recognise import recognise
from firmware_checks.view import View
from tests.firmware_checks.conftest import keep_sample

PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def content(size: int, seed: int) -> bytes:
    """Bytes that compress a little, as programs do."""
    chance = random.Random(seed)
    words = [chance.randbytes(8) for _ in range(64)]
    return b"".join(chance.choice(words) for _ in range(size // 8 + 1))[:size]


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A folder with large, small, empty and sparse files, links, many names, odd names, modes and owners."""
    root = tmp_path / "planted"
    (root / "etc" / "empty").mkdir(parents=True)
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "many").mkdir()
    (root / "etc" / "passwd").write_bytes(b"root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc" / "nothing").write_bytes(b"")
    (root / "usr" / "bin" / "large").write_bytes(content(700_123, 1))
    (root / "usr" / "bin" / "blocks").write_bytes(content(262_144, 2))
    with (root / "usr" / "bin" / "sparse").open("wb") as file:
        file.seek(400_000)
        file.write(b"the end")
    (root / "usr" / "bin" / "setuid").write_bytes(content(5_000, 3))
    (root / "usr" / "bin" / "setuid").chmod(0o4755)
    os.link(root / "usr" / "bin" / "setuid", root / "usr" / "bin" / "zweiter")
    (root / "usr" / "bin" / "same").write_bytes(content(262_144, 2))
    (root / "link").symlink_to("../etc/passwd")
    (root / "etc" / "long link").symlink_to("way/" * 40 + "end")
    (root / "gr\u00fc\u00dfe \u4f60\u597d.txt").write_bytes(b"hello")
    for number in range(300):
        (root / "many" / f"a rather long name of file number {number}").write_bytes(b"%d" % number)
    (root / "etc" / "passwd").chmod(0o600)
    if os.geteuid() == 0:
        os.chown(root / "etc" / "passwd", 1000, 70_000)
    return root


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., None]:
    """Runs a program of the system in the test's folder; fails loudly."""

    def program(*argv: str | Path) -> None:
        words = [str(word) for word in argv]
        env = {**os.environ, "PATH": PATHS}
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, timeout=60, env=env)
        assert done.returncode == 0, done.stderr + done.stdout

    return program


Listed = dict[str, tuple[Entry, bytes]]


def reading_of(data: bytes, limits: Limits | None = None) -> Reading:
    keep_sample(data)
    found = recognise(View(data), Context(Budget(limits)))
    assert found is not None
    return found


def listed(found: Reading, limits: Limits | None = None) -> Listed:
    """Path to entry and bytes; no path comes twice."""
    assert found.tree is not None
    all_of: Listed = {}
    for entry, view in found.tree.entries(Budget(limits)):
        assert entry.path not in all_of
        all_of[entry.path] = (entry, view.read())
    return all_of


@pytest.fixture(name="reading_of")
def reading_of_fixture() -> Callable[..., Reading]:
    return reading_of


@pytest.fixture(name="listed")
def listed_fixture() -> Callable[..., Listed]:
    return listed


@pytest.fixture
def same() -> Callable[..., None]:
    """Whether everything in a folder was read, and nothing else."""

    def compare(
        found: Reading, root: Path, *, modes: bool = True, owners: bool = True, links: bool = True
    ) -> None:
        entries = listed(found)
        wanted = dict(_planted(root, links=links))
        assert set(entries) - {"lost+found"} == set(wanted)
        for path, there in wanted.items():
            entry, data = entries[path]
            assert not entry.problem, (path, entry.problem)
            _compare(entry, data, there, root, entries, modes=modes, owners=owners)

    return compare


def _planted(root: Path, *, links: bool) -> Iterator[tuple[str, Path]]:
    for path in root.rglob("*"):
        if links or not path.is_symlink():
            yield str(path.relative_to(root)), path


def _compare(
    entry: Entry,
    data: bytes,
    there: Path,
    root: Path,
    entries: Listed,
    *,
    modes: bool,
    owners: bool,
) -> None:
    known = there.lstat()
    if stat.S_ISLNK(known.st_mode):
        assert (entry.kind, entry.target) == (Kind.LINK, os.readlink(there))
        return
    if modes:
        assert entry.mode == stat.S_IMODE(known.st_mode), entry.path
    if owners:
        assert (entry.uid, entry.gid) == (known.st_uid, known.st_gid), entry.path
    if stat.S_ISDIR(known.st_mode):
        assert entry.kind is Kind.DIRECTORY
        return
    if not stat.S_ISREG(known.st_mode):
        assert (entry.kind, data) == (Kind.OTHER, b""), entry.path
        return
    if entry.kind is Kind.LINK:  # a further name of the same file
        assert known.st_nlink > 1
        entry, data = entries[entry.target]
    assert entry.kind is Kind.FILE
    assert hashlib.sha256(data).digest() == hashlib.sha256(there.read_bytes()).digest(), entry.path
    assert entry.size == len(data)


Examine = Callable[..., Any]
