"""Squashfs of versions 1 and 2, as routers of 2003 to 2008 carry it, in both byte orders.

Source: the layouts of 1.x and 2.x in ``squashfs_compat.h`` of squashfs-tools. Inodes have no numbers and, but
for files and folders, no times; version 1 has no fragments.
"""

from dataclasses import replace

from firmware_checks.filesystems.squashfs_inodes import (
    FILE,
    FOLDER,
    LINK,
    Cursor,
    Inode,
    Super,
    owner,
    packed_sizes,
)
from firmware_checks.view import Malformed, View

TABLE, BLOCK, FRAGMENTS = 8, 32, 51
LONG_FOLDER = 8
KINDS = 5
"""Of version 1, repeated for each sixteen owners; 0 is a pipe or a socket, whose kind stands behind."""
NO_GROUP = {1: 15, 2: 255}
"""The group has the number of the owner."""


def superblock(view: View, order: str, version: int) -> Super:
    """The superblock of version 1 or 2. Raises Malformed when it is not whole."""
    inodes, size, uids_at, _, inode_table, folders = view.unpack(order + "6I", 4)
    block, log = view.unpack(order + "HH", BLOCK)
    flags, uids, gids, built, root = view.unpack(order + "BBBIQ", 36)
    fragments = fragment_table = 0
    if version == 2:
        block, fragments, fragment_table = view.unpack(order + "III", FRAGMENTS)
    return Super(
        version=version,
        order=order,
        inodes=inodes,
        built=built,
        block_size=block if block == 1 << min(log, 31) else 0,
        fragments=fragments,
        compression=0,
        flags=flags,
        uids=uids,
        gids=gids,
        root=root,
        size=size,
        uid_table=uids_at,
        gid_table=uids_at + 4 * uids,
        inode_table=inode_table,
        folder_table=folders,
        fragment_table=fragment_table,
    )


def inode(at: Cursor, top: Super) -> Inode:
    """The inode at ``at``. Raises Malformed, OutOfBudget."""
    kind, common = _base1(at, top) if top.version == 1 else _base2(at, top)
    if kind in (FOLDER, LONG_FOLDER):
        size, offset = packed_sizes(at, top.order, wide=kind == LONG_FOLDER)
        modified, *start = at.unpack("I3B")
        where = int.from_bytes(bytes(start), "big" if top.order == ">" else "little")
        return replace(common, size=size, offset=offset, modified=modified, start=where)
    if kind == FILE and top.version == 1:
        modified, where, size = at.unpack("III")
        return replace(common, size=size, modified=modified, start=where, blocks=at.copy())
    if kind == FILE:
        modified, where, fragment, offset, size = at.unpack("5I")
        return replace(
            common,
            size=size,
            modified=modified,
            start=where,
            fragment=fragment,
            offset=offset,
            blocks=at.copy(),
        )
    if kind == LINK:
        (size,) = at.unpack("H")
        return replace(common, size=size, target=at.read(min(size, 4096)))
    if not 4 <= kind <= 7:
        raise Malformed(f"an inode of kind {kind}")
    return common


def _base2(at: Cursor, top: Super) -> tuple[int, Inode]:
    word, uid, gid = at.unpack("HBB")
    kind, mode = (word >> 12, word & 0xFFF) if top.order == ">" else (word & 0xF, word >> 4)
    return kind, _common(at, top, FOLDER if kind == LONG_FOLDER else kind, mode, uid, gid)


def _base1(at: Cursor, top: Super) -> tuple[int, Inode]:
    word, ids = at.unpack("HB")
    big = top.order == ">"
    kind, mode = (word >> 12, word & 0xFFF) if big else (word & 0xF, word >> 4)
    uid, gid = (ids >> 4, ids & 0xF) if big else (ids & 0xF, ids >> 4)
    if kind:
        sixteens, kind = divmod(kind - 1, KINDS)
        kind += 1
    else:
        (rest,) = at.unpack("B")
        kind, sixteens = (rest >> 4, rest & 0xF) if big else (rest & 0xF, rest >> 4)
    return kind, _common(at, top, kind, mode, sixteens * 16 + uid, gid)


def _common(at: Cursor, top: Super, kind: int, mode: int, uid: int, gid: int) -> Inode:
    one = owner(at.metadata, top.uid_table, uid, top.uids)
    same = gid == NO_GROUP[top.version]
    return Inode(
        kind=kind,
        mode=mode,
        uid=one,
        gid=one if same else owner(at.metadata, top.gid_table, gid, top.gids),
        modified=top.built,
        number=1,
    )
