"""LZ4 in its first format (``lz4 -l``), which Linux kernels use: blocks of 8 MiB, each with its length.

It has no end mark: it ends with the bytes, or where no length can be.
"""

from collections.abc import Iterator

from firmware_checks.compression import unlz4
from firmware_checks.streams import BlockFormat, Header
from firmware_checks.view import Malformed, View

MAGIC = b"\x02\x21\x4c\x18"
BLOCK = 8 << 20
WORST = BLOCK + BLOCK // 255 + 16


def _blocks(view: View) -> Iterator[View]:
    at = len(MAGIC)
    while at + 4 <= len(view):
        size = view.u32(at)
        if not 0 < size <= WORST:
            return
        yield view.part(at + 4, size)
        at += 4 + size


def end(view: View) -> int:
    return len(MAGIC) + sum(4 + len(block) for block in _blocks(view))


def pieces(view: View) -> Iterator[bytes]:
    first = True
    for block in _blocks(view):
        yield unlz4(block.raw, BLOCK)
        first = False
    if first:
        raise Malformed("no block")


FORMAT = BlockFormat(
    name="LZ4, legacy frame",
    anchors=((MAGIC, 0),),
    end=end,
    pieces=pieces,
    header=lambda view: Header(),
)
