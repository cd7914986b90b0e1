"""Squashfs metadata: its blocks, inodes and folders, of version 4 and of version 3 in both byte orders.

Source: the layout in the Linux kernel's ``squashfs_fs.h``, and of version 3 in squashfs-tools 3.4.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from firmware_checks.budget import Budget, OutOfBudget
from firmware_checks.reading import Passage
from firmware_checks.view import Buffer, Malformed, View

METADATA = 8192
NONE = 0xFFFFFFFF
MOST_SHOWN = 64
"""Bytes of an inode that show what it says."""
CHECKED = 0x4
"""Flag of version 3: a marker byte follows each length."""
FOLDER, FILE, LINK = 1, 2, 3
Codec = Callable[[Buffer, int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Super:
    """The superblock, of either version."""

    version: int
    order: str
    inodes: int
    built: int
    block_size: int
    fragments: int
    compression: int
    flags: int
    uids: int
    gids: int
    root: int
    size: int
    uid_table: int
    gid_table: int
    inode_table: int
    folder_table: int
    fragment_table: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inode:
    """One inode; ``kind`` 1 folder, 2 file, 3 link, the rest devices, pipes and sockets."""

    kind: int
    mode: int
    uid: int
    gid: int
    modified: int
    number: int
    size: int = 0
    start: int = 0
    fragment: int = NONE
    offset: int = 0
    target: bytes = b""
    blocks: "Cursor | None" = None


@dataclass(slots=True)
class Metadata:
    """The compressed blocks of 8 KiB that hold all tables, each made once."""

    view: View
    superblock: Super
    codec: Codec
    budget: Budget
    made: dict[int, tuple[bytes, int]] = field(default_factory=dict)

    def block(self, at: int) -> tuple[bytes, int]:
        """The block at ``at`` and where the next one is. Raises Malformed, OutOfBudget."""
        if at in self.made:
            return self.made[at]
        if (len(self.made) + 1) * METADATA > self.budget.room(len(self.view)):
            raise OutOfBudget("the metadata is larger than the file system may hold")
        self.budget.take(METADATA)
        head = self.view.u16(at, self.superblock.order)
        size = head & 0x7FFF or 0x8000
        body = self.body(at)
        packed = self.view.part(body, size).raw
        data = bytes(packed) if head & 0x8000 else self.codec(packed, METADATA)
        if not 0 < len(data) <= METADATA:
            raise Malformed(f"the metadata block at {at} is empty or too large")
        self.made[at] = (data, body + size)
        return self.made[at]

    def passage(self, reference: int) -> Passage:
        """The inode that ``reference`` names, without the list of a file's blocks."""
        begin, after = place(self, reference), place(self, reference)
        inode_at(after)
        size = after.offset - begin.offset
        block, ends = begin.at, ""
        if after.at != begin.at:
            size, ends = size + len(self.block(begin.at)[0]), ", and on in the next block"
        where = f"{begin.offset:#x} of the decompressed metadata block at {block:#x}"
        if self.view.u16(block, self.superblock.order) & 0x8000:
            where = f"{self.body(block) + begin.offset:#x}"
        mode = (2, 3) if self.superblock.version == 4 else (0, 1)
        return Passage(begin.read(min(size, MOST_SHOWN)), f"inode at {where}{ends}", mode)

    def body(self, at: int) -> int:
        """Where the bytes of the block at ``at`` begin."""
        checked = self.superblock.version < 4 and self.superblock.flags & CHECKED
        return at + (3 if checked else 2)


@dataclass(slots=True)
class Cursor:
    """A place in metadata, moving on from block to block."""

    metadata: Metadata
    at: int
    offset: int

    def read(self, size: int) -> bytes:
        out = b""
        while len(out) < size:
            data, following = self.metadata.block(self.at)
            piece = data[self.offset : self.offset + size - len(out)]
            out += piece
            self.offset += len(piece)
            if len(out) < size:
                if self.offset < len(data) or len(data) < METADATA or self.offset > len(data):
                    raise Malformed("metadata ends early")
                self.at, self.offset = following, 0
        return out

    def unpack(self, layout: str) -> tuple[int, ...]:
        """``layout`` without byte order; that of the file system is taken."""
        full = self.metadata.superblock.order + layout
        return struct.unpack(full, self.read(struct.calcsize(full)))

    def copy(self) -> "Cursor":
        return Cursor(self.metadata, self.at, self.offset)


class Table:
    """Fixed-size rows in metadata blocks that an array of pointers names."""

    def __init__(self, metadata: Metadata, at: int, rows: int, size: int) -> None:
        self._metadata, self._at, self._rows, self._size = metadata, at, rows, size

    def row(self, number: int) -> Cursor:
        if not 0 <= number < self._rows:
            raise Malformed(f"row {number} of a table of {self._rows}")
        block, offset = divmod(number * self._size, METADATA)
        top = self._metadata.superblock
        layout, width = ("Q", 8) if top.version > 2 else ("I", 4)
        (at,) = self._metadata.view.unpack(top.order + layout, self._at + width * block)
        return Cursor(self._metadata, at, offset)


# --- inodes ----------------------------------------------------------------------------------------


def inode(metadata: Metadata, reference: int) -> Inode:
    """The inode that a reference (block and offset in the inode table) names. Raises Malformed."""
    return inode_at(place(metadata, reference))


def place(metadata: Metadata, reference: int) -> Cursor:
    """Where the inode begins."""
    table = metadata.superblock.inode_table
    return Cursor(metadata, table + (reference >> 16), reference & 0xFFFF)


