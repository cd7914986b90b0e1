"""The nodes of UBIFS: their header, kinds and keys."""

from firmware_checks.filesystems.inodes import crc_not_inverted
from firmware_checks.view import View

MAGIC = b"\x31\x18\x10\x06"
HEADER = 24
INODE, DATA, DENTRY, TRUNCATED, SUPER, MASTER, INDEX = 0, 1, 2, 4, 6, 7, 9
LENGTHS = {INODE: 160, DATA: 48, DENTRY: 56, TRUNCATED: 56, SUPER: 4096, MASTER: 512, INDEX: 28}
"""The shortest of each kind."""
LONGEST = 16 * 1024
"""Of the nodes of files and of the index: none of the real ones comes near."""
ROOT = 1
BLOCK = 4096
"""Bytes of a file that one data node holds."""


def node(view: View, at: int) -> int | None:
    """The length of the node at ``at``; None when there is no whole one."""
    if at + HEADER > len(view) or not view.starts_with(MAGIC, at):
        return None
    crc, _, size, kind = view.unpack("<IQIB", at + 4)
    if size < LENGTHS.get(kind, HEADER) or at + size > len(view):
        return None
    return int(size) if crc_not_inverted(view.part(at + 8, size - 8).raw) == crc else None


def key(view: View, at: int) -> tuple[int, int]:
    """Inode number, and the block's number or the name's hash, of a data, inode or name node."""
    number, low = view.unpack("<II", at + HEADER)
    return number, low & 0x1FFFFFFF
