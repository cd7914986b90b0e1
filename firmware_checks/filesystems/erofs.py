"""EROFS: plain, inline, chunked and compressed files.

Source: the layout in the Linux kernel's ``fs/erofs/erofs_fs.h``. Not read, and told: data that a file shares
in the file of fragments, and data on another device.
"""

from functools import cache

from firmware_checks.filesystems.clock import day
from firmware_checks.filesystems.erofs_files import Files, Super
from firmware_checks.filesystems.inodes import NumberedTree
from firmware_checks.reading import Context, Format, Kind, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

MAGIC = b"\xe2\xe1\xf5\xe0"
SUPER = 1024
ZERO_PADDED = 0x1
NO_SUM = "none"
CHECKED = 0x1
CRC32C = 0x82F63B78
"""The polynomial, reversed."""


class Erofs(Format):
    """The format."""

    name = "EROFS"
    anchors = ((MAGIC, SUPER),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        top = superblock(view)
        files = Files(view, top)
        problem, doubtful = "", False
        try:
            if files.inode(top.root).kind is not Kind.DIRECTORY:
                return None
        except Malformed as error:
            if not top.holds:
                return None
            problem = f"the root folder cannot be read: {error}"
            doubtful = top.checksum == NO_SUM
        if not top.holds:
            problem = "the superblock's checksum does not hold"
        if top.size > len(view):
            problem = f"the file system is cut short: {len(view)} of {top.size} bytes are there"
        compressed = "zero-padded clusters" if top.features & ZERO_PADDED else "none or legacy"
        return Reading(
            format=self.name,
            kind=LayerKind.FILE_SYSTEM,
            size=min(top.size, len(view)),
            title=top.label,
            built=day(top.built),
            details=(
                ("block size", str(top.block)),
                ("inodes", str(top.inodes)),
                ("compression", compressed),
                ("checksum", top.checksum),
            ),
            problem=problem,
            doubtful=doubtful,
            tree=NumberedTree(files, top.root),
        )


FORMAT = Erofs()


def superblock(view: View) -> Super:
    """The superblock. Raises Malformed when its numbers do not fit each other."""
    at = SUPER
    crc, compatible, bits, _, root, inodes, built = view.unpack("<IIBBHQQ", at + 4)
    blocks, meta = view.unpack("<II", at + 36)
    features = view.u32(at + 80)
    block = 1 << bits
    size = max(blocks, 1) * block
    if not 9 <= bits <= 16 or not inodes or meta * block >= size or size < SUPER + 128:
        raise Malformed("the superblock's numbers do not fit each other")
    holds, checksum = True, NO_SUM
    if compatible & CHECKED:
        end = max(block, SUPER + 128)
        covered = bytearray(view.read(SUPER, min(end, len(view)) - SUPER))
        covered[4:8] = bytes(4)
        if crc32c(covered) != crc:
            holds, checksum = False, "CRC-32C of the superblock does not hold"
        else:
            checksum = "CRC-32C of the superblock holds"
    return Super(
        block=block,
        root=root,
        inodes=inodes,
        built=built,
        size=size,
        meta=meta * block,
        features=features,
        label=view.text(at + 64, 16),
        checksum=checksum,
        holds=holds,
    )


def crc32c(data: bytearray) -> int:
    """CRC-32C (Castagnoli) from all ones, without inverting at the end."""
    rows = _rows()
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ rows[crc & 0xFF ^ byte]
    return crc


@cache
def _rows() -> tuple[int, ...]:
    rows = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (CRC32C if crc & 1 else 0)
        rows.append(crc)
    return tuple(rows)
