"""An own writer of YAFFS2 images from the project's structures, for no package has mkyaffs2image.

Debian's unyaffs unpacks what it writes, so a misreading is not shared by writer and reader alone.
"""

import os
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path

ROOT, FIRST = 1, 257
FILE, LINK, FOLDER, HARD_LINK, SPECIAL = range(1, 6)
SEQUENCE = 0x1000


@dataclass
class Writer:
    """Pages with their spare bytes, in the order in which they were written."""

    page: int = 2048
    spare: int = 64
    tags: int = 0
    order: str = "<"
    out: bytearray = field(default_factory=bytearray)
    numbers: dict[int, int] = field(default_factory=dict)
    """Inode of this system to object."""
    last: int = FIRST - 1

    def put(
        self, data: bytes, number: int, chunk: int, size: int, sequence: int = SEQUENCE
    ) -> None:
        """One page."""
        spare = bytearray(b"\xff" * self.spare)
        struct.pack_into(self.order + "4I", spare, self.tags, sequence, number, chunk, size)
        self.out += data + b"\xff" * (self.page - len(data)) + spare

    def header(
        self,
        number: int,
        kind: int,
        parent: int,
        name: bytes,
        mode: int = 0o100644,
        *,
        uid: int = 0,
        gid: int = 0,
        size: int = 0,
        same: int = 0,
        target: bytes = b"",
        sequence: int = SEQUENCE,
    ) -> None:
        """The header of an object."""
        data = bytearray(b"\xff" * 512)
        struct.pack_into(self.order + "IIH256s", data, 0, kind, parent, 0xFFFF, name)
        struct.pack_into(self.order + "8I", data, 268, mode, uid, gid, 1, 2, 3, size, same)
        struct.pack_into("160s", data, 300, target)
        struct.pack_into(self.order + "I", data, 496, 0)
        self.put(bytes(data), number, 0, 0xFFFF, sequence)

    def file(self, number: int, data: bytes, sequence: int = SEQUENCE) -> None:
        """The pages of a file."""
        for place, begin in enumerate(range(0, len(data), self.page), 1):
            piece = data[begin : begin + self.page]
            self.put(piece, number, place, len(piece), sequence)

    def folder(self, root: Path, parent: int = ROOT) -> None:
        """Everything in a folder of this system."""
        for path in sorted(root.iterdir()):
            known = path.lstat()
            name, kind, target, size, same = os.fsencode(path.name), FILE, b"", 0, 0
            self.last += 1
            number = self.last
            if stat.S_ISLNK(known.st_mode):
                kind, target = LINK, os.fsencode(os.readlink(path))
            elif stat.S_ISDIR(known.st_mode):
                kind = FOLDER
            elif known.st_ino in self.numbers:
                kind, same = HARD_LINK, self.numbers[known.st_ino]
            else:
                self.numbers[known.st_ino], size = number, known.st_size
            owner = {"uid": known.st_uid, "gid": known.st_gid}
            self.header(
                number,
                kind,
                parent,
                name,
                known.st_mode,
                size=size,
                same=same,
                target=target,
                **owner,
            )
            if kind == FOLDER:
                self.folder(path, number)
            elif kind == FILE:
                self.file(number, path.read_bytes())
