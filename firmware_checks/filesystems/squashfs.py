"""Squashfs, version 4 with all its compressors and versions 1 to 3, in both byte orders, routers' LZMA among them.

Blocks are decompressed by two threads in the order in which they stand in the image. Vendors wrote LZMA
under other numbers and without headers; which way it is, is found out on the root folder.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from firmware_checks import compression
from firmware_checks.budget import Budget, OutOfBudget
from firmware_checks.filesystems import squashfs_old
from firmware_checks.filesystems.clock import day
from firmware_checks.filesystems.squashfs_inodes import (
    FOLDER,
    Codec,
    Metadata,
    Super,
    inode,
    names,
)
from firmware_checks.reading import Context, Entry, Format, Reading
from firmware_checks.view import Buffer, Malformed, View
from probe.model.firmware import LayerKind

MAGICS = (b"hsqs", b"sqsh", b"shsq", b"qshs", b"sqlz", b"hsqt", b"tqsh")
"""The first two are those of the tools, in little and big endian; the others are vendors'."""
BLOCK_SIZES = frozenset(1 << n for n in range(12, 21))
COMPRESSORS = {1: "gzip", 2: "lzma", 3: "lzo", 4: "xz", 5: "lz4", 6: "zstd"}
CODECS: dict[str, Codec] = {
    "gzip": compression.inflate,
    "lzma": compression.unlzma,
    "lzo": compression.unlzo,
    "xz": compression.unxz,
    "lz4": compression.unlz4,
    "zstd": compression.unzstd,
}
KINDS_OF_LZMA = sorted(
    ((lc, lp, pb) for lc in range(5) for lp in range(5 - lc) for pb in range(5)),
    key=lambda kind: (kind != (3, 0, 2), kind),
)
"""The usual one first."""


class Squashfs(Format):
    """The format."""

    name = "squashfs"
    anchors = tuple((magic, 0) for magic in MAGICS)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        top = superblock(view)
        if top is None:
            return self._damaged(view)
        compressor, tree, problem = COMPRESSORS.get(top.compression, "unknown"), None, ""
        if top.size > len(view):
            problem = f"the file system is cut short: {len(view)} of {top.size} bytes are there"
        try:
            compressor, metadata = opened(view, top, context.budget)
            tree = SquashTree(metadata)
        except (Malformed, OutOfBudget) as error:
            problem = problem or str(error)
        return Reading(
            format=self.name,
            kind=LayerKind.FILE_SYSTEM,
            size=min(top.size, len(view)),
            version=str(top.version),
            built=day(top.built),
            details=(
                ("compression", compressor),
                ("block size", str(top.block_size)),
                ("inodes", str(top.inodes)),
                ("byte order", "big endian" if top.order == ">" else "little endian"),
            ),
            problem=problem,
            tree=tree,
        )

    def _damaged(self, view: View) -> Reading | None:
        """Magic, version and the size of the blocks (said twice) fit, but not the places of the tables."""
        top = next((t for t in superblocks(view) if t.block_size in BLOCK_SIZES), None)
        if top is None or not view.starts_with(MAGICS[top.order == ">"]):
            return None
        return Reading(
            format=self.name,
            kind=LayerKind.FILE_SYSTEM,
            size=len(view),
            version=str(top.version),
            problem="its superblock is damaged: the tables are not where they can be, and no file was read",
        )


FORMAT = Squashfs()


@dataclass(frozen=True, slots=True)
class SquashTree:
    """Its files, in the order of their blocks."""

    metadata: Metadata

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        from firmware_checks.filesystems.squashfs_files import Files

        return Files(self.metadata, budget).entries()

    def in_root(self, name: bytes, budget: Budget) -> View | None:
        """One file of the root folder, by its name. Raises Malformed or OutOfBudget."""
        from firmware_checks.filesystems.squashfs_files import Files

        return Files(self.metadata, budget).in_root(name)


def superblock(view: View) -> Super | None:
    """The superblock when its numbers fit each other, else None. Raises Malformed when it is not whole."""
    return next((top for top in superblocks(view) if fits(top)), None)


def superblocks(view: View) -> Iterator[Super]:
    """What the first bytes say in either byte order. Raises Malformed when they are not whole."""
    for order in "<>":
        version = view.u16(28, order)
        if version == 4:
            yield _version4(view, order)
        elif version == 3:
            yield _version3(view, order)
        elif version in (1, 2):
            yield squashfs_old.superblock(view, order, version)


