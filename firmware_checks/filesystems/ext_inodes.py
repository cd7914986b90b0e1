"""ext2, ext3 and ext4 inside: inodes, block maps, extents, inline data, folders.

Source: Linux, ``Documentation/filesystems/ext4/``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.budget import Budget
from firmware_checks.filesystems.descent import checked_size
from firmware_checks.view import Malformed, View

ROOT = 2
EXTENTS, INLINE, ENCRYPTED = 0x80000, 0x10000000, 0x800
EXTENT_MAGIC, ATTRIBUTE_MAGIC = 0xF30A, 0xEA020000
DEEPEST = 5
"""Levels of an extent tree: what 2^32 blocks need."""
MOST_NODES = 4096
"""Of the extent tree of one file: each describes 84 runs of blocks or more."""
LARGEST_FOLDER = 16 << 20
ROW_COST = 16
"""Entries of folders cost more time than bytes of files do."""
IN_INODE = 60
SYSTEM = 7
"""The name space of attributes that holds inline data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Super:
    """The superblock."""

    view: View
    block: int
    first_block: int
    blocks: int
    inodes: int
    per_group: int
    blocks_per_group: int
    inode_size: int
    descriptor: int
    features: int
    typed: bool
    """Folder entries hold the kind of what they name."""

    def at(self, number: int, count: int = 1) -> View:
        """``count`` blocks from ``number``. Raises Malformed."""
        return self.view.part(number * self.block, count * self.block)

    def group(self, number: int) -> int:
        """Where the inode table of a group begins, in blocks."""
        at = (self.first_block + 1) * self.block + number * self.descriptor
        low = self.view.u32(at + 8)
        return low | (self.view.u32(at + 0x28) << 32 if self.descriptor >= 64 else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inode:
    """One inode; ``map`` are its 60 bytes of block map, extents or inline data."""

    number: int
    mode: int
    uid: int
    gid: int
    size: int
    modified: int
    flags: int
    map: View
    rest: View
    """What follows the first 128 bytes: more fields, and attributes."""


def inode(top: Super, number: int) -> Inode:
    """Raises Malformed when there is no such inode."""
    raw = top.view.part(standing(top, number), top.inode_size)
    mode, uid, low, _, _, modified = raw.unpack("<HHIIII", 0)
    return Inode(
        number=number,
        mode=mode,
        uid=uid | raw.u16(0x78) << 16,
        gid=raw.u16(0x18) | raw.u16(0x7A) << 16,
        size=low | (raw.u32(0x6C) << 32 if mode & 0o170000 == 0o100000 else 0),
        modified=modified,
        flags=raw.u32(0x20),
        map=raw.part(0x28, IN_INODE),
        rest=raw.part(128),
    )


def standing(top: Super, number: int) -> int:
    """Where the inode begins. Raises Malformed when there is none of this number."""
    if not 1 <= number <= top.inodes:
        raise Malformed(f"inode {number} of {top.inodes}")
    group, index = divmod(number - 1, top.per_group)
    return top.group(group) * top.block + index * top.inode_size


# --- where the bytes are ---------------------------------------------------------------------------


def runs(top: Super, one: Inode, number: int) -> Iterator[tuple[int, int, int]]:
    """Logical block, block, count, in order, up to logical block ``number``. Block 0 is a hole."""
    if one.flags & EXTENTS:
        yield from _extents(top, one.map, number, 0, [MOST_NODES])
    else:
        yield from _mapped(top, one.map, number)


def _extents(
    top: Super, node: View, number: int, level: int, left: list[int]
) -> Iterator[tuple[int, int, int]]:
    """``left``: how many nodes may still be looked at, for all levels together."""
    left[0] -= 1
    magic, entries, most, depth = node.unpack("<HHHH", 0)
    if magic != EXTENT_MAGIC or entries > most or depth > DEEPEST - level or left[0] < 0:
        raise Malformed("its extents are damaged")
    for row in range(entries):
        at = 12 + 12 * row
        if depth:
            _, low, high = node.unpack("<IIH", at)
            yield from _extents(top, top.at(low | high << 32), number, level + 1, left)
            continue
        logical, count, high, low = node.unpack("<IHHI", at)
        written = count <= 0x8000
        count = count if written else count - 0x8000
        if logical < number and count:
            yield logical, (low | high << 32) if written else 0, min(count, number - logical)


def _mapped(top: Super, table: View, number: int) -> Iterator[tuple[int, int, int]]:
    direct = [table.u32(4 * n) for n in range(12)]
    logical = 0
    for block in direct[: min(12, number)]:
        yield logical, block, 1
        logical += 1
    for level in (1, 2, 3):
        if logical < number:
            block = table.u32(4 * (11 + level))
            yield from _indirect(top, block, level, logical, number)
            logical += (top.block // 4) ** level


def _indirect(
    top: Super, block: int, level: int, logical: int, number: int
) -> Iterator[tuple[int, int, int]]:
    """The blocks behind an indirect block of ``level``, from ``logical`` to ``number``."""
    if not block:
        return
    each = (top.block // 4) ** (level - 1)
    table = top.at(block)
    for row in range(min(top.block // 4, -(-(number - logical) // each))):
        pointer = table.u32(4 * row)
        if level > 1:
            yield from _indirect(top, pointer, level - 1, logical + row * each, number)
        elif pointer:
            yield logical + row, pointer, 1


def contents(top: Super, one: Inode, budget: Budget) -> View:
    """The bytes of a file, folder or link; without a copy where they stand together. Raises Malformed."""
    if one.flags & ENCRYPTED:
        raise Malformed("it is encrypted")
    if one.flags & INLINE:
        return _inline(one)
    checked_size(one.size, len(top.view), budget)
    number = -(-one.size // top.block)
    found: list[tuple[int, int, int]] = []
    stored = 0
    for logical, block, count in runs(top, one, number):
        stored += count if block else 0
        if found and _continues(found[-1], logical, block):
            found[-1] = (found[-1][0], found[-1][1], found[-1][2] + count)
        elif found and logical < found[-1][0] + found[-1][2]:
            raise Malformed("its blocks are out of order")
        else:
            found.append((logical, block, count))
    if one.size > budget.room(stored * top.block):
        raise Malformed(f"{one.size} bytes, of which the image holds only {stored * top.block}")
    if len(found) == 1 and found[0][0] == 0 and found[0][1] and found[0][2] == number:
        return top.view.part(found[0][1] * top.block, one.size)
    out = bytearray(one.size)
    for logical, block, count in found:
        if block:
            at = logical * top.block
            size = min(count * top.block, one.size - at)
            out[at : at + size] = top.view.part(block * top.block, size).raw
    return View(out)


def _continues(last: tuple[int, int, int], logical: int, block: int) -> bool:
    together = last[1] and block == last[1] + last[2]
    return logical == last[0] + last[2] and bool(together or (not last[1] and not block))


def first_block(top: Super, one: Inode) -> int:
    """Where its first bytes stand, for the order of reading."""
    if one.flags & INLINE:
        return 0
    try:
        return next((block for _, block, _ in runs(top, one, 1)), 0)
    except Malformed:
        return 0


def _inline(one: Inode) -> View:
    """Data in the inode: 60 bytes in place of the map, the rest as the attribute ``system.data``."""
    if one.size <= IN_INODE:
        return one.map.part(0, one.size)
    rest = attribute(one, b"data")
    return View((one.map.read() + rest)[: one.size])


def attribute(one: Inode, wanted: bytes) -> bytes:
    """The value of a system attribute that stands in the inode. Raises Malformed when it is not there."""
    extra = one.rest.u16(0)
    if one.rest.u32(extra) == ATTRIBUTE_MAGIC:
        base = at = extra + 4
        while at + 16 <= len(one.rest) and one.rest.u32(at):
            length, space, offset, _, size = one.rest.unpack("<BBHII", at)
            if space == SYSTEM and one.rest.read(at + 16, length) == wanted:
                return one.rest.read(base + offset, size)
            at += 16 + length + -length % 4
    raise Malformed("its inline data is not there")


# --- folders ---------------------------------------------------------------------------------------


def names(top: Super, folder: Inode, budget: Budget) -> Iterator[tuple[bytes, int, int]]:
    """Name, inode number and kind (0: not said). Raises Malformed, OutOfBudget."""
    if folder.size > LARGEST_FOLDER:
        raise Malformed("the folder is too large")
    budget.take(folder.size * ROW_COST)
    data = contents(top, folder, budget)
    if folder.flags & INLINE:
        # Four bytes of the parent's number, then entries, in each of the two places.
        yield from _listed(data.part(4, min(len(data), IN_INODE) - 4), top.typed)
        if len(data) > IN_INODE:
            yield from _listed(data.part(IN_INODE), top.typed)
        return
    for at in range(0, len(data), top.block):
        yield from _listed(data.part(at, min(top.block, len(data) - at)), top.typed)


def _listed(data: View, typed: bool) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    while at + 8 <= len(data):
        number, step, length, kind = data.unpack("<IHBB", at)
        if not typed:
            length, kind = length | kind << 8, 0
        if step < 8 or step % 4 or at + step > len(data) or (number and length + 8 > step):
            raise Malformed("an entry reaches beyond its block")
        name = data.read(at + 8, length) if number else b""
        if number and name not in (b".", b".."):
            yield name, number, kind
        at += step
