"""JFFS2, in both byte orders: a log of nodes in which the newest says what is so.

Source: the layout in the Linux kernel's ``include/uapi/linux/jffs2.h``. A name whose newest node gives it
inode 0 was deleted. Nodes are found by their checksums from the first to the last one.
"""

import re
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_checks import compression
from firmware_checks.budget import MIB, Budget
from firmware_checks.filesystems.descent import target
from firmware_checks.filesystems.inodes import Inode, NumberedTree, crc_from_zero, kind_of
from firmware_checks.filesystems.rtime import unrtime
from firmware_checks.reading import Context, Format, Kind, Passage, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

MAGIC = {"<": b"\x85\x19", ">": b"\x19\x85"}
ACCURATE = 0x2000
"""Bit of the type; cleared in place when a node is obsolete, and not under the checksum."""
DIRENT, INODE = 0xE001, 0xE002
TYPES = (DIRENT, INODE, 0x2003, 0x2004, 0x2006, 0xE008, 0xE009)
"""Name, inode, clean marker, padding, summary, extended attribute and its reference."""
HEADER, DIRENT_SIZE, INODE_SIZE = 12, 40, 68
FOLDER, ROOT = 4, 1
GAP = MIB
"""No erase block is larger: what follows so many bytes without a node is another thing."""
MOST_NODES = 2_000_000
MOST_MISSED = 50_000
"""Places that look like a node and are none; more of them are no file system."""
COMPRESSION = {3: "rubinmips", 5: "dynrubin"}


def _anchors() -> Iterator[tuple[bytes, int]]:
    for kind in TYPES:
        yield MAGIC["<"] + kind.to_bytes(2, "little"), 0
        yield MAGIC[">"] + kind.to_bytes(2, "big"), 0


class Jffs2(Format):
    """The format."""

    name = "JFFS2"
    anchors = tuple(_anchors())
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        order = "<" if view.starts_with(MAGIC["<"]) else ">"
        log = Log(view, order)
        if log.node(0) is None:
            return None
        size = log.scan(context.budget)
        return Reading(
            format=self.name,
            kind=LayerKind.FILE_SYSTEM,
            size=size,
            details=(
                ("byte order", "big endian" if order == ">" else "little endian"),
                ("nodes", str(log.nodes)),
                ("inodes", str(len(log.written))),
            ),
            tree=NumberedTree(log, ROOT, log.unread()),
        )


FORMAT = Jffs2()


