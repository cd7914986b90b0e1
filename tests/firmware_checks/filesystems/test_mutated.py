"""Real samples with bytes changed, cut and repeated: every reader says Malformed or goes on, and is soon done."""

import bz2
import gzip
import lzma
import os
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget, Limits, OutOfBudget
from firmware_checks.reading import Context, Kind
from firmware_checks.recognise import recognise
from firmware_checks.view import Malformed, View

PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LIMITS = Limits(one_layer=16 << 20, all_bytes=64 << 20, files=5_000, seconds=20)
BODY = b"".join(b"%d, " % n for n in range(3000))


def _run(*argv: str, at: str, given: bytes = b"") -> bytes:
    env = {**os.environ, "PATH": PATHS}
    done = subprocess.run(argv, cwd=at, input=given, capture_output=True, timeout=60, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _made(*argv: str, size: int = 0, then: tuple[str, ...] = ()) -> bytes:
    """The file ``out`` that a program makes of the folder ``in``."""
    with tempfile.TemporaryDirectory() as at:
        root = Path(at, "in")
        (root / "etc" / "deep" / "er").mkdir(parents=True)
        (root / "etc" / "passwd").write_bytes(b"root::0:0::/:/bin/sh\n" * 20)
        (root / "etc" / "large").write_bytes(BODY)
        (root / "etc" / "link").symlink_to("passwd")
        os.link(root / "etc" / "passwd", root / "etc" / "again")
        for number in range(20):
            (root / f"{number} a rather long name").write_bytes(b"%d" % number)
        if size:
            with Path(at, "out").open("wb") as file:
                file.truncate(size)
        stdout = _run(*argv, at=at, given="\n".join(_names(root)).encode())
        if then:
            (root / "etc" / "link").unlink()
            _run(*then, *(str(p) for p in root.iterdir()), "::/", at=at)
        out = Path(at, "out")
        return out.read_bytes() if out.exists() else stdout


def _names(root: Path) -> list[str]:
    return sorted(f"in/{p.relative_to(root)}" for p in root.rglob("*"))


def _squash(*options: str) -> bytes:
    return _made("mksquashfs", "in", "out", "-quiet", "-no-progress", "-b", "4096", *options)


def _zip() -> bytes:
    with tempfile.TemporaryFile() as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("large", BODY)
            archive.writestr("etc/passwd", b"root")
        out.seek(0)
        return out.read()


def _packed(*argv: str) -> bytes:
    return _run(*argv, at="/", given=BODY)


OLD = "^extents,^64bit,^metadata_csum,^flex_bg,^huge_file,^extra_isize,^dir_nlink,^has_journal"
EXT = ("mkfs.ext4", "-q", "-F", "-b", "1024", "-N", "64", "-d", "in")
SAMPLES: dict[str, Callable[[], bytes]] = {
    "squashfs, metadata as it is": lambda: _squash("-noI", "-noId", "-noF"),
    "squashfs, xz": lambda: _squash("-comp", "xz", "-always-use-fragments"),
    "squashfs, zstd": lambda: _squash("-comp", "zstd"),
    "squashfs, lzo": lambda: _squash("-comp", "lzo"),
    "squashfs, lz4": lambda: _squash("-comp", "lz4"),
    "ext4": lambda: _made(*EXT, "-O", "^has_journal", "out", size=512 << 10),
    "ext4, inline": lambda: _made(
        *EXT, "-O", "^has_journal,inline_data", "-I", "256", "out", size=1 << 19
    ),
    "ext2": lambda: _made(*EXT, "-O", OLD, "out", size=512 << 10),
    "cramfs": lambda: _made("mkfs.cramfs", "in", "out"),
    "romfs": lambda: _made("genromfs", "-d", "in", "-f", "out"),
    "FAT12": lambda: _made(
        "mkfs.vfat", "-F12", "out", size=256 << 10, then=("mcopy", "-s", "-Q", "-i", "out")
    ),
    "cpio": lambda: _made("cpio", "-o", "-H", "newc", "--quiet"),
    "tar": lambda: _made("tar", "-cf", "out", "in"),
    "zip": _zip,
    "gzip": lambda: gzip.compress(BODY),
    "xz": lambda: lzma.compress(BODY),
    "LZMA": lambda: lzma.compress(BODY, format=lzma.FORMAT_ALONE),
    "bzip2": lambda: bz2.compress(BODY),
    "zstd": lambda: _packed("zstd", "-q", "-c"),
    "LZ4": lambda: _packed("lz4", "-q", "-c"),
    "LZ4, legacy": lambda: _packed("lz4", "-q", "-l", "-c"),
    "lzop": lambda: _packed("lzop", "-q", "-c"),
}


@cache
def sample(name: str) -> bytes:
    return SAMPLES[name]()


def survives(data: bytes) -> int:
    """Read everything there is; the number of entries. Fails when anything else is raised, or it takes long."""
    begun, entries = time.process_time(), 0
    budget = Budget(LIMITS)
    try:
        found = recognise(View(data), Context(budget))
        for part in found.parts if found else ():
            if part.make is not None:
                part.make(budget)
        for entry, view in found.tree.entries(budget) if found and found.tree else ():
            entries += 1
            assert entry.path.isprintable(), entry.path
            assert not entry.path.startswith("/")
            assert ".." not in entry.path.split("/")
            assert not len(view) or entry.kind is Kind.FILE
    except (Malformed, OutOfBudget):
        pass
    assert time.process_time() - begun < 2
    return entries


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_itself_is_read(name: str) -> None:
    found = recognise(View(sample(name)), Context(Budget(LIMITS)))
    assert found is not None
    assert not found.problem
    if found.tree is not None:
        assert survives(sample(name)) >= 2


CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(
            [b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\xff" * 8, b"\0" * 8, b"\x01\0\0\0"]
        )
        | st.binary(min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("name", SAMPLES)
@settings(
    max_examples=int(os.environ.get("PROBE_MUTATIONS", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@given(changes=CHANGES, front=st.booleans(), cut=st.none() | st.floats(0.01, 1))
def test_mutated(
    name: str, changes: list[tuple[float, bytes]], front: bool, cut: float | None
) -> None:
    """``front``: all changes in the first 2 KiB, where headers are; else anywhere."""
    data = bytearray(sample(name))
    for place, new in changes:
        at = int(place * min(len(data), 2048 if front else len(data)))
        data[at : at + len(new)] = new[: len(data) - at]
    survives(bytes(data[: int(len(data) * cut)] if cut else data))
