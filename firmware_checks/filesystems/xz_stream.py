"""xz, with all filters of liblzma (BCJ for programs among them)."""

import lzma

from firmware_checks.compression import DICTIONARY
from firmware_checks.streams import Header, StreamFormat

MAGIC = b"\xfd7zXZ\0"
FORMAT = StreamFormat(
    name="xz",
    anchors=((MAGIC, 0),),
    header=lambda view: Header(),
    decoder=lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=DICTIONARY),
    magic=MAGIC,
)
