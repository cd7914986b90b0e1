"""Squashfs 3 in both byte orders and with routers' LZMA. No tool makes them today: an own writer, from
``squashfs_fs.h`` of squashfs-tools 3.4, so a misreading of it would be in both."""

import lzma
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from firmware_checks.reading import Kind

Call = Callable[..., Any]
Pack = Callable[[bytes], bytes]
BLOCK = 4096
BODY = bytes(n * n % 251 for n in range(9000)) + bytes(4096) + b"the tail"
SMALL = b"root:x:0:0:root:/:/bin/sh\n" * 3


def alone(data: bytes) -> bytes:
    """With the size in the header, as mksquashfs and routers' tools write it."""
    raw = lzma.compress(data, format=lzma.FORMAT_ALONE, filters=[LZMA])
    return raw[:5] + struct.pack("<Q", len(data)) + raw[13:]


def unsized(data: bytes) -> bytes:
    """A header of five bytes, then the symbols."""
    return b"\x5d" + struct.pack("<I", 1 << 16) + headless(data)


def headless(data: bytes, kind: dict[str, int] | None = None) -> bytes:
    return lzma.compress(data, format=lzma.FORMAT_RAW, filters=[kind or LZMA])


def adaptive(data: bytes) -> bytes:
    return headless(data, {**LZMA, "lc": 1, "lp": 2, "pb": 3})


LZMA: dict[str, int] = {"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}
PACKERS: dict[str, Pack] = {
    "gzip": zlib.compress,
    "lzma": alone,
    "lzma, header of 5 bytes": unsized,
    "lzma without header, lc=3 lp=0 pb=2": headless,
    "lzma without header, lc=1 lp=2 pb=3": adaptive,
}


@dataclass
class Writer:
    """One image of version 3: a folder ``etc`` with a small file, a large one, a link and a device."""

    order: str
    pack: Pack
    magic: bytes = b""
    image: bytearray = field(default_factory=lambda: bytearray(119))
    inodes: bytearray = field(default_factory=bytearray)
    folders: bytearray = field(default_factory=bytearray)
    number: int = 0

    def fields(self, *parts: tuple[int, int]) -> bytes:
        """Bit fields (value, width): from the lowest bit in little endian, from the highest in big."""
        width = sum(bits for _, bits in parts)
        word = at = 0
        for value, bits in parts:
            word |= value << (width - at - bits if self.order == ">" else at)
            at += bits
        return word.to_bytes(width // 8, "big" if self.order == ">" else "little")

    def struct(self, layout: str, *values: int) -> bytes:
        return struct.pack(self.order + layout, *values)

    def block(self, data: bytes) -> int:
        """Store a data block; returns its word for the block list."""
        packed = self.pack(data)
        stored = len(packed) >= len(data)
        self.image += data if stored else packed
        return len(data) | 1 << 24 if stored else len(packed)

    def inode(self, kind: int, mode: int, rest: bytes, uid: int = 0) -> tuple[int, int, int]:
        self.number += 1
        at = len(self.inodes)
        head = self.fields((kind, 4), (mode, 12), (uid, 8), (255, 8))
        self.inodes += head + self.struct("II", 1_600_000_000, self.number) + rest
        return at, self.number, kind

    def folder(self, wide: bool, names: dict[bytes, tuple[int, int, int]]) -> tuple[int, int, int]:
        listing = self.struct("B", len(names) - 1) + self.struct("II", 0, 1)
        for name, (at, number, kind) in sorted(names.items()):
            kind = 1 if kind == 8 else kind
            entry = self.fields((at, 13), (kind, 3)) + self.struct("Bh", len(name) - 1, number - 1)
            listing += entry + name
        offset, size = len(self.folders), len(listing) + 3
        self.folders += listing
        if not wide:
            rest = self.struct("I", 2) + self.fields((size, 19), (offset, 13))
            return self.inode(1, 0o755, rest + self.struct("II", 0, 0))
        rest = self.struct("I", 2) + self.fields((size, 27), (offset, 13))
        return self.inode(8, 0o700, rest + self.struct("IHI", 0, 0, 0))

    def metadata(self, data: bytes) -> int:
        at = len(self.image)
        for first in range(0, len(data), 8192):
            packed = self.pack(data[first : first + 8192])
            self.image += self.struct("H", len(packed)) + packed
        return at

    def whole(self) -> bytes:
        start = len(self.image)
        words = [self.block(BODY[n : n + BLOCK]) for n in range(0, 12288, BLOCK)]
        tail = BODY[12288:]
        fragment_at = len(self.image)
        fragment = self.block(tail + SMALL)
        listed = struct.pack(f"{self.order}{len(words)}I", *words)
        large = self.inode(2, 0o644, self.struct("QIII", start, 0, 0, len(BODY)) + listed)
        rest = self.struct("QIII", 0, 0, len(tail), len(SMALL))
        small = self.inode(2, 0o4755, rest, uid=1)
        link = self.inode(3, 0o777, self.struct("IH", 1, 9) + b"../passwd")
        console = self.inode(5, 0o600, self.struct("IH", 1, 0x501))
        etc = self.folder(True, {b"passwd": small, b"link": link, b"console": console})
        root = self.folder(False, {b"etc": etc, b"large": large})
        inode_table, folder_table = self.metadata(self.inodes), self.metadata(self.folders)
        row = self.metadata(self.struct("QII", fragment_at, fragment, 0))
        fragments = len(self.image)
        self.image += self.struct("Q", row)
        uids = len(self.image)
        self.image += self.struct("II", 0, 1000)
        top = self.magic or (b"hsqs" if self.order == "<" else b"sqsh")
        top += self.struct("I", self.number) + bytes(20) + self.struct("HHHH", 3, 1, 0, 12)
        top += self.struct("BBBIQII", 0, 2, 0, 1_600_000_001, root[0], BLOCK, 1) + bytes(4)
        sizes = (len(self.image), uids, uids, inode_table, folder_table, fragments, 0)
        top += self.struct("7Q", *sizes)
        self.image[: len(top)] = top
        return bytes(self.image)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("compression", PACKERS)
def test_version_3(order: str, compression: str, reading_of: Call, listed: Call) -> None:
    found = reading_of(Writer(order, PACKERS[compression]).whole())
    assert (found.format, found.version, found.problem) == ("squashfs", "3", "")
    assert dict(found.details)["compression"] == compression
    entries = listed(found)
    assert entries["large"][1] == BODY
    assert entries["etc/passwd"][1] == SMALL
    passwd, console = entries["etc/passwd"][0], entries["etc/console"][0]
    assert (passwd.mode, passwd.uid, passwd.gid) == (0o4755, 1000, 1000)
    assert (console.kind, console.mode) == (Kind.OTHER, 0o600)
    assert entries["etc/link"][0].target == "../passwd"
    assert entries["etc"][0].mode == 0o700


@pytest.mark.parametrize("magic", [b"shsq", b"qshs", b"sqlz"])
def test_vendors_magics(magic: bytes, reading_of: Call, listed: Call) -> None:
    for order in "<>":
        found = reading_of(Writer(order, alone, magic).whole())
        assert listed(found)["large"][1] == BODY


def test_an_unknown_compression_is_said_and_not_guessed(reading_of: Call) -> None:
    found = reading_of(
        Writer("<", lambda data: bytes(b ^ 0x5A for b in zlib.compress(data))).whole()
    )
    assert "cannot be read" in found.problem
    assert found.tree is None
