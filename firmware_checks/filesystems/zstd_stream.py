"""zstd streams (RFC 8878)."""

import struct
from collections.abc import Iterator

from firmware_checks.compression import DICTIONARY
from firmware_checks.streams import STEP, BlockFormat, Header
from firmware_checks.view import Malformed, View

MAGIC = b"\x28\xb5\x2f\xfd"


def frames(view: View) -> Iterator[bytes]:
    """What the zstd frames in ``data`` become, piece by piece. Raises Malformed."""
    import zstandard

    decoder = zstandard.ZstdDecompressor(max_window_size=DICTIONARY)
    try:
        with decoder.stream_reader(view.raw, read_size=65_536, read_across_frames=True) as reader:
            while piece := reader.read(STEP):
                yield piece
    except zstandard.ZstdError as error:
        raise Malformed(f"zstd: {error}") from None


def end(view: View) -> int:
    """Where the frames at the beginning of ``view`` end, by their block headers (RFC 8878 3.1.1)."""
    at = 0
    while at + 8 <= len(view):
        magic = view.u32(at)
        if magic == 0xFD2FB528:
            at = _frame(view, at + 4)
        elif at and magic & 0xFFFFFFF0 == 0x184D2A50:
            at += 8 + view.u32(at + 4)
            view.part(0, at)
        else:
            break
    if not at:
        raise Malformed("no zstd frame")
    return at


def _frame(view: View, at: int) -> int:
    flags = view.u8(at)
    single = bool(flags & 0x20)
    said = (1 if single else 0, 2, 4, 8)[flags >> 6]
    at += 1 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3] + said
    if flags & 0x08:
        raise Malformed("zstd: reserved bit")
    last = 0
    while not last:
        (low, high) = struct.unpack("<HB", view.read(at, 3))
        head = low | high << 16
        last, kind, size = head & 1, head >> 1 & 3, head >> 3
        if kind == 3 or size > 128 * 1024:
            raise Malformed("zstd: a block of a reserved kind")
        at += 3 + (1 if kind == 1 else size)
    at += 4 if flags & 0x04 else 0
    view.part(0, at)
    return at


FORMAT = BlockFormat(
    name="zstd",
    anchors=((MAGIC, 0),),
    end=end,
    pieces=frames,
    header=lambda view: Header(),
)
