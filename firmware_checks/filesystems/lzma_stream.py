"""LZMA files with the header of 13 bytes, which has no magic: properties, dictionary, size.

The anchors are the properties and dictionaries that encoders write; what begins by chance like one of them
does not decode, and is not taken for one.
"""

import lzma

from firmware_checks.compression import DICTIONARY
from firmware_checks.streams import Header, StreamFormat
from firmware_checks.view import View

RANK = 70
USUAL = [(b"\x5d", n) for n in range(16, 27)] + [(b"\x6d", n) for n in (16, 20, 23, 24, 25)]
UNKNOWN = (1 << 64) - 1
LARGEST = 4 << 30


def header(view: View) -> Header | None:
    size = view.u64(5)
    return Header() if size == UNKNOWN or 0 < size <= LARGEST else None


FORMAT = StreamFormat(
    name="LZMA",
    anchors=tuple((byte + (1 << power).to_bytes(4, "little"), 0) for byte, power in USUAL),
    header=header,
    decoder=lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=DICTIONARY),
    magic=b"no further members",
    least=65_536,
)
