"""UBI made by ubinize, with UBIFS made by mkfs.ubifs inside; then damaged, older and newer blocks."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.view import View
from probe.model.firmware import LayerKind
from tests.firmware_checks.filesystems.mutation import mutants, survives

Call = Callable[..., Any]
PAGE, BLOCK = 2048, 131_072
LEB = BLOCK - 2 * PAGE


@pytest.fixture
def make_ubifs(run: Call, planted: Path, tmp_path: Path) -> Callable[..., bytes]:
    def image(*options: str, of: Path | None = None) -> bytes:
        out = tmp_path / "out.ubifs"
        sizes = ["-m", str(PAGE), "-e", str(LEB), "-c", "200"]
        run("mkfs.ubifs", "-r", of or planted, "-o", out, *sizes, *options)
        return out.read_bytes()

    return image


@pytest.fixture
def make_ubi(run: Call, tmp_path: Path) -> Callable[..., bytes]:
    """Volumes by name: ``*`` before it makes a static one."""

    def image(**volumes: bytes) -> bytes:
        text = ""
        for number, (name, data) in enumerate(volumes.items()):
            (tmp_path / f"{number}.volume").write_bytes(data)
            kind = "static" if name.startswith("fixed") else "dynamic"
            text += f"[{number}]\nmode=ubi\nimage={number}.volume\nvol_id={number}\n"
            text += f"vol_size=8MiB\nvol_type={kind}\nvol_name={name}\n"
        (tmp_path / "volumes.ini").write_text(text)
        run("ubinize", "-o", "out.ubi", "-m", str(PAGE), "-p", "128KiB", "volumes.ini")
        return (tmp_path / "out.ubi").read_bytes()

    return image


def crc(data: bytes) -> int:
    return zlib.crc32(data) ^ 0xFFFFFFFF


@pytest.mark.parametrize("compressor", ["lzo", "zlib", "zstd", "none", "favor_lzo"])
def test_ubifs_with_every_compressor(
    compressor: str, make_ubifs: Call, reading_of: Call, same: Call, planted: Path
) -> None:
    data = make_ubifs("-x", compressor)
    found = reading_of(data)
    assert (found.format, found.kind, found.problem) == ("UBIFS", LayerKind.FILE_SYSTEM, "")
    same(found, planted)


def test_volumes_are_put_together_and_read(
    make_ubifs: Call, make_ubi: Call, examined: Call
) -> None:
    note = b"just some bytes " * 20_000
    image = make_ubi(rootfs=make_ubifs(), fixed_note=note)
    found = examined(image)
    assert list(found.formats().values())[:2] == ["UBI", "UBIFS"]
    assert [u for u in found.survey.unread if "320000 bytes of no known format" not in u] == []
    assert found.survey.files > 300


def test_a_static_volume_is_exactly_what_was_written(make_ubi: Call, reading_of: Call) -> None:
    note = b"just some bytes " * 20_000
    found = reading_of(make_ubi(fixed=note, free=note))
    one, two = (part.make(_budget()) for part in found.parts)
    assert one.read() == note
    assert two.read(0, len(note)) == note
    assert two.part(len(note)).is_filled_with(0xFF)
    assert [part.name for part in found.parts] == ["fixed", "free"]


def _budget() -> Any:
    from firmware_checks.budget import Budget

    return Budget()


def test_blocks_may_stand_in_any_order_and_between_blank_ones(
    make_ubifs: Call, make_ubi: Call, reading_of: Call, same: Call, planted: Path
) -> None:
    data = make_ubi(rootfs=make_ubifs())
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
    blank = blocks[0][:64] + b"\xff" * (BLOCK - 64)
    shuffled = b"".join([blank, *reversed(blocks), b"\xff" * BLOCK, blank])
    (part,) = reading_of(shuffled).parts
    same(reading_of(part.make(_budget()).read()), planted)


def newer(block: bytes, sequence: int, data: bytes, *, holds: bool) -> bytes:
    """A copy of a block of a volume with other bytes, as UBI makes it when it moves one."""
    head = bytearray(block[PAGE : PAGE + 60])
    head[6] = 1  # copied: its checksum counts
    checksum = crc(data) if holds else 0
    struct.pack_into(">I", head, 20, len(data))
    struct.pack_into(">I", head, 32, checksum)
    struct.pack_into(">Q", head, 40, sequence)
    second = bytes(head) + struct.pack(">I", crc(bytes(head)))
    whole = block[:PAGE] + second + b"\xff" * (PAGE - 64) + data
    return whole + b"\xff" * (BLOCK - len(whole))


@pytest.mark.parametrize("holds", [True, False])
def test_the_newer_block_counts_when_it_is_whole(
    holds: bool, make_ubi: Call, reading_of: Call
) -> None:
    data = make_ubi(free=b"old" * 1000)
    last = data[-BLOCK:]
    changed = data + newer(last, 99, b"new" * 1000, holds=holds)
    (part,) = reading_of(changed).parts
    assert part.make(_budget()).read(0, 3) == (b"new" if holds else b"old")


def test_damaged_headers_are_told_and_the_rest_is_read(
    make_ubifs: Call, make_ubi: Call, examined: Call
) -> None:
    data = bytearray(make_ubi(rootfs=make_ubifs()))
    for block in (5, 6):
        data[block * BLOCK + (0 if block == 5 else PAGE)] ^= 0xFF
    found = examined(bytes(data))
    assert found.formats()["0"] == "UBI"
    assert any("2 erase blocks have damaged headers" in line for line in found.survey.unread)


def test_a_volume_that_is_said_to_be_huge_is_not_made(make_ubi: Call, examined: Call) -> None:
    data = bytearray(make_ubi(free=b"some bytes" * 1000))
    second = len(data) - BLOCK + PAGE
    struct.pack_into(">I", data, second + 12, 0x00FFFFFF)
    struct.pack_into(">I", data, second + 60, crc(bytes(data[second : second + 60])))
    assert any("are there" in line for line in examined(bytes(data)).survey.unread)


# --- UBIFS: later nodes ----------------------------------------------------------------------------


def node(kind: int, sequence: int, body: bytes) -> bytes:
    rest = struct.pack("<QIBBH", sequence, 24 + len(body), kind, 0, 0) + body
    whole = b"\x31\x18\x10\x06" + struct.pack("<I", crc(rest)) + rest
    return whole + b"\0" * (-len(whole) % 8)


def name_node(folder: int, inode: int, name: bytes, sequence: int) -> bytes:
    body = struct.pack("<II8xQBBHI", folder, 2 << 29 | 77, inode, 0, 0, len(name), 0) + name
    return node(2, sequence, body + b"\0")


def data_node(inode: int, place: int, data: bytes, sequence: int) -> bytes:
    return node(
        1, sequence, struct.pack("<II8xIHH", inode, 1 << 29 | place, len(data), 0, 0) + data
    )


def found_name(data: bytes, name: bytes) -> tuple[int, int]:
    """Folder and inode of a name in the image."""
    at = data.index(name + b"\0") - 56
    assert data[at : at + 4] == b"\x31\x18\x10\x06"
    return struct.unpack_from("<I", data, at + 24)[0], struct.unpack_from("<Q", data, at + 40)[0]


@pytest.fixture
def small(make_ubifs: Call, tmp_path: Path) -> bytes:
    (tmp_path / "some").mkdir()
    for name in ("kept", "gone", "changed", "cutoff"):
        (tmp_path / "some" / name).write_bytes(b"first " * 2000)
    return bytes(make_ubifs("-x", "none", of=tmp_path / "some"))


def _blank_block(data: bytes) -> int:
    """A block of the main area that holds nothing."""
    return next(at for at in range(len(data) - LEB, 0, -LEB) if set(data[at : at + LEB]) == {0xFF})


def test_what_was_written_after_the_last_commit_counts(
    small: bytes, reading_of: Call, listed: Call
) -> None:
    small += b"\xff" * LEB
    small = resized(small, len(small) // LEB)
    folder, gone = found_name(small, b"gone")
    _, changed = found_name(small, b"changed")
    _, cut = found_name(small, b"cutoff")
    later = name_node(folder, 0, b"gone", 10_000) + data_node(changed, 1, b"SECOND", 10_001)
    later += data_node(changed, 1, b"older!", 3)
    later += node(4, 10_002, struct.pack("<I12xQQ", cut, 12_000, 4096))
    at = _blank_block(small)
    image = small[:at] + later + small[at + len(later) :]
    found = listed(reading_of(image))
    assert set(found) == {"kept", "changed", "cutoff"}
    assert found["changed"][1][4096:4102] == b"SECOND"
    assert found["cutoff"][1] == (b"first " * 2000)[:4096] + bytes(12_000 - 4096)
    assert gone
    assert "gone" in listed(reading_of(small))


def resized(data: bytes, blocks: int) -> bytes:
    """The superblock saying another number of blocks."""
    changed = bytearray(data)
    struct.pack_into("<I", changed, 40, blocks)
    struct.pack_into("<I", changed, 4, crc(bytes(changed[8:4096])))
    return bytes(changed)


def test_with_a_damaged_index_every_node_is_read_and_that_is_told(
    small: bytes, examined: Call
) -> None:
    for begin in (LEB, 2 * LEB):
        small = small[:begin] + bytes(LEB) + small[begin + LEB :]
    found = examined(small)
    assert found.survey.files == 4
    assert any("index is damaged" in line for line in found.survey.unread)


def test_cut_short_is_said(make_ubifs: Call, examined: Call) -> None:
    data = make_ubifs()
    assert examined(data[: 5 * LEB]).survey.unread
    assert examined(data[: len(data) * 2 // 3]).survey.unread


def refit(data: bytearray) -> None:
    """The checksums of UBIFS's nodes made anew."""
    for begin in range(0, len(data), LEB):
        at, end = begin, min(begin + LEB, len(data))
        while (at := data.find(b"\x31\x18\x10\x06", at, end)) >= 0 and at + 24 <= end:
            (size,) = struct.unpack_from("<I", data, at + 16)
            if 24 <= size <= end - at:
                struct.pack_into("<I", data, at + 4, crc(bytes(data[at + 8 : at + size])))
            at += 8


def places_of(data: bytes) -> tuple[int, int]:
    """From the first to the last byte of the nodes of files."""
    return data.index(b"kept\0") // LEB * LEB, data.rindex(b"\x31\x18\x10\x06") + 300


def test_mutants_of_ubifs(small: bytes) -> None:
    full, entries = survives(small), 0
    for one in mutants(small, 60, 2, LEB, 3 * LEB):
        refit(one)
        entries += survives(one)
    for one in mutants(small, 60, 3, *places_of(small)):
        entries += survives(one)
        refit(one)
        entries += survives(one)
    assert entries > 50 * full


def test_mutants_of_ubi(make_ubi: Call) -> None:
    data = make_ubi(free=b"some bytes" * 30_000, fixed=b"others" * 1000)
    whole = len(View(data))
    for block in range(0, whole, BLOCK):
        for begin in (block, block + PAGE):
            for one in mutants(data, 12, block + begin, begin, begin + 64):
                survives(one)
                struct.pack_into(">I", one, begin + 60, crc(bytes(one[begin : begin + 60])))
                survives(one)
