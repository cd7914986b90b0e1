"""cramfs in both byte orders. Source: Linux, ``fs/cramfs/README`` and ``include/uapi/linux/cramfs_fs.h``."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.budget import Budget
from firmware_checks.compression import inflate
from firmware_checks.filesystems.descent import (
    Found,
    Item,
    checked_size,
    descend,
    in_disk_order,
    target,
)
from firmware_checks.filesystems.modes import kind_of
from firmware_checks.reading import Context, Entry, Format, Kind, Passage, Reading, Spot
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

SIGNATURE = b"Compressed ROMFS"
MAGIC = 0x28CD3D45
ROOT, INODE, BLOCK = 64, 12, 4096
VERSION_2, EXTENDED = 0x1, 0x800
MOST_SHOWN = 64
UNCOMPRESSED, DIRECT = 1 << 31, 1 << 30


@dataclass(frozen=True, slots=True)
class Node:
    """An inode; it stands where its name does, so the place of its bytes tells it from others."""

    mode: int
    uid: int
    gid: int
    size: int
    name_size: int
    offset: int
    at: int


class Cramfs(Format):
    """The format."""

    name = "cramfs"
    anchors = ((SIGNATURE, 16),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        order = next((o for o in "<>" if view.u32(0, o) == MAGIC), None)
        if order is None:
            return None
        size, flags = view.unpack(order + "II", 4)
        if node(view, ROOT, order).mode & 0o170000 != 0o040000:
            return None
        if not flags & VERSION_2 or size < ROOT + INODE:
            size = len(view)
        problem = ""
        if size > len(view):
            problem = f"the file system is cut short: {len(view)} of {size} bytes are there"
        elif flags & VERSION_2 and not crc_holds(view, size, order):
            problem = "the checksum of the file system does not hold"
        return Reading(
            format=self.name,
            kind=LayerKind.FILE_SYSTEM,
            size=min(size, len(view)),
            title=view.text(48, 16),
            details=(("byte order", "big endian" if order == ">" else "little endian"),),
            problem=problem,
            tree=CramTree(view.part(0, min(size, len(view))), order, bool(flags & EXTENDED)),
        )


FORMAT = Cramfs()


def crc_holds(view: View, size: int, order: str) -> bool:
    """The CRC-32 of everything, with nothing where the sum itself stands."""
    value = zlib.crc32(view.read(0, 32) + bytes(4))
    for window in view.part(36, size - 36).windows(1 << 20):
        value = zlib.crc32(window, value)
    return value == view.u32(32, order)


def node(view: View, at: int, order: str) -> Node:
    """The inode at ``at``: bit fields, so each byte order has its own layout. Raises Malformed."""
    first, second, third = view.unpack(order + "III", at)
    if order == "<":
        mode, uid, size, gid = first & 0xFFFF, first >> 16, second & 0xFFFFFF, second >> 24
        name_size, offset = third & 0x3F, third >> 6
    else:
        mode, uid, size, gid = first >> 16, first & 0xFFFF, second >> 8, second & 0xFF
        name_size, offset = third >> 26, third & 0x3FFFFFF
    return Node(mode, uid, gid, size, name_size * 4, offset * 4, at)


@dataclass(frozen=True, slots=True)
class CramTree:
    """Its files as they stand; blocks of 4 KiB."""

    view: View
    order: str
    extended: bool

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        root = node(self.view, ROOT, self.order)
        found = descend(root, _folder, self._children, budget)
        yield from in_disk_order(self._item(one, budget) for one in found)

    def passage(self, at: int) -> Passage:
        """The inode and the name behind it."""
        size = min(INODE + node(self.view, at, self.order).name_size, MOST_SHOWN)
        return Passage(self.view.read(at, size), f"inode and name at {at:#x}", (0, 1))

    def _children(self, folder: Node) -> Iterator[tuple[bytes, Node]]:
        at, end = folder.offset, folder.offset + folder.size
        while at < end:
            one = node(self.view, at, self.order)
            if not one.name_size:
                raise Malformed("a name of no length")
            yield self.view.read(at + INODE, one.name_size).rstrip(b"\0"), one
            at += INODE + one.name_size

    def _item(self, found: Found[Node], budget: Budget) -> Item:
        one, kind, points_to, problem = found.node, kind_of(found.node.mode), "", found.problem
        if kind is Kind.LINK:
            try:
                points_to = target(self._bytes(one, budget).read())
            except Malformed as error:
                problem = str(error)
        entry = Entry(
            path=found.path,
            kind=kind,
            mode=one.mode & 0o7777,
            uid=one.uid,
            gid=one.gid,
            size=one.size if kind is Kind.FILE else 0,
            target=points_to,
            problem=problem,
            spot=Spot(self, one.at),
        )
        if kind is not Kind.FILE or not one.size:
            return Item(entry)
        return Item(entry, one.offset, lambda: self._bytes(one, budget))

    def _bytes(self, one: Node, budget: Budget) -> View:
        number = -(-one.size // BLOCK)
        pointers = self.view.unpack(f"{self.order}{number}I", one.offset)
        at = one.offset + 4 * number
        checked_size(one.size, len(self.view) - one.offset if one.offset else 0, budget)
        out = bytearray()
        for position, end in enumerate(pointers):
            size = min(BLOCK, one.size - position * BLOCK)
            stored = self.extended and bool(end & UNCOMPRESSED)
            if self.extended and end & DIRECT:
                raise Malformed("a block that stands by itself, for execution in place")
            end &= ~UNCOMPRESSED if self.extended else 0xFFFFFFFF
            packed = self.view.part(at, end - at).raw if end >= at else None
            if packed is None:
                raise Malformed("its blocks go backwards")
            block = (
                bytes(size) if not packed else bytes(packed) if stored else inflate(packed, size)
            )
            if len(block) != size:
                raise Malformed("a block of the wrong length")
            out += block
            at = end
        return View(out)


def _folder(one: Node) -> int | None:
    """An empty folder has no place of its own, and nothing to enter."""
    return one.offset if one.size and one.mode & 0o170000 == 0o040000 else None
