"""The inodes, folders and bytes of EROFS."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_checks.budget import Budget
from firmware_checks.filesystems.descent import target
from firmware_checks.filesystems.erofs_clusters import Clusters, Header, Place
from firmware_checks.filesystems.inodes import Inode, kind_of
from firmware_checks.reading import Kind, Passage
from firmware_checks.view import Malformed, View

PLAIN, LEGACY, INLINE, COMPACT, CHUNKED = range(5)
HOLE = 0xFFFFFFFF
INDEXED = 0x20


@dataclass(frozen=True, slots=True, kw_only=True)
class Super:
    """The superblock; ``meta`` and ``size`` in bytes."""

    block: int
    root: int
    inodes: int
    built: int
    size: int
    meta: int
    features: int
    label: str
    checksum: str
    holds: bool
    """The checksum, or there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One inode as it stands: ``end`` is where it and its attributes stop, ``word`` what its layout says."""

    layout: int
    mode: int
    size: int
    uid: int
    gid: int
    modified: float
    word: int
    end: int


@dataclass(frozen=True, slots=True)
class Files:
    """One file system. Inodes are numbered by where they stand."""

    view: View
    top: Super
    looked: list[int] = field(default_factory=lambda: [0])
    """Blocks of folders that were read."""

    def node(self, number: int) -> Node:
        """Raises Malformed."""
        at = self.top.meta + 32 * number
        form, attributes, mode = self.view.unpack("<HHH", at)
        long = form & 1
        if long:
            size, word, _, uid, gid, modified = self.view.unpack("<QIIIIQ", at + 8)
        else:
            size, _, word, _, uid, gid = self.view.unpack("<IIIIHH", at + 8)
            modified = self.top.built
        layout = form >> 1 & 7
        if layout > CHUNKED:
            raise Malformed(f"layout {layout} is not known")
        end = at + (64 if long else 32) + (12 + 4 * (attributes - 1) if attributes else 0)
        return Node(
            layout=layout,
            mode=mode,
            size=size,
            uid=uid,
            gid=gid,
            modified=float(modified),
            word=word,
            end=end,
        )

    # --- as a tree -------------------------------------------------------------------------------

    def is_folder(self, number: int) -> bool:
        try:
            return kind_of(self.node(number).mode) is Kind.DIRECTORY
        except Malformed:
            return False

    def inode(self, number: int) -> Inode:
        node = self.node(number)
        kind = kind_of(node.mode)
        points_to = ""
        if kind is Kind.LINK:
            points_to = target(self._flat(node, min(node.size, self.top.block)))
        return Inode(
            kind=kind,
            mode=node.mode,
            uid=node.uid,
            gid=node.gid,
            size=node.size,
            modified=node.modified,
            target=points_to,
        )

    def passage(self, number: int) -> Passage:
        at = self.top.meta + 32 * number
        size = 64 if self.view.u16(at) & 1 else 32
        return Passage(self.view.read(at, size), f"inode {number} at {at:#x}", (4, 5))

    def names(self, folder: int) -> Iterator[tuple[bytes, int]]:
        node = self.node(folder)
        if node.size > len(self.view):
            raise Malformed(f"a folder of {node.size} bytes")
        whole = View(self._flat(node, node.size))
        for begin in range(0, len(whole), self.top.block):
            self.looked[0] += 1
            if self.looked[0] > len(self.view) // self.top.block:
                raise Malformed("more folders than the image has bytes")
            yield from _names(whole.part(begin, min(self.top.block, len(whole) - begin)))

    def contents(self, number: int, budget: Budget) -> tuple[View, str]:
        node = self.node(number)
        if node.layout in (PLAIN, INLINE):
            if node.size > len(self.view):
                raise Malformed(f"a file of {node.size} bytes: more than the image has")
            budget.take(node.size)
            return View(self._flat(node, node.size)), ""
        if node.size > budget.room(len(self.view)):
            raise Malformed(f"a file of {node.size} bytes: more than is read of one")
        if node.layout == CHUNKED:
            return self._chunked(node, budget)
        begin = node.end + 7 & ~7
        fragment, advice, algorithms, bits = self.view.unpack("<IHBB", begin)
        header = Header(
            advice=advice,
            algorithms=(algorithms & 15, algorithms >> 4),
            bits=self.top.block.bit_length() - 1 + (bits & 7),
            inline=fragment >> 16,
            whole_in_fragments=bool(bits & 0x80),
        )
        place = Place(begin=begin + 8, size=node.size, compact=node.layout == COMPACT)
        return Clusters(self.view, self.top.block, self.top.features, header, place).contents(
            budget
        )

    def _flat(self, node: Node, size: int) -> bytes:
        """``size`` bytes of a file that is not compressed; its last piece may stand behind the inode."""
        if node.layout not in (PLAIN, INLINE):
            raise Malformed("a folder or link that is compressed")
        begin = node.word * self.top.block
        if node.layout == PLAIN or not size:
            return self.view.read(begin, size) if size else b""
        whole = (node.size - 1) // self.top.block * self.top.block
        out = self.view.read(begin, min(whole, size)) if whole else b""
        return out + self.view.read(node.end, size - len(out))

    def _chunked(self, node: Node, budget: Budget) -> tuple[View, str]:
        chunk = self.top.block << (node.word & 0x1F)
        step = 8 if node.word & INDEXED else 4
        begin = node.end + step - 1 & ~(step - 1)
        budget.take(node.size)
        out, problem = bytearray(), ""
        for number in range((node.size + chunk - 1) // chunk):
            size = min(chunk, node.size - len(out))
            device, block = 0, 0
            if step == 8:
                _, device, block = self.view.unpack("<HHI", begin + 8 * number)
            else:
                block = self.view.u32(begin + 4 * number)
            if block == HOLE:
                out += bytes(size)
            elif device:
                problem = "some of it is on another device"
                out += bytes(size)
            else:
                out += self.view.part(block * self.top.block, size).raw
        return View(out), problem


def _names(block: View) -> Iterator[tuple[bytes, int]]:
    """Names and inodes of one block of a folder. Raises Malformed."""
    first = block.u16(8)
    if first % 12 or not 12 <= first <= len(block):
        raise Malformed("a block of a folder has no names")
    rows = [block.unpack("<QH", at) for at in range(0, first, 12)]
    ends = [offset for _, offset in rows[1:]] + [len(block)]
    for (number, offset), end in zip(rows, ends, strict=True):
        if not offset <= end <= len(block):
            raise Malformed("the names of a folder overlap")
        name = block.read(offset, end - offset).split(b"\0", 1)[0]
        if name not in (b".", b".."):
            yield name, number