def inode_at(at: Cursor) -> Inode:
    """The inode that begins at ``at``, which is moved on behind it. Raises Malformed."""
    top = at.metadata.superblock
    if top.version < 3:
        from firmware_checks.filesystems import squashfs_old

        return squashfs_old.inode(at, top)
    return _inode4(at, top) if top.version == 4 else _inode3(at, top)


def _inode4(at: Cursor, top: Super) -> Inode:
    kind, mode, uid, gid, modified, number = at.unpack("HHHHII")
    ids = Table(at.metadata, top.uid_table, top.uids, 4)
    common = Inode(
        kind=kind if kind < 8 else kind - 7,
        mode=mode & 0o7777,
        uid=ids.row(uid).unpack("I")[0],
        gid=ids.row(gid).unpack("I")[0],
        modified=modified,
        number=number,
    )
    if kind == 1:
        start, _, size, offset, _ = at.unpack("IIHHI")
        return replace(common, start=start, size=size, offset=offset)
    if kind == 8:
        _, size, start, _, _, offset, _ = at.unpack("IIIIHHI")
        return replace(common, start=start, size=size, offset=offset)
    if kind == 2:
        start, fragment, offset, size = at.unpack("IIII")
    elif kind == 9:
        start, size, _, _, fragment, offset, _ = at.unpack("QQQIIII")
    else:
        return _other(at, "II", common)
    return replace(
        common, start=start, size=size, fragment=fragment, offset=offset, blocks=at.copy()
    )


def _inode3(at: Cursor, top: Super) -> Inode:
    big = top.order == ">"
    (word, uid, gid, modified, number) = at.unpack("HBBII")
    kind, mode = (word >> 12, word & 0xFFF) if big else (word & 0xF, word >> 4)
    one = owner(at.metadata, top.uid_table, uid, top.uids)
    common = Inode(
        kind=kind if kind < 8 else kind - 7,
        mode=mode,
        uid=one,
        gid=one if gid == 255 else owner(at.metadata, top.gid_table, gid, top.gids),
        modified=modified,
        number=number,
    )
    if kind in (1, 8):
        at.unpack("I")
        size, offset = packed_sizes(at, top.order, wide=kind == 8)
        return replace(common, start=at.unpack("I")[0], size=size, offset=offset)
    if kind == 2:
        start, fragment, offset, size = at.unpack("QIII")
    elif kind == 9:
        _, start, fragment, offset, size = at.unpack("IQIIQ")
    else:
        return _other(at, "IH", common)
    return replace(
        common, start=start, size=size, fragment=fragment, offset=offset, blocks=at.copy()
    )


def packed_sizes(at: Cursor, order: str, *, wide: bool) -> tuple[int, int]:
    """Size and offset of a folder before version 4, in 19 or 27 and 13 bits."""
    bits = 27 if wide else 19
    packed = bytes(at.unpack("5B" if wide else "4B"))
    if order == ">":
        word = int.from_bytes(packed, "big")
        return word >> 13, word & 0x1FFF
    word = int.from_bytes(packed, "little")
    return word & ((1 << bits) - 1), word >> bits


def owner(metadata: Metadata, table: int, number: int, rows: int) -> int:
    """A row of the owners or groups before version 4. Raises Malformed."""
    if number >= rows:
        raise Malformed(f"owner {number} of {rows}")
    return metadata.view.u32(table + 4 * number, metadata.superblock.order)


def _other(at: Cursor, link: str, common: Inode) -> Inode:
    if common.kind == LINK:
        _, size = at.unpack(link)
        return replace(common, size=size, target=at.read(min(size, 4096)))
    if not 4 <= common.kind <= 7:
        raise Malformed(f"an inode of kind {common.kind}")
    return common


# --- folders ---------------------------------------------------------------------------------------


def names(metadata: Metadata, folder: Inode) -> Iterator[tuple[bytes, int, int]]:
    """Name, inode reference and kind of everything in ``folder``. Raises Malformed, OutOfBudget."""
    top = metadata.superblock
    if top.version < 3:
        yield from _names_old(metadata, folder)
        return
    left = folder.size - 3
    at = Cursor(metadata, top.folder_table + folder.start, folder.offset)
    heads, entries = ("III", "HhHH") if top.version == 4 else ("BII", "HBh")
    head_size, entry_size = (12, 8) if top.version == 4 else (9, 5)
    while left > 0:
        count, start, _ = at.unpack(heads)
        left -= head_size
        if count >= 256:
            raise Malformed(f"a folder's header speaks of {count + 1} names")
        for _ in range(count + 1):
            offset, kind, size = _entry(at.unpack(entries), top)
            left -= entry_size + size
            if left < 0:
                raise Malformed("a folder holds more than its size says")
            yield at.read(size), start << 16 | offset, kind


def _names_old(metadata: Metadata, folder: Inode) -> Iterator[tuple[bytes, int, int]]:
    """The same of versions 1 and 2, whose sizes say what is there."""
    top, left = metadata.superblock, folder.size
    at = Cursor(metadata, top.folder_table + folder.start, folder.offset)
    while left >= 8:
        count, *packed = at.unpack("4B")
        start = int.from_bytes(bytes(packed), "big" if top.order == ">" else "little")
        left -= 4
        for _ in range(count + 1):
            offset, kind, size = _entry((*at.unpack("HB"), 0), top)
            left -= 3 + size
            if left < 0:
                raise Malformed("a folder holds more than its size says")
            yield at.read(size), start << 16 | offset, kind


def _entry(row: tuple[int, ...], top: Super) -> tuple[int, int, int]:
    """Offset, kind and length of the name."""
    if top.version == 4:
        offset, _, kind, size = row
        return offset, kind, size + 1
    word, size, _ = row
    if top.order == ">":
        return word >> 3, word & 7, size + 1
    return word & 0x1FFF, word >> 13, size + 1
