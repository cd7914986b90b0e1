"""lzop files: LZO blocks with their lengths and checksums. Source: ``lzop`` 1.04's own description."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.compression import unlzo
from firmware_checks.filesystems.clock import day
from firmware_checks.filesystems.descent import harmless
from firmware_checks.streams import BlockFormat, Header
from firmware_checks.view import Malformed, View

MAGIC = b"\x89LZO\0\r\n\x1a\n"
ADLER_DATA, ADLER_PACKED, EXTRA = 0x1, 0x2, 0x40
CRC_DATA, CRC_PACKED, FILTERED, CRC_HEADER = 0x100, 0x200, 0x800, 0x1000
NEWER = 0x0940
LARGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the blocks, and where they begin."""

    flags: int
    modified: int
    name: str
    end: int


def head(view: View) -> Head:
    """Raises Malformed when the checksum of the header does not hold."""
    version = view.u16(9, ">")
    newer = version >= NEWER
    at = 16 if newer else 14
    at += 1 if newer else 0
    flags = view.u32(at, ">")
    at += 8 if flags & FILTERED else 4
    modified = view.u32(at + 4, ">")
    at += 12 if newer else 8
    length = view.u8(at)
    name = harmless(view.read(at + 1, length))
    at += 1 + length
    covered = view.read(9, at - 9)
    checksum = zlib.crc32(covered) if flags & CRC_HEADER else zlib.adler32(covered)
    if checksum != view.u32(at, ">"):
        raise Malformed("lzop: the checksum of the header does not hold")
    at += 4
    if flags & EXTRA:
        at += 8 + view.u32(at, ">")
    return Head(flags, modified, name, at)


def _blocks(view: View) -> Iterator[tuple[int, View, int | None, int]]:
    """Size, bytes, Adler-32 of the data, and where the next block is."""
    top = head(view)
    at = top.end
    while size := view.u32(at, ">"):
        packed = view.u32(at + 4, ">")
        if size > LARGEST or packed > size:
            raise Malformed("lzop: a block larger than blocks may be")
        at += 8
        adler = view.u32(at, ">") if top.flags & ADLER_DATA else None
        at += 4 * bool(top.flags & ADLER_DATA) + 4 * bool(top.flags & CRC_DATA)
        if packed < size:
            at += 4 * bool(top.flags & ADLER_PACKED) + 4 * bool(top.flags & CRC_PACKED)
        body = view.part(at, packed)
        at += packed
        yield size, body, adler, at


def end(view: View) -> int:
    at = head(view).end
    for _, _, _, following in _blocks(view):
        at = following
    return at + 4


def pieces(view: View) -> Iterator[bytes]:
    for size, body, adler, _ in _blocks(view):
        data = bytes(body.raw) if len(body) == size else unlzo(body.raw, size)
        if len(data) != size or (adler is not None and zlib.adler32(data) != adler):
            raise Malformed("lzop: the checksum of a block does not hold")
        yield data


def header(view: View) -> Header:
    top = head(view)
    return Header(title=top.name, built=day(top.modified))


FORMAT = BlockFormat(name="lzop", anchors=((MAGIC, 0),), end=end, pieces=pieces, header=header)
