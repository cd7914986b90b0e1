"""JFFS2 made by mkfs.jffs2, in both byte orders, with every compressor; then nodes that were written later."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.filesystems.rtime import unrtime
from probe.model.firmware import LayerKind
from tests.firmware_checks.filesystems.mutation import mutants, survives

Call = Callable[..., Any]
ORDERS = {"-l": "<", "-b": ">"}
WAYS = [
    ["-m", "none"],
    ["-m", "size", "-x", "rtime", "-x", "lzo"],
    ["-m", "size", "-x", "zlib", "-x", "lzo"],
    ["-m", "size", "-x", "zlib", "-x", "rtime", "-X", "lzo"],
    ["-n", "-s", "2048", "-e", "16KiB"],
    ["--pad=4MiB", "-e", "128KiB"],
]


@pytest.fixture
def make(run: Call, planted: Path, tmp_path: Path) -> Callable[..., bytes]:
    def image(*options: str, of: Path | None = None) -> bytes:
        out = tmp_path / "out.jffs2"
        run("mkfs.jffs2", "-d", of or planted, "-o", out, *options)
        return out.read_bytes()

    return image


def crc(data: bytes) -> int:
    return zlib.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF


def name_node(order: str, parent: int, version: int, inode: int, name: bytes) -> bytes:
    """A name as the kernel writes it; inode 0 deletes."""
    size = 40 + len(name)
    head = struct.pack(order + "HHI", 0x1985, 0xE001, size)
    body = struct.pack(order + "IIIIBBH", parent, version, inode, 0, len(name), 8, 0)
    start = head + struct.pack(order + "I", crc(head)) + body
    node = start + struct.pack(order + "II", crc(start), crc(name)) + name
    return node + b"\xff" * (-size % 4)


def data_node(order: str, inode: int, version: int, size: int, offset: int, data: bytes) -> bytes:
    """Bytes of a file, not compressed; ``size`` is the file's after it."""
    total = 68 + len(data)
    head = struct.pack(order + "HHI", 0x1985, 0xE002, total)
    body = struct.pack(order + "IIIHHI", inode, version, 0o100640, 5, 6, size)
    body += struct.pack(order + "IIIIII", 1, 2, 3, offset, len(data), len(data))
    start = head + struct.pack(order + "I", crc(head)) + body + struct.pack(order + "BBH", 0, 0, 0)
    node = start + struct.pack(order + "II", crc(data), crc(start)) + data
    return node + b"\xff" * (-total % 4)


def number_of(data: bytes, order: str, name: bytes) -> tuple[int, int]:
    """Parent and inode of the name in the image."""
    at = data.index(name + b"\xff" * (-len(name) % 4)) - 40
    assert data[at : at + 2] == struct.pack(order + "H", 0x1985)
    parent, _, inode = struct.unpack_from(order + "III", data, at + 12)
    return parent, inode


@pytest.mark.parametrize("order", ORDERS)
def test_both_byte_orders(
    order: str, make: Call, reading_of: Call, same: Call, planted: Path
) -> None:
    data = make(order)
    found = reading_of(data)
    assert (found.format, found.kind, found.problem) == ("JFFS2", LayerKind.FILE_SYSTEM, "")
    assert dict(found.details)["byte order"].startswith("little" if order == "-l" else "big")
    assert found.size == len(data)
    same(found, planted, owners=False)  # its owners have 16 bits


@pytest.mark.parametrize("options", WAYS, ids=" ".join)
def test_every_way_of_packing(
    options: list[str], make: Call, reading_of: Call, same: Call, planted: Path
) -> None:
    same(reading_of(make(*options)), planted, owners=False)


