"""bzip2."""

import bz2

from firmware_checks.streams import Header, StreamFormat
from firmware_checks.view import View

BLOCK = b"1AY&SY"


def header(view: View) -> Header | None:
    said = view.read(0, 4)
    return Header() if said[:3] == b"BZh" and said[3:] in b"123456789" else None


FORMAT = StreamFormat(
    name="bzip2",
    anchors=((BLOCK, 4),),
    header=header,
    decoder=bz2.BZ2Decompressor,
    magic=b"BZh",
)
