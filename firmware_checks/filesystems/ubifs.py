"""UBIFS: a tree of nodes, and a journal of newer ones beside it.

Source: the layout in the Linux kernel's ``fs/ubifs/ubifs-media.h``. What the index names counts, and what was
written after the last commit; with a damaged index every node counts that has the highest sequence number
of its key, and that is told, for deleted files may come back so.
"""

from array import array
from dataclasses import dataclass

from firmware_checks.budget import MIB, Budget
from firmware_checks.filesystems.inodes import NumberedTree
from firmware_checks.filesystems.ubifs_files import Files
from firmware_checks.filesystems.ubifs_nodes import (
    DATA,
    DENTRY,
    INDEX,
    INODE,
    LONGEST,
    MAGIC,
    MASTER,
    ROOT,
    TRUNCATED,
    node,
)
from firmware_checks.reading import Context, Format, Reading
from firmware_checks.view import View
from probe.model.firmware import LayerKind

COMPRESSORS = {0: "none", 1: "lzo", 2: "zlib", 3: "zstd"}
AUTHENTICATED, ENCRYPTED = 0x10, 0x08
MOST_NODES = 2_000_000
MOST_DAMAGED = 10_000
DEEPEST = 512


class Ubifs(Format):
    """The format. Its first node is the superblock: 4096 bytes long, of type 6."""

    name = "UBIFS"
    anchors = ((b"\x00\x10\x00\x00\x06\x00\x00\x00", 16),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        if not view.starts_with(MAGIC):
            return None
        if node(view, 0) is None:
            return self._damaged(view)
        flags, _, block, count = view.unpack("<IIII", 28)
        log, tables, orphans = view.unpack("<III", 56)
        (compressor,) = view.unpack("<H", 84)
        if not 15 * 1024 <= block <= 16 * MIB or block % 8 or count < 4:
            return None
        first = 3 + log + tables + orphans
        size = min(count * block, len(view))
        problem = ""
        if (first + 1) * block > len(view):
            problem = (
                f"the file system is cut short: {len(view)} of {count * block} bytes are there"
            )
        medium = Medium(view.part(0, size), block, first, context.budget)
        files, unread = medium.files()
        details = [
            ("compression", COMPRESSORS.get(compressor, "unknown")),
            ("erase block", str(block)),
            ("format", str(view.u32(80))),
        ]
        if flags & AUTHENTICATED:
            details.append(("authenticated", "its nodes carry hashes; they were not verified"))
        if flags & ENCRYPTED:
            details.append(("encryption", "files and names may be encrypted"))
        return Reading(
            format=self.name,
            kind=LayerKind.FILE_SYSTEM,
            size=size,
            details=tuple(details),
            problem=problem,
            tree=NumberedTree(files, ROOT, unread),
        )

    def _damaged(self, view: View) -> Reading:
        """The superblock is there, for magic, length and type are twelve bytes that fit; but it is not
        whole, so what it says of the rest cannot be believed."""
        problem = "its superblock is damaged or cut short: none of its files was read"
        kind = LayerKind.FILE_SYSTEM
        return Reading(format=self.name, kind=kind, size=len(view), problem=problem)


FORMAT = Ubifs()


@dataclass(slots=True)
class Medium:
    """The erase blocks and the nodes in them."""

    view: View
    block: int
    first: int
    """The first block after the tables: from there on nodes of files and of the index stand."""
    budget: Budget
    damaged: int = 0

    def files(self) -> tuple[Files, str]:
        """The nodes that count, and what is to be told as not read."""
        every = self._scanned()
        master = self._master()
        if master is not None:
            (root_block, root_offset) = self.view.unpack("<II", master + 48)
            committed = self.view.u64(master + 8)
            named = self._indexed(root_block * self.block + root_offset)
            if named is not None:
                live = Files(self.view)
                for at in named:
                    live.take(at)
                for at in every:
                    if self.view.u64(at + 8) > committed:
                        live.take(at)
                return live, self._told("")
        live = Files(self.view)
        for at in every:
            live.take(at)
        return live, self._told(
            "its index is damaged: deleted files may be among those that were read"
        )

    def _told(self, index: str) -> str:
        damaged = f"{self.damaged} nodes are damaged" if self.damaged else ""
        return ", ".join(t for t in (index, damaged) if t)

    def _scanned(self) -> "array[int]":
        """The offset of every node of a file or a name, block by block. Raises OutOfBudget."""
        found = array("Q")
        for begin in range(self.first * self.block, len(self.view), self.block):
            self.budget.check_time()
            at, end = begin, min(begin + self.block, len(self.view))
            while at + 24 <= end and len(found) < MOST_NODES and self.damaged < MOST_DAMAGED:
                if not self.view.starts_with(MAGIC, at):
                    following = self.view.find(MAGIC, at + 1, end)
                    if following < 0:
                        break
                    at = following
                    continue
                size, kind = self.view.unpack("<IB", at + 16)
                if not 24 <= size <= min(end - at, LONGEST) or node(self.view, at) is None:
                    self.damaged += 1
                    at += 8
                    continue
                if kind in (INODE, DATA, DENTRY, TRUNCATED):
                    found.append(at)
                at += size + 7 & ~7
        return found

    def _master(self) -> int | None:
        """The newest master node of the two blocks that hold them."""
        newest, sequence = None, -1
        for begin in (self.block, 2 * self.block):
            at, end = begin, min(begin + self.block, len(self.view))
            while at + 24 <= end and self.view.starts_with(MAGIC, at):
                size, kind = self.view.unpack("<IB", at + 16)
                if not 24 <= size <= end - at:
                    break
                whole = kind == MASTER and node(self.view, at) is not None
                if whole and self.view.u64(at + 8) > sequence:
                    newest, sequence = at, self.view.u64(at + 8)
                at += size + 7 & ~7
        return newest

    def _indexed(self, root: int) -> "array[int] | None":
        """The offsets of all leaves of the index, None when it is damaged. Raises OutOfBudget."""
        leaves, waiting, seen, broken = array("Q"), [(root, DEEPEST)], set[int](), 0
        while waiting:
            at, above = waiting.pop()
            many = max(len(leaves), len(seen)) > MOST_NODES or broken > MOST_DAMAGED
            branches = None if many or at in seen else self._branches(at, above)
            if branches is None:
                return None
            seen.add(at)
            if len(seen) % 1024 == 0:
                self.budget.check_time()
            level, places = branches
            if level:
                waiting += ((where, level) for where in places)
                continue
            whole = [where for where in places if node(self.view, where) is not None]
            broken += len(places) - len(whole)
            leaves.extend(whole)
        return leaves

    def _branches(self, at: int, above: int) -> tuple[int, list[int]] | None:
        """Level of the index node at ``at`` and what it names; None when it is none below ``above``."""
        size = node(self.view, at)
        if size is None or self.view.u8(at + 20) != INDEX:
            return None
        count, level = self.view.unpack("<HH", at + 24)
        branch = (size - 28) // count if count else 0
        if level >= above or branch < 20:
            return None
        places = []
        for number in range(count):
            block, offset, length = self.view.unpack("<III", at + 28 + number * branch)
            if offset + length > self.block or length > LONGEST:
                return None
            places.append(block * self.block + offset)
        return level, places
