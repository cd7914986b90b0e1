"""Squashfs 1 and 2 in both byte orders. No tool makes them today: an own writer, from the layouts in
``squashfs_compat.h`` of squashfs-tools, so a misreading of it would be in both."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from firmware_checks.budget import Budget
from firmware_checks.reading import Context, Kind
from firmware_checks.recognise import recognise
from firmware_checks.view import View
from tests.firmware_checks.filesystems.mutation import mutants, survives
from tests.firmware_checks.filesystems.test_squashfs3 import BLOCK, BODY, PACKERS, SMALL, Writer

Call = Callable[..., Any]


@dataclass
class OldWriter(Writer):
    """One image of version 1 or 2, with the same files."""

    version: int = 2

    def block(self, data: bytes) -> int:
        word = super().block(data)
        return word & 0xFFFF | (0x8000 if word >> 24 else 0) if self.version == 1 else word

    def inode(self, kind: int, mode: int, rest: bytes, uid: int = 0) -> tuple[int, int, int]:
        self.number += 1
        at = len(self.inodes)
        if self.version == 2:
            self.inodes += self.fields((kind, 4), (mode, 12), (uid, 8), (255, 8))
        elif kind < 6:
            own, more = uid % 16, uid // 16
            self.inodes += self.fields((kind + 5 * more, 4), (mode, 12), (own, 4), (15, 4))
        else:
            self.inodes += self.fields((0, 4), (mode, 12), (uid % 16, 4), (15, 4))
            self.inodes += self.fields((kind, 4), (uid // 16, 4))
        self.inodes += rest
        return at, self.number, kind

    def folder(self, wide: bool, names: dict[bytes, tuple[int, int, int]]) -> tuple[int, int, int]:
        listing = self.fields((len(names) - 1, 8), (0, 24))
        for name, (at, _, kind) in sorted(names.items()):
            kind = 1 if kind == 8 else kind
            listing += self.fields((at, 13), (kind, 3), (len(name) - 1, 8)) + name
        offset, size = len(self.folders), len(listing)
        self.folders += listing
        if wide and self.version == 2:
            rest = self.fields((size, 27), (offset, 13)) + self.struct("I", 1_600_000_000)
            return self.inode(8, 0o700, rest + self.fields((0, 24), (0, 16)))
        rest = self.fields((size, 19), (offset, 13)) + self.struct("I", 1_600_000_000)
        return self.inode(1, 0o700 if wide else 0o755, rest + self.fields((0, 24)))

    def whole(self) -> bytes:
        start, fragments = len(self.image), 0
        cut = 12288 if self.version == 2 else len(BODY)
        words = [self.block(BODY[n : n + BLOCK]) for n in range(0, cut, BLOCK)]
        listed = b"".join(self.struct("I" if self.version == 2 else "H", word) for word in words)
        if self.version == 2:
            tail, fragment_at = BODY[cut:], len(self.image)
            word = self.block(tail + SMALL)
            large = self.struct("5I", 1, start, 0, 0, len(BODY)) + listed
            small = self.struct("5I", 1, 0, 0, len(tail), len(SMALL))
        else:
            at = len(self.image)
            large = self.struct("III", 1, start, len(BODY)) + listed
            small = self.struct("III", 1, at, len(SMALL)) + self.struct("H", self.block(SMALL))
        one, two = self.inode(2, 0o644, large), self.inode(2, 0o4755, small, uid=17)
        link = self.inode(3, 0o777, self.struct("H", 9) + b"../passwd")
        console = self.inode(5, 0o600, self.struct("H", 0x501))
        pipe = self.inode(6, 0o620, b"", uid=1)
        within = {b"passwd": two, b"link": link, b"console": console, b"pipe": pipe}
        etc = self.folder(True, within)
        root = self.folder(False, {b"etc": etc, b"large": one, b"again": one})
        inode_table, folder_table = self.metadata(self.inodes), self.metadata(self.folders)
        if self.version == 2:
            row = self.metadata(self.struct("II", fragment_at, word))
            fragments = len(self.image)
            self.image += self.struct("I", row)
        uids = len(self.image)
        self.image += self.struct("18I", 0, 5, *[9] * 15, 1000)
        top = self.magic or (b"hsqs" if self.order == "<" else b"sqsh")
        sizes = (len(self.image), uids, uids + 72, inode_table, folder_table)
        top += self.struct("6I", self.number, *sizes) + self.struct(
            "4H", self.version, 0, BLOCK, 12
        )
        top += self.struct("BBBIQ", 0, 18, 0, 1_600_000_001, root[0])
        top += self.struct("III", BLOCK, 1, fragments) if self.version == 2 else b""
        self.image[: len(top)] = top
        return bytes(self.image)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("compression", PACKERS)
@pytest.mark.parametrize("version", [1, 2])
def test_every_file(
    version: int, order: str, compression: str, reading_of: Call, listed: Call
) -> None:
    image = OldWriter(order, PACKERS[compression], version=version).whole()
    found = reading_of(image + b"\xa5" * 300)
    assert (found.format, found.version, found.problem) == ("squashfs", str(version), "")
    assert (dict(found.details)["compression"], found.size) == (compression, len(image))
    entries = listed(found)
    names = {"etc", "large", "again", "etc/passwd", "etc/link", "etc/console", "etc/pipe"}
    assert set(entries) == names
    twice = [entries["large"], entries["again"]]
    assert [data for entry, data in twice if entry.kind is Kind.FILE] == [BODY]
    assert {entry.target for entry, _ in twice if entry.kind is Kind.LINK} <= {"large", "again"}
    assert entries["etc/passwd"][1] == SMALL
    passwd, console, pipe = (entries[f"etc/{n}"][0] for n in ("passwd", "console", "pipe"))
    assert (passwd.mode, passwd.uid, passwd.gid) == (0o4755, 1000, 1000)
    assert (console.kind, console.mode, console.uid) == (Kind.OTHER, 0o600, 0)
    assert (pipe.kind, pipe.mode, pipe.uid) == (Kind.OTHER, 0o620, 5)
    assert entries["etc/link"][0].target == "../passwd"
    assert entries["etc"][0].mode == 0o700
    assert not any(entry.problem for entry, _ in entries.values())


@pytest.mark.parametrize("version", [1, 2])
def test_cut_short_damaged_and_other_versions_are_told(version: int, examined: Call) -> None:
    image = OldWriter("<", PACKERS["gzip"], version=version).whole()
    assert any("cut short" in line for line in examined(image[:-300]).survey.unread)
    spoiled = bytearray(image)
    spoiled[20:24] = b"\xff\xff\xff\x7f"  # where the table of inodes stands
    found = examined(bytes(spoiled))
    assert found.formats()["0"] == "squashfs"
    assert any("superblock is damaged" in line for line in found.survey.unread)
    other = bytearray(image)
    struct.pack_into("<H", other, 28, 7)
    assert recognise(View(bytes(other)), Context(Budget())) is None


class Stored(OldWriter):
    """Nothing is compressed, so that changed bytes reach the inodes and folders."""

    def metadata(self, data: bytes) -> int:
        at = len(self.image)
        self.image += self.struct("H", len(data) | 0x8000) + data
        return at


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("version", [1, 2])
def test_mutants(version: int, order: str) -> None:
    image = Stored(order, lambda data: data, version=version).whole()
    assert survives(image) == 7
    entries = sum(survives(one) for one in mutants(image, 300, 6))
    assert entries > 300