def fits(top: Super) -> bool:
    """Whether the tables stand where they can, and the blocks have a size that blocks have."""
    least = 96 if top.version > 2 else 51
    tables = (top.inode_table, top.folder_table)
    return top.block_size in BLOCK_SIZES and all(least <= t < top.size for t in tables)


def _version4(view: View, order: str) -> Super:
    (inodes, built, block, fragments, compression_id, log, flags, ids) = view.unpack(
        order + "IIIIHHHH", 4
    )
    root, size, id_table, _, inode_table, folders, fragment_table, _ = view.unpack(order + "8Q", 32)
    return Super(
        version=4,
        order=order,
        inodes=inodes,
        built=built,
        block_size=block if block == 1 << min(log, 31) else 0,
        fragments=fragments,
        compression=compression_id,
        flags=flags,
        uids=ids,
        gids=ids,
        root=root,
        size=size,
        uid_table=id_table,
        gid_table=id_table,
        inode_table=inode_table,
        folder_table=folders,
        fragment_table=fragment_table,
    )


def _version3(view: View, order: str) -> Super:
    (flags, uids, gids, built, root, block, fragments) = view.unpack(order + "BBBIQII", 36)
    size, uid_table, gid_table, inode_table, folders, fragment_table = view.unpack(order + "6Q", 63)
    return Super(
        version=3,
        order=order,
        inodes=view.u32(4, order),
        built=built,
        block_size=block if block == 1 << min(view.u16(34, order), 31) else 0,
        fragments=fragments,
        compression=0,
        flags=flags,
        uids=uids,
        gids=gids,
        root=root,
        size=size,
        uid_table=uid_table,
        gid_table=gid_table,
        inode_table=inode_table,
        folder_table=folders,
        fragment_table=fragment_table,
    )


# --- which compression it really is ----------------------------------------------------------------


def opened(view: View, top: Super, budget: Budget) -> tuple[str, Metadata]:
    """The compression with which the root folder can be read. Raises Malformed, OutOfBudget."""
    for name, codec in candidates(top):
        metadata = Metadata(view, top, codec, budget)
        try:
            root = inode(metadata, top.root)
            listed = [name for name, _, _ in names(metadata, root)]
        except Malformed:
            continue
        plausible = root.kind == FOLDER and 0 < root.number <= top.inodes
        if plausible and len(listed) <= top.inodes and b"" not in listed:
            return name, metadata
    said = COMPRESSORS.get(top.compression, "gzip or LZMA")
    raise Malformed(f"the root folder cannot be read, neither with {said} nor as LZMA")


def candidates(top: Super) -> Iterator[tuple[str, Codec]]:
    """What the superblock says first, then what routers are known to do instead."""
    said = COMPRESSORS.get(top.compression)
    if said is not None:
        yield said, CODECS[said]
        if said not in ("gzip", "lzma"):
            return
    yield from ((n, CODECS[n]) for n in ("gzip", "lzma") if n != said)
    yield "lzma, size not given", partial(_headed, 13)
    yield "lzma, header of 5 bytes", partial(_headed, 5)
    if said is None:
        yield "xz", CODECS["xz"]
    for lc, lp, pb in KINDS_OF_LZMA:
        for skipped in (0, 1, 4):
            codec = partial(_headless, skipped, lc, lp, pb)
            yield f"lzma without header, lc={lc} lp={lp} pb={pb}", codec


def _headed(size: int, data: Buffer, most: int) -> bytes:
    """LZMA whose first byte holds lc, lp and pb and whose symbols begin at ``size``."""
    first = bytes(data[:1])
    if not first or first[0] >= 9 * 5 * 5:
        raise Malformed("LZMA: no such properties")
    rest, lc = divmod(first[0], 9)
    pb, lp = divmod(rest, 5)
    if lc + lp > 4 or len(data) <= size:
        raise Malformed("LZMA: no such properties")
    return compression.unlzma_raw(data[size:], most, lc, lp, pb)


def _headless(skipped: int, lc: int, lp: int, pb: int, data: Buffer, most: int) -> bytes:
    return compression.unlzma_raw(data[skipped:], most, lc, lp, pb)