@pytest.mark.parametrize("option", ORDERS)
def test_the_newest_node_counts(
    option: str, make: Call, reading_of: Call, listed: Call, tmp_path: Path
) -> None:
    order = ORDERS[option]
    (tmp_path / "some").mkdir()
    for name in ("kept", "gone", "changed", "shorter"):
        (tmp_path / "some" / name).write_bytes(b"first " * 100)
    data = make(option, of=tmp_path / "some")
    parent, gone = number_of(data, order, b"gone")
    _, changed = number_of(data, order, b"changed")
    _, shorter = number_of(data, order, b"shorter")
    later = name_node(order, parent, 1000, 0, b"gone")
    later += data_node(order, changed, 1001, 600, 3, b"SECOND")
    later += data_node(order, changed, 1000, 600, 3, b"third!")  # older, though it stands later
    later += data_node(order, shorter, 1000, 5, 0, b"")
    later += name_node(order, parent, 1001, shorter, b"renamed")
    found = listed(reading_of(data + later))
    assert set(found) == {"kept", "changed", "shorter", "renamed"}
    assert found["kept"][1] == b"first " * 100
    assert found["changed"][1] == b"firSECOND" + (b"first " * 100)[9:]
    assert (found["changed"][0].uid, found["changed"][0].mode) == (5, 0o640)
    assert {found["shorter"][1], found["renamed"][1]} == {b"first", b""}
    assert gone not in (changed, shorter)
    assert "gone" in listed(reading_of(data))


def test_a_damaged_node_is_told(
    make: Call, examined: Call, reading_of: Call, listed: Call, tmp_path: Path
) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "file").write_bytes(b"plain text")
    data = make("-m", "none", of=tmp_path / "some")
    spoiled = data.replace(b"plain text", b"plain tixt")
    assert "checksum" in listed(reading_of(spoiled))["file"][0].problem
    assert any("checksum" in line for line in examined(spoiled).survey.unread)
    header = bytearray(data)
    header[data.index(b"file") - 20] ^= 1
    assert any("damaged" in line for line in examined(bytes(header)).survey.unread)


def test_it_ends_where_its_last_node_ends(make: Call, examined: Call) -> None:
    data = make()
    other = make("-b")
    found = examined(data + b"\xff" * 70_000 + other)
    assert list(found.formats().values()) == ["JFFS2", "JFFS2"]
    assert not found.survey.unread


def test_cut_short_is_said(make: Call, examined: Call) -> None:
    data = make()
    unread = examined(data[: len(data) // 2 + 1]).survey.unread
    assert any("cut short" in line for line in unread)


def test_rtime_repeats_what_followed() -> None:
    assert unrtime(b"a\x00b\x00a\x03", 6) == b"ababab"
    assert unrtime(b"x\x00x\x05", 7) == b"xx" + b"x" * 5


def refit(data: bytearray, order: str) -> None:
    """The checksums of all nodes made anew, so that what they guard is read."""
    at = 0
    while at + 12 <= len(data):
        kind, size = struct.unpack_from(order + "HI", data, at + 2)
        struct.pack_into(order + "H", data, at, 0x1985)
        struct.pack_into(order + "I", data, at + 8, crc(bytes(data[at : at + 8])))
        if kind == 0xE001 and at + 40 <= len(data):
            length = data[at + 28]
            name = bytes(data[at + 40 : at + 40 + length])
            struct.pack_into(order + "II", data, at + 32, crc(bytes(data[at : at + 32])), crc(name))
        if kind == 0xE002 and at + 68 <= len(data):
            (packed,) = struct.unpack_from(order + "I", data, at + 48)
            body = bytes(data[at + 68 : at + 68 + packed])
            struct.pack_into(order + "I", data, at + 60, crc(body))
            struct.pack_into(order + "I", data, at + 64, crc(bytes(data[at : at + 60])))
        at += max(size + 3 & ~3, 12)


@pytest.mark.parametrize("option", ORDERS)
def test_mutants(option: str, make: Call, tmp_path: Path) -> None:
    (tmp_path / "some" / "deep").mkdir(parents=True)
    for number in range(12):
        (tmp_path / "some" / "deep" / f"file{number}").write_bytes(b"some text " * 30 * number)
    (tmp_path / "some" / "link").symlink_to("deep")
    data = make(option, of=tmp_path / "some")
    full, entries = survives(data), 0
    for one in mutants(data, 400, 1):
        entries += survives(one)
        refit(one, ORDERS[option])
        entries += survives(one)
    assert entries > 100 * full  # it is the files that were fuzzed, not the first bytes alone
