"""gzip (RFC 1952): the usual wrapping of kernels and initial RAM disks."""

from firmware_checks.filesystems.clock import day
from firmware_checks.filesystems.descent import harmless
from firmware_checks.streams import Header, Inflater, StreamFormat
from firmware_checks.view import View

MAGIC = b"\x1f\x8b\x08"
NAMED, EXTRA, RESERVED = 0x08, 0x04, 0xE0


def header(view: View) -> Header | None:
    flags, modified = view.unpack("<BI", 3)
    if flags & RESERVED:
        return None
    title = ""
    if flags & NAMED and not flags & EXTRA:
        title = harmless(view.read(10, min(200, len(view) - 10)).split(b"\0", 1)[0])
    return Header(title=title, built=day(modified))


FORMAT = StreamFormat(
    name="gzip", anchors=((MAGIC, 0),), header=header, decoder=Inflater, magic=MAGIC
)