@dataclass(slots=True)
class Log:
    """The nodes: where each inode's stand, and the newest of each name."""

    view: View
    order: str
    nodes: int = 0
    damaged: int = 0
    """Bytes that are neither node nor blank."""
    cut: bool = False
    full: bool = False
    written: dict[int, "array[int]"] = field(default_factory=dict)
    """Inode to the offsets of its nodes."""
    newest: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Inode to version and offset of its newest node."""
    folders: dict[int, dict[bytes, tuple[int, int, int]]] = field(default_factory=dict)
    """Folder to name to version, inode and type."""

    def unread(self) -> str:
        """What of it was not read, in words."""
        told = []
        if self.cut:
            told.append("its last node is cut short")
        if self.damaged:
            told.append(f"{self.damaged} bytes between its nodes are damaged")
        if self.full:
            told.append(f"only the first {MOST_NODES} nodes were read")
        return ", ".join(told)

    def node(self, at: int) -> tuple[int, int] | None:
        """Type and length of the node at ``at``; None when there is none whose header is whole."""
        if at + HEADER > len(self.view) or not self.view.starts_with(MAGIC[self.order], at):
            return None
        magic, kind, size, crc = self.view.unpack(self.order + "HHII", at)
        as_written = struct.pack(self.order + "HHI", magic, kind | ACCURATE, size)
        if crc_from_zero(as_written) != crc or size < HEADER:
            return None
        return kind, size

    def scan(self, budget: Budget) -> int:
        """Read every node; returns where the last one ends. Raises OutOfBudget."""
        wanted = (*TYPES, DIRENT & ~ACCURATE, INODE & ~ACCURATE)
        kinds = b"|".join(re.escape(struct.pack(self.order + "H", kind)) for kind in wanted)
        header = re.compile(re.escape(MAGIC[self.order]) + b"(?:" + kinds + b")", re.DOTALL)
        at = end = missed = 0
        while at + HEADER <= len(self.view):
            found = self.node(at)
            if found is None:
                hit = header.search(self.view.raw, at + 4)
                following = hit.start() if hit else len(self.view)
                missed += 1
                if hit is None or missed > MOST_MISSED or not self._go_on(end, following):
                    break
                at = following
                continue
            kind, size = found
            if at + size > len(self.view):
                self.cut, end = True, len(self.view)
                break
            if at > end:
                self._gap(end, at)
            self._take(kind, at, size)
            at = end = min(at + (size + 3 & ~3), len(self.view))
            self.nodes += 1
            if self.nodes % 1024 == 0:
                budget.check_time()
            if self.nodes >= MOST_NODES or len(self.written) > budget.limits.files:
                self.full, end = True, len(self.view)
                break
        return end

    def _go_on(self, end: int, following: int) -> bool:
        return following - end <= GAP or self.view.part(end, following - end).is_filled_with(
            0x00, 0xFF
        )

    def _gap(self, begin: int, end: int) -> None:
        if end - begin <= GAP:
            self.damaged += len(self.view.read(begin, end - begin).translate(None, b"\x00\xff"))

    def _take(self, kind: int, at: int, size: int) -> None:
        if kind == DIRENT and size > DIRENT_SIZE:
            self._name(at, size)
        elif kind == INODE and size >= INODE_SIZE:
            if crc_from_zero(self.view.read(at, 60)) != self.view.u32(at + 64, self.order):
                self.damaged += size
                return
            number, version = self.view.unpack(self.order + "II", at + 12)
            if number not in self.newest or self.newest[number][0] <= version:
                self.newest[number] = (version, at)
            self.written.setdefault(number, array("Q")).append(at)

    def _name(self, at: int, size: int) -> None:
        parent, version, inode, _, length, kind, _, crc, name_crc = self.view.unpack(
            self.order + "IIIIBBHII", at + HEADER
        )
        name = self.view.read(at + DIRENT_SIZE, min(length, size - DIRENT_SIZE))
        if crc_from_zero(self.view.read(at, 32)) != crc or crc_from_zero(name) != name_crc:
            self.damaged += size
            return
        names = self.folders.setdefault(parent, {})
        if name not in names or names[name][0] <= version:
            names[name] = (version, inode, kind)

    # --- as a tree -------------------------------------------------------------------------------

    def is_folder(self, number: int) -> bool:
        if number in self.folders or number == ROOT:
            return True
        try:
            return self.inode(number).kind is Kind.DIRECTORY
        except Malformed:
            return False

    def names(self, folder: int) -> Iterator[tuple[bytes, int]]:
        for name, (_, inode, _) in self.folders.get(folder, {}).items():
            if inode:
                yield name, inode

    def _versions(self, number: int) -> list[int]:
        """The offsets of an inode's nodes, the newest last."""
        return sorted(
            self.written.get(number, ()), key=lambda at: (self.view.u32(at + 16, self.order), at)
        )

    def inode(self, number: int) -> Inode:
        if number not in self.newest:
            raise Malformed("there is no node of it")
        newest = self.newest[number][1]
        mode, uid, gid, size, _, modified = self.view.unpack(self.order + "IHHIII", newest + 20)
        kind = kind_of(mode)
        points_to = ""
        if kind is Kind.LINK:
            points_to = target(self._made(newest, 4096))
        return Inode(
            kind=kind,
            mode=mode,
            uid=uid,
            gid=gid,
            size=size,
            modified=float(modified),
            target=points_to,
        )

    def passage(self, number: int) -> Passage:
        """The newest node of the inode, without the data behind it."""
        if number not in self.newest:
            raise Malformed("there is no node of it")
        version, at = self.newest[number]
        what = f"node of inode {number}, version {version}, at {at:#x}"
        return Passage(self.view.read(at, INODE_SIZE), what, (20, 23))

    def contents(self, number: int, budget: Budget) -> tuple[View, str]:
        """Node after node, as they were written: each says how long the file is after it."""
        nodes = self._versions(number)
        stored = sum(self.view.u32(at + 48, self.order) for at in nodes)
        room, out, problem = budget.room(min(stored, len(self.view))), bytearray(), ""
        for at in nodes:
            (size,) = self.view.unpack(self.order + "I", at + 28)
            offset, _, made = self.view.unpack(self.order + "III", at + 44)
            if max(size, offset + made) > room:
                raise Malformed(f"a file of {size} bytes out of {stored}: more than is read of one")
            budget.take(made + max(0, size - len(out)))
            if size < len(out):
                del out[size:]
            else:
                out += bytes(size - len(out))
            if not made:
                continue
            try:
                out[offset : offset + made] = self._made(at, made)
            except Malformed as error:
                problem = f"a node of it cannot be read: {error}"
        return View(out), problem

    def _made(self, at: int, most: int) -> bytes:
        """The bytes that a node holds, decompressed."""
        total = self.view.u32(at + 4, self.order)
        packed, size, how, _, _, crc = self.view.unpack(self.order + "IIBBHI", at + 48)
        if packed > total - INODE_SIZE or size > most:
            raise Malformed("it holds more than it is long")
        data = self.view.part(at + INODE_SIZE, packed).raw
        if crc_from_zero(data) != crc:
            raise Malformed("its checksum does not hold")
        made = self._decompressed(data, how, size)
        if len(made) != size:
            raise Malformed(f"{len(made)} bytes where {size} should be")
        return made

    def _decompressed(self, data: memoryview, how: int, size: int) -> bytes:
        match how:
            case 0 | 4:
                return bytes(data)
            case 1:
                return bytes(size)
            case 2:
                return unrtime(data, size)
            case 6:
                return compression.inflate(data, size)
            case 7:
                return compression.unlzo(data, size)
            case 8:
                # OpenWrt's own: LZMA symbols without header, lc, lp and pb 0.
                return compression.unlzma_raw(data, size, 0, 0, 0)
            case _:
                raise Malformed(f"compressed with {COMPRESSION.get(how, how)}, which is not read")
