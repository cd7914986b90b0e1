"""YAFFS2 of an own writer, in many sizes and both byte orders; Debian's unyaffs confirms what it writes."""

import filecmp
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.model.firmware import LayerKind
from tests.firmware_checks.filesystems.mutation import mutants, survives
from tests.firmware_checks.filesystems.yaffs2_writer import (
    FILE,
    FIRST,
    FOLDER,
    ROOT,
    SEQUENCE,
    Writer,
)

Call = Callable[..., Any]
SHAPES = [
    (2048, 64, 0, "<"),
    (2048, 64, 2, ">"),
    (4096, 128, 0, "<"),
    (4096, 218, 2, "<"),
    (8192, 256, 0, ">"),
    (512, 16, 0, "<"),
    (16384, 512, 4, "<"),
]


@pytest.fixture(name="planted")
def planted_fixture(planted: Path) -> Path:
    """A link's target has 159 bytes here."""
    (planted / "etc" / "long link").unlink()
    (planted / "etc" / "long link").symlink_to("way/" * 39 + "end")
    return planted


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sizes_are_guessed(
    shape: tuple[int, int, int, str], planted: Path, reading_of: Call, same: Call
) -> None:
    writer = Writer(*shape)
    writer.folder(planted)
    found = reading_of(bytes(writer.out))
    assert (found.format, found.kind, found.problem) == ("YAFFS2", LayerKind.FILE_SYSTEM, "")
    details = dict(found.details)
    assert (details["page"], details["spare"]) == (str(shape[0]), str(shape[1]))
    assert found.size == len(writer.out)
    same(found, planted)


def test_another_program_unpacks_what_the_writer_makes(
    planted: Path, run: Call, tmp_path: Path
) -> None:
    writer = Writer()
    writer.header(ROOT, FOLDER, ROOT, b"", 0o40755)
    writer.folder(planted)
    (tmp_path / "image").write_bytes(writer.out)
    (tmp_path / "out").mkdir()
    run("unyaffs", "image", "out")
    files = [p.relative_to(planted) for p in planted.rglob("*") if p.is_file()]
    _, other, wrong = filecmp.cmpfiles(planted, tmp_path / "out", map(str, files), shallow=False)
    assert (other, wrong) == ([], [])


def test_the_root_may_be_written_too(planted: Path, reading_of: Call, same: Call) -> None:
    writer = Writer()
    writer.header(ROOT, FOLDER, ROOT, b"", 0o40755)
    writer.folder(planted)
    same(reading_of(bytes(writer.out)), planted)


def test_the_newest_page_counts_and_deleted_files_are_gone(reading_of: Call, listed: Call) -> None:
    writer = Writer()
    for number, name in enumerate((b"kept", b"gone", b"changed", b"unlinked")):
        writer.header(FIRST + number, FILE, ROOT, name, size=5000)
        writer.file(FIRST + number, b"first" * 1000)
    writer.header(FIRST + 1, FILE, 4, b"deleted", sequence=SEQUENCE + 1)
    writer.header(FIRST + 3, FILE, 3, b"unlinked", sequence=SEQUENCE + 1)
    writer.put(b"SECOND", FIRST + 2, 1, 6, SEQUENCE + 2)
    writer.put(b"older!", FIRST + 2, 1, 6, SEQUENCE + 1)
    writer.header(FIRST + 2, FILE, ROOT, b"renamed", size=6, sequence=SEQUENCE + 2)
    found = listed(reading_of(bytes(writer.out)))
    assert {path: data for path, (_, data) in found.items()} == {
        "kept": b"first" * 1000,
        "renamed": b"SECOND",
    }


def test_a_file_that_is_said_to_be_huge_is_not_made(reading_of: Call, listed: Call) -> None:
    writer = Writer()
    writer.header(FIRST, FILE, ROOT, b"bomb", size=0xFFFFFFFE)
    writer.header(FIRST + 1, FILE, ROOT, b"plain", size=5)
    writer.file(FIRST + 1, b"plain")
    found = listed(reading_of(bytes(writer.out)))
    assert "more than is read of one" in found["bomb"][0].problem
    assert found["plain"][1] == b"plain"


def test_a_folder_inside_itself_is_entered_once(reading_of: Call, listed: Call) -> None:
    writer = Writer()
    writer.header(FIRST, FOLDER, ROOT, b"a", 0o40755)
    writer.header(FIRST + 1, FOLDER, FIRST, b"b", 0o40755)
    writer.header(FIRST + 2, 4, FIRST + 1, b"up", same=FIRST)
    writer.header(FIRST + 3, FILE, FIRST + 1, b"../../etc", size=0)
    found = listed(reading_of(bytes(writer.out)))
    assert set(found) == {"a", "a/b", "a/b/up", "a/b/.._.._etc"}
    assert "inside itself" in found["a/b/up"][0].problem


def test_damaged_pages_are_told_and_nothing_is_seen_in_noise(examined: Call, planted: Path) -> None:
    writer = Writer()
    writer.folder(planted)
    data = bytearray(writer.out)
    data[10 * 2112 + 2048 : 10 * 2112 + 2060] = bytes(12)
    assert any("1 pages are damaged" in line for line in examined(bytes(data)).survey.unread)
    noise = random.Random(1).randbytes(50_000)
    start = struct.pack("<IIH", 3, 1, 0xFFFF)
    assert "YAFFS2" not in examined(start + noise).formats().values()
    assert "YAFFS2" not in examined(start + bytes(50_000)).formats().values()


def test_mutants() -> None:
    writer = Writer(512, 16)
    writer.header(FIRST, FOLDER, ROOT, b"deep", 0o40755)
    for number in range(1, 12):
        writer.header(FIRST + number, FILE, FIRST, b"file%d" % number, size=100 * number)
        writer.file(FIRST + number, b"some text " * 10 * number)
    data = bytes(writer.out)
    full, entries = survives(data), 0
    for one in mutants(data, 600, 6):
        entries += survives(one)
    assert entries > 200 * full
