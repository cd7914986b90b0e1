"""ext2, ext3 and ext4, read in memory: nothing is mounted, the journal is not played.

Source: Linux, ``Documentation/filesystems/ext4/``.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.budget import Budget
from firmware_checks.filesystems.clock import day
from firmware_checks.filesystems.descent import Found, Item, descend, in_disk_order, target
from firmware_checks.filesystems.ext_inodes import (
    EXTENTS,
    IN_INODE,
    INLINE,
    ROOT,
    Inode,
    Super,
    contents,
    first_block,
    inode,
    names,
    standing,
)
from firmware_checks.filesystems.modes import kind_of
from firmware_checks.reading import Context, Entry, Format, Kind, Passage, Reading, Spot
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

RANK = 65
AT = 1024
JOURNAL, TO_RECOVER, JOURNAL_DEVICE, META_GROUPS = 0x4, 0x4, 0x8, 0x10
EXTENDED, WIDE, COMPRESSED, TYPED = 0x40, 0x80, 0x1, 0x2
FOLDER_KIND = 2
HEAD = 40
"""Bytes of an inode before its map of blocks, in whose place the content of a small file may stand."""


@dataclass(frozen=True, slots=True)
class Node:
    """What an entry of a folder says."""

    number: int
    folder: bool


def _anchors() -> Iterator[tuple[bytes, int]]:
    """Magic, state and what to do with errors: two bytes alone stand everywhere by chance."""
    for state in range(8):
        for errors in range(4):
            yield struct.pack("<HHH", 0xEF53, state, errors), AT + 0x38


class Ext(Format):
    """The format."""

    name = "ext4"
    anchors = tuple(_anchors())
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        top = superblock(view)
        if top is None:
            return None
        size, problem = top.blocks * top.block, ""
        incompatible = view.u32(AT + 0x60)
        if incompatible & (JOURNAL_DEVICE | META_GROUPS | COMPRESSED):
            problem = f"features that are not read: {incompatible:#x}"
        elif size > len(view):
            problem = f"the file system is cut short: {len(view)} of {size} bytes are there"
        elif incompatible & TO_RECOVER:
            problem = "it was not unmounted: what its journal holds is not read"
        return Reading(
            format=_generation(view),
            kind=LayerKind.FILE_SYSTEM,
            size=min(size, len(view)),
            title=view.text(AT + 0x78, 16),
            built=day(view.u32(AT + 0x108)),
            details=(("block size", str(top.block)), ("inodes", str(top.inodes))),
            problem=problem,
            tree=ExtTree(top),
        )


FORMAT = Ext()


def _generation(view: View) -> str:
    incompatible = view.u32(AT + 0x60)
    if incompatible & ~(TYPED | TO_RECOVER | META_GROUPS | COMPRESSED | JOURNAL_DEVICE):
        return "ext4"
    return "ext3" if view.u32(AT + 0x5C) & JOURNAL else "ext2"


def superblock(view: View) -> Super | None:
    """None when its numbers do not fit each other. Raises Malformed when it is not whole."""
    inodes, low = view.unpack("<II", AT)
    first, log = view.unpack("<II", AT + 0x14)
    blocks_per_group, _, per_group = view.unpack("<III", AT + 0x20)
    revision = view.u32(AT + 0x4C)
    if revision and view.u16(AT + 0x5A):
        return None  # the copy in a later group of blocks
    inode_size = view.u16(AT + 0x58) if revision else 128
    incompatible = view.u32(AT + 0x60) if revision else 0
    wide = bool(incompatible & WIDE)
    descriptor = view.u16(AT + 0xFE) if wide else 32
    blocks = low | (view.u32(AT + 0x150) << 32 if wide else 0)
    if log > 6:
        return None
    block = 1024 << log
    fits = (
        first == (1 if block == 1024 else 0)
        and 0 < per_group <= block * 8
        and 0 < blocks_per_group <= block * 8
        and 128 <= inode_size <= block
        and inode_size & (inode_size - 1) == 0
        and descriptor in (32, 64, 128)
        and 0 < inodes <= per_group * (blocks // blocks_per_group + 1)
        and blocks > first
    )
    if not fits:
        return None
    return Super(
        view=view.part(0, min(len(view), blocks * block)),
        block=block,
        first_block=first,
        blocks=blocks,
        inodes=inodes,
        per_group=per_group,
        blocks_per_group=blocks_per_group,
        inode_size=inode_size,
        descriptor=descriptor,
        features=incompatible,
        typed=bool(incompatible & TYPED),
    )


class ExtTree:
    """Its files as they stand; of a file with several names the bytes come once."""

    def __init__(self, top: Super) -> None:
        self._top = top

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        inode(self._top, ROOT)
        first: dict[int, str] = {}
        found = descend(Node(ROOT, True), _folder, lambda n: self._children(n, budget), budget)
        yield from in_disk_order(self._item(one, first, budget) for one in found)

    def passage(self, number: int) -> Passage:
        at = standing(self._top, number)
        data = self._top.view.read(at, HEAD)
        return Passage(data, f"inode {number} at {at:#x}", (0, 1))

    def _children(self, node: Node, budget: Budget) -> Iterator[tuple[bytes, Node]]:
        folder = inode(self._top, node.number)
        if kind_of(folder.mode) is not Kind.DIRECTORY:
            raise Malformed("it is no folder")
        for name, number, kind in names(self._top, folder, budget):
            yield name, Node(number, kind == FOLDER_KIND or (not kind and self._is_folder(number)))

    def _is_folder(self, number: int) -> bool:
        try:
            return kind_of(inode(self._top, number).mode) is Kind.DIRECTORY
        except Malformed:
            return False

    def _item(self, found: Found[Node], first: dict[int, str], budget: Budget) -> Item:
        try:
            one = inode(self._top, found.node.number)
        except Malformed as error:
            kind = Kind.DIRECTORY if found.node.folder else Kind.OTHER
            return Item(_entry(found.path, None, kind, "", found.problem or str(error)))
        kind, points_to, problem = kind_of(one.mode), "", found.problem
        if kind is Kind.LINK:
            try:
                points_to = self._target(one, budget)
            except Malformed as error:
                problem = str(error)
        elif kind is Kind.FILE and (name := first.setdefault(one.number, found.path)) != found.path:
            kind, points_to = Kind.LINK, name
        entry = _entry(found.path, one, kind, points_to, problem, Spot(self, one.number))
        if kind is not Kind.FILE or not one.size:
            return Item(entry)
        return Item(entry, first_block(self._top, one), lambda: contents(self._top, one, budget))

    def _target(self, one: Inode, budget: Budget) -> str:
        if one.size < IN_INODE and not one.flags & (EXTENTS | INLINE):
            return target(one.map.read(0, one.size))
        if one.size > self._top.block:
            raise Malformed("a link longer than a block")
        return target(contents(self._top, one, budget).read())


def _folder(node: Node) -> int | None:
    return node.number if node.folder else None


def _entry(
    path: str,
    one: Inode | None,
    kind: Kind,
    points_to: str,
    problem: str,
    spot: Spot | None = None,
) -> Entry:
    if one is None:
        return Entry(path=path, kind=kind, mode=0, uid=0, gid=0, size=0, problem=problem)
    return Entry(
        path=path,
        kind=kind,
        mode=one.mode & 0o7777,
        uid=one.uid,
        gid=one.gid,
        size=one.size if kind is Kind.FILE else 0,
        target=points_to,
        modified=float(one.modified),
        problem=problem,
        spot=spot,
    )
