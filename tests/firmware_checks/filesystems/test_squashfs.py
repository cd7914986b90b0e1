"""Squashfs made by mksquashfs: every compressor, with and without fragments; then damaged and lying ones."""

import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.budget import Budget, Limits, OutOfBudget
from firmware_checks.reading import Kind
from probe.model.firmware import LayerKind

Call = Callable[..., Any]
COMPRESSORS = ["gzip", "lzma", "lzo", "xz", "lz4", "zstd"]
WAYS = [
    ["-comp", "gzip", "-no-fragments"],
    ["-comp", "gzip", "-always-use-fragments", "-b", "4096"],
    ["-comp", "xz", "-Xbcj", "x86,arm", "-b", "1M"],
    ["-comp", "gzip", "-noI", "-noD", "-noF", "-noX", "-noId"],
    ["-comp", "zstd", "-no-exports", "-no-xattrs", "-no-duplicates", "-no-hardlinks"],
    ["-comp", "lz4", "-Xhc"],
]


@pytest.fixture
def make(run: Call, planted: Path, tmp_path: Path) -> Callable[..., bytes]:
    def image(*options: str, of: Path | None = None) -> bytes:
        out = tmp_path / "out.squashfs"
        run("mksquashfs", of or planted, out, "-noappend", "-quiet", "-no-progress", *options)
        return out.read_bytes()

    return image


@pytest.mark.parametrize("compressor", COMPRESSORS)
def test_every_compressor(
    compressor: str, make: Call, reading_of: Call, same: Call, planted: Path
) -> None:
    data = make("-comp", compressor)
    found = reading_of(data)
    assert (found.format, found.kind, found.problem) == ("squashfs", LayerKind.FILE_SYSTEM, "")
    assert dict(found.details)["compression"] == compressor
    assert found.size == struct.unpack_from("<Q", data, 40)[0] <= len(data)
    same(found, planted)


@pytest.mark.parametrize("options", WAYS, ids=" ".join)
def test_every_way_of_packing(
    options: list[str], make: Call, reading_of: Call, same: Call, planted: Path
) -> None:
    same(reading_of(make(*options)), planted)


def test_devices_and_owners_come_from_the_image(
    make: Call, reading_of: Call, listed: Call, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    definitions = ["-p", "console c 600 7 8 5 1", "-p", "evil f 6777 0 12 echo planted"]
    found = listed(reading_of(make(*definitions, of=tmp_path / "plain")))
    console, _ = found["console"]
    assert (console.kind, console.mode, console.uid, console.gid) == (Kind.OTHER, 0o600, 7, 8)
    evil, data = found["evil"]
    assert (evil.mode, data) == (0o6777, b"planted\n")


def test_the_same_inode_under_two_names_is_read_once(
    make: Call, reading_of: Call, listed: Call
) -> None:
    found = listed(reading_of(make()))
    names = [found["usr/bin/setuid"][0], found["usr/bin/zweiter"][0]]
    assert sorted(e.kind for e in names) == [Kind.FILE, Kind.LINK]


def test_an_image_cut_short_says_so(make: Call, examined: Call) -> None:
    data = make()
    found = examined(data[: len(data) // 2])
    assert found.formats() == {"0": "squashfs"}
    assert "cut short" in found.survey.unread[0]


def test_a_damaged_block_is_a_problem_of_its_file_alone(
    make: Call, reading_of: Call, listed: Call, planted: Path
) -> None:
    data = bytearray(make("-comp", "xz", "-no-fragments", "-no-duplicates"))
    data[96 + 1000 : 96 + 1100] = bytes(100)  # inside the first file's blocks
    found = listed(reading_of(bytes(data)))
    broken = [path for path, (entry, _) in found.items() if entry.problem]
    assert len(broken) == 1
    assert "cannot be read" in found[broken[0]][0].problem
    assert found["etc/passwd"][1] == (planted / "etc" / "passwd").read_bytes()


def test_blocks_that_stand_in_the_image_are_never_above_what_was_said(
    make: Call, reading_of: Call
) -> None:
    """A budget of fewer bytes than the files hold ends the reading, and says so."""
    found = reading_of(make())
    with pytest.raises(OutOfBudget, match="MiB of content"):
        list(found.tree.entries(Budget(Limits(all_bytes=1 << 20))))
    with pytest.raises(OutOfBudget, match="files"):
        list(found.tree.entries(Budget(Limits(files=100))))


def test_a_file_that_is_said_to_be_huge_is_not_made(
    make: Call, reading_of: Call, listed: Call, tmp_path: Path
) -> None:
    """A hole of 3 GiB takes four bytes for each block in the image; it is refused, not filled."""
    (tmp_path / "holes").mkdir()
    with (tmp_path / "holes" / "bomb").open("wb") as file:
        file.truncate(3 << 30)
    (tmp_path / "holes" / "plain").write_bytes(b"plain")
    data = make(of=tmp_path / "holes")
    begun = time.monotonic()
    found = listed(reading_of(data))
    assert time.monotonic() - begun < 2
    assert "more than is read of one" in found["bomb"][0].problem
    assert found["plain"][1] == b"plain"


def patched(data: bytes, at: int, layout: str, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(layout, changed, at, *values)
    return bytes(changed)


def test_a_folder_inside_itself_is_entered_once(
    make: Call, reading_of: Call, listed: Call, tmp_path: Path
) -> None:
    """The inode of ``a/b`` is made to name the listing of ``a``, so that ``a/b/b`` would go on for ever."""
    (tmp_path / "loop" / "a" / "b" / "c").mkdir(parents=True)
    data = make("-noI", "-noD", "-noF", "-noId", of=tmp_path / "loop")
    inodes, listing = struct.unpack_from("<QQ", data, 64)
    # Inodes of 32 bytes after the block's length: c, b, a, root; a listing of one name: 12 + 8 + 1 bytes.
    at = {name: inodes + 2 + 32 * n for n, name in enumerate("cba")}
    of_a = struct.unpack_from("<IIHHI", data, at["a"] + 16)
    data = patched(data, at["b"] + 16, "<IIHH", *of_a[:4])
    begun = time.monotonic()
    found = listed(reading_of(data))
    assert time.monotonic() - begun < 1
    assert set(found) == {"a", "a/b", "a/b/b"}
    assert "inside itself" in found["a/b/b"][0].problem
    assert listing > inodes


def test_counts_that_lie_are_caught(make: Call, reading_of: Call, listed: Call) -> None:
    data = make("-noI", "-noD", "-noF", "-noId")
    inodes, listing = struct.unpack_from("<QQ", data, 64)
    damaged = patched(data, listing + 2, "<I", 0x7FFFFFFF)  # names behind the first header
    found = listed(reading_of(damaged))
    assert any("names" in entry.problem for entry, _ in found.values())
    assert inodes < listing


def test_names_that_climb_are_made_harmless(
    make: Call, reading_of: Call, listed: Call, tmp_path: Path
) -> None:
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "xxxxxxxxx").write_bytes(b"climbs")
    data = make("-noI", "-noD", "-noF", "-noId", of=tmp_path / "up")
    found = listed(reading_of(data.replace(b"xxxxxxxxx", b"../../etc")))
    assert list(found) == [".._.._etc"]
    found = listed(reading_of(data.replace(b"xxxxxxxxx", b"a\x1b[31m\n\x00b")))
    assert not any(c in next(iter(found)) for c in "\x1b\n\0")
