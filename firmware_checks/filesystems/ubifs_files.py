"""The files of UBIFS, out of the nodes that count."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_checks import compression
from firmware_checks.budget import Budget
from firmware_checks.filesystems.descent import target
from firmware_checks.filesystems.inodes import Inode, kind_of
from firmware_checks.filesystems.ubifs_nodes import BLOCK, DATA, DENTRY, INODE, ROOT, TRUNCATED, key
from firmware_checks.reading import Kind, Passage
from firmware_checks.view import Malformed, View

ENCRYPTED = 0x40
INODE_SIZE = 160
"""Of its node, without the data behind it."""


@dataclass(slots=True)
class Files:
    """Names, inodes and data nodes by their inode; of each key the highest sequence number counts."""

    view: View
    inodes: dict[int, int] = field(default_factory=dict)
    data: dict[int, "array[int]"] = field(default_factory=dict)
    cuts: dict[int, "array[int]"] = field(default_factory=dict)
    folders: dict[int, dict[bytes, tuple[int, int]]] = field(default_factory=dict)
    """Folder to name to sequence number and inode; inode 0 is a name that was deleted."""

    def take(self, at: int) -> None:
        """Remember the node at ``at``, which is whole."""
        kind = self.view.u8(at + 20)
        if kind == INODE:
            number, _ = key(self.view, at)
            known = self.inodes.get(number)
            if known is None or self.view.u64(known + 8) <= self.view.u64(at + 8):
                self.inodes[number] = at
        elif kind == DATA:
            number, _ = key(self.view, at)
            self.data.setdefault(number, array("Q")).append(at)
        elif kind == TRUNCATED:
            self.cuts.setdefault(self.view.u32(at + 24), array("Q")).append(at)
        elif kind == DENTRY:
            self._name(at)

    def _name(self, at: int) -> None:
        folder, _ = key(self.view, at)
        inode, _, _, length = self.view.unpack("<QBBH", at + 40)
        if 56 + length > self.view.u32(at + 16):
            return
        name, sequence = self.view.read(at + 56, length), self.view.u64(at + 8)
        names = self.folders.setdefault(folder, {})
        if name not in names or names[name][0] <= sequence:
            names[name] = (sequence, inode)

    # --- as a tree -------------------------------------------------------------------------------

    def is_folder(self, number: int) -> bool:
        at = self.inodes.get(number)
        if at is None:
            return number == ROOT or number in self.folders
        return kind_of(self.view.u32(at + 104)) is Kind.DIRECTORY

    def names(self, folder: int) -> Iterator[tuple[bytes, int]]:
        for name, (_, inode) in self.folders.get(folder, {}).items():
            if inode:
                yield name, inode

    def inode(self, number: int) -> Inode:
        at = self.inodes.get(number)
        if at is None:
            raise Malformed("there is no node of it")
        (size,) = self.view.unpack("<Q", at + 48)
        (modified,) = self.view.unpack("<Q", at + 72)
        uid, gid, mode, flags, length = self.view.unpack("<IIIII", at + 96)
        kind = kind_of(mode)
        points_to = ""
        if kind is Kind.LINK and 160 + length <= self.view.u32(at + 16):
            points_to = target(self.view.read(at + 160, min(length, BLOCK)))
        return Inode(
            kind=kind,
            mode=mode,
            uid=uid,
            gid=gid,
            size=size,
            modified=float(modified),
            target=points_to,
            problem="encrypted" if flags & ENCRYPTED and kind is Kind.FILE else "",
        )

    def passage(self, number: int) -> Passage:
        """The node of the inode, without the data behind it."""
        at = self.inodes.get(number)
        if at is None:
            raise Malformed("there is no node of it")
        what = f"node of inode {number} at {at:#x}"
        return Passage(self.view.read(at, INODE_SIZE), what, (104, 107))

    def contents(self, number: int, budget: Budget) -> tuple[View, str]:
        """Block by block; a block without node is a hole."""
        size = self.view.u64(self.inodes[number] + 48)
        blocks = self._blocks(number)
        stored = sum(self.view.u32(at + 16) for at in blocks.values())
        if size > budget.room(stored):
            raise Malformed(f"a file of {size} bytes out of {stored}: more than is read of one")
        budget.take(size)
        out, problem = bytearray(size), ""
        for place, at in blocks.items():
            begin = place * BLOCK
            if begin >= size:
                continue
            try:
                made = self._made(at)[: size - begin]
                out[begin : begin + len(made)] = made
            except Malformed as error:
                problem = f"a block cannot be read: {error}"
        return View(out), problem

    def _blocks(self, number: int) -> dict[int, int]:
        """Place to the newest node for it that no cut of the file took away."""
        chosen: dict[int, int] = {}
        for at in self.data.get(number, ()):
            _, place = key(self.view, at)
            known = chosen.get(place)
            if known is None or self.view.u64(known + 8) <= self.view.u64(at + 8):
                chosen[place] = at
        for cut in self.cuts.get(number, ())[-64:]:
            when, length = self.view.u64(cut + 8), self.view.u64(cut + 48)
            for place, at in list(chosen.items()):
                if place * BLOCK >= length and self.view.u64(at + 8) < when:
                    del chosen[place]
        return dict(sorted(chosen.items()))

    def _made(self, at: int) -> bytes:
        """The bytes that a data node holds, decompressed."""
        total = self.view.u32(at + 16)
        size, how = self.view.unpack("<IH", at + 40)
        if size > BLOCK:
            raise Malformed(f"a block of {size} bytes")
        packed = self.view.part(at + 48, total - 48).raw
        match how:
            case 0:
                made = bytes(packed)
            case 1:
                made = compression.unlzo(packed, size)
            case 2:
                made = compression.inflate_raw(packed, size)
            case 3:
                made = compression.unzstd(packed, size)
            case _:
                raise Malformed(f"compression {how} is not known")
        if len(made) != size:
            raise Malformed(f"{len(made)} bytes where {size} should be")
        return made
