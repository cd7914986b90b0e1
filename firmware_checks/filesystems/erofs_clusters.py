"""Compressed files of EROFS: where each cluster begins in the file and in the image.

Source: ``fs/erofs/zmap.c`` and ``erofs_fs.h`` of the Linux kernel. A file is cut into pieces of equal size;
for each piece the index says whether compressed data begins in it (a head), and where it stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks import compression
from firmware_checks.budget import MIB, Budget
from firmware_checks.view import Malformed, View

STORED, HEAD1, INSIDE, HEAD2 = range(4)
PACKED_2, BIG_1, BIG_2, INLINE, INTERLACED, FRAGMENT = 1, 2, 4, 8, 16, 32
COUNT = 1 << 11
"""In the entry after a head: the rest of it is the number of blocks that the head's data takes."""
ZERO_PADDED = 0x1
LARGEST = MIB
"""Of a cluster in the image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands before the index. ``bits``: logarithm of a piece's size; ``inline``: bytes of the tail."""

    advice: int
    algorithms: tuple[int, int]
    bits: int
    inline: int
    whole_in_fragments: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the index begins, of a file of how many bytes, and which kind of index it is."""

    begin: int
    size: int
    compact: bool


@dataclass(slots=True, kw_only=True)
class Piece:
    """One entry of the index. ``offset``: where in the piece the head's data begins."""

    kind: int
    offset: int
    block: int = 0
    blocks: int = 0


@dataclass(frozen=True, slots=True)
class Clusters:
    """The bytes of one compressed file."""

    view: View
    block: int
    features: int
    header: Header
    place: Place

    def contents(self, budget: Budget) -> tuple[View, str]:
        """Raises Malformed, OutOfBudget."""
        if self.header.whole_in_fragments:
            raise Malformed("it is in the file of fragments, which is not read")
        budget.take(self.place.size)
        out, problem = bytearray(), ""
        heads = list(self._heads(budget))
        for number, (begin, piece) in enumerate(heads):
            last = number + 1 == len(heads)
            end = self.place.size if last else heads[number + 1][0]
            if begin != len(out) or not begin <= end <= self.place.size:
                raise Malformed("its clusters do not follow each other")
            if last and self.header.advice & FRAGMENT:
                problem = "its end is in the file of fragments, which is not read"
                out += bytes(end - begin)
                continue
            try:
                budget.take(piece.blocks * self.block)
                made = self._made(piece, begin, end - begin, last=last)
            except Malformed as error:
                made, problem = bytes(end - begin), f"a cluster cannot be read: {error}"
            out += made
        if len(out) != self.place.size:
            raise Malformed("its clusters do not hold all of it")
        return View(out), problem

    def _heads(self, budget: Budget) -> Iterator[tuple[int, Piece]]:
        """Where in the file each cluster begins."""
        step = 1 << self.header.bits
        number = (self.place.size + step - 1) >> self.header.bits
        pieces = self._compact(number) if self.place.compact else self._legacy(number)
        waiting: tuple[int, Piece] | None = None
        for place, piece in enumerate(pieces):
            if place % 4096 == 0:
                budget.check_time()
            if piece.kind == INSIDE:
                if waiting and piece.blocks:
                    waiting[1].blocks = piece.blocks
                continue
            if waiting:
                yield waiting
            begin = place * step + piece.offset
            if begin >= self.place.size:
                # The file ends before this head: it is only the end of the one before.
                return
            waiting = (begin, piece)
        if waiting:
            yield waiting

    # --- the index -------------------------------------------------------------------------------

    def _legacy(self, number: int) -> Iterator[Piece]:
        for place in range(number):
            kind, offset, word = self.view.unpack("<HHI", self.place.begin + 8 + 8 * place)
            kind &= 3
            if kind == INSIDE:
                delta = word & 0xFFFF
                yield Piece(kind=kind, offset=0, blocks=delta & (COUNT - 1) if delta & COUNT else 0)
            else:
                yield Piece(kind=kind, offset=offset, block=word)

    def _packs(self, number: int) -> Iterator[tuple[int, int, int, int]]:
        """Of each pack: where it stands, its bytes, its entries, and which of them is the first meant."""
        at, left = self.place.begin, number
        first = (32 - at % 32) // 4 % 8
        if self.header.advice & PACKED_2 and first < left:
            yield from _fours(at, first)
            at, left = at + 4 * first, left - first
            for _ in range(left // 16):
                yield at, 32, 16, 0
                at, left = at + 32, left - 16
        yield from _fours(at, left)

    def _compact(self, number: int) -> Iterator[Piece]:
        for at, size, entries, first in self._packs(number):
            rows = self._unpacked(at, size, entries)
            base = self.view.u32(at + size - 4)
            for place in range(first, entries):
                if not number:
                    return
                number -= 1
                kind, low = rows[place]
                if kind == INSIDE:
                    blocks = low & (COUNT - 1) if low & COUNT else 0
                    yield Piece(kind=kind, offset=0, blocks=blocks)
                else:
                    block = base + self._before(rows, place)
                    yield Piece(kind=kind, offset=low, block=block)

    def _unpacked(self, at: int, size: int, entries: int) -> list[tuple[int, int]]:
        """Kind and low bits of each entry of a pack."""
        bits = (size - 4) * 8 // entries
        low = max(self.header.bits, 12)
        if bits < low + 2:
            raise Malformed("pieces of a size that this index cannot have")
        word = int.from_bytes(self.view.read(at, size - 4), "little")
        mask = (1 << low) - 1
        rows = [word >> bits * place for place in range(entries)]
        return [(row >> low & 3, row & mask) for row in rows]

    def _before(self, rows: list[tuple[int, int]], place: int) -> int:
        """Blocks from the pack's number to those of the head at ``place``."""
        if not self.header.advice & BIG_1:
            blocks = 1
            while place > 0:
                place -= 1
                kind, low = rows[place]
                if kind == INSIDE:
                    place -= low
                if place >= 0:
                    blocks += 1
            return blocks
        blocks = 0
        while place > 0:
            place -= 1
            kind, low = rows[place]
            if kind == INSIDE:
                if low & COUNT:
                    place -= 1
                    blocks += low & ~COUNT
                    continue
                if low <= 1:
                    raise Malformed("an index of large clusters without their size")
                place -= low - 2
                continue
            blocks += 1
        return blocks

    # --- the bytes -------------------------------------------------------------------------------

    def _made(self, piece: Piece, begin: int, size: int, *, last: bool) -> bytes:
        """``size`` bytes of the file from ``begin``."""
        if last and self.header.advice & INLINE and self.header.inline:
            packed = self.view.part(self._index_end(), self.header.inline)
        else:
            taken = max(piece.blocks, 1) * self.block
            if taken > LARGEST:
                raise Malformed("a cluster larger than clusters may be")
            packed = self.view.part(piece.block * self.block, taken)
        if piece.kind == STORED:
            if size > len(packed):
                raise Malformed("a stored cluster larger than its blocks")
            if self.header.advice & INTERLACED:
                turn = begin % self.block
                return (packed.read(turn) + packed.read(0, turn))[:size]
            return packed.read(0, size)
        algorithm = self.header.algorithms[piece.kind == HEAD2]
        return decompressed(packed, algorithm, size, padded=bool(self.features & ZERO_PADDED))

    def _index_end(self) -> int:
        step = 1 << self.header.bits
        number = (self.place.size + step - 1) >> self.header.bits
        if not self.place.compact:
            return self.place.begin + 8 + 8 * number
        end = self.place.begin
        for at, size, _, _ in self._packs(number):
            end = at + size
        return end


def _fours(at: int, number: int) -> Iterator[tuple[int, int, int, int]]:
    """Packs of two entries in 8 bytes."""
    for place in range(0, number, 2):
        yield at + 4 * place, 8, 2, 0


def decompressed(packed: View, algorithm: int, size: int, *, padded: bool) -> bytes:
    """A cluster: 0 LZ4, 1 LZMA with a header of one byte, 2 deflate, 3 zstd. Raises Malformed."""
    data = packed.read()
    if padded or algorithm:
        data = data.lstrip(b"\0")
    if not data:
        raise Malformed("a cluster of zeros")
    match algorithm:
        case 0:
            made = compression.unlz4(data, size) if padded else _unlz4_followed(data, size)
        case 1:
            made = _micro_lzma(data, size)
        case 2:
            made = compression.inflate_raw(data, size)
        case 3:
            made = compression.unzstd(data, size)
        case _:
            raise Malformed(f"compression {algorithm} is not known")
    if len(made) != size:
        raise Malformed(f"{len(made)} bytes where {size} should be")
    return made


def _micro_lzma(data: bytes, size: int) -> bytes:
    """xz's MicroLZMA: the properties, inverted, in place of the first byte, which is always 0."""
    rest, lc = divmod(data[0] ^ 0xFF, 9)
    pb, lp = divmod(rest, 5)
    if lc + lp > 4 or pb > 4:
        raise Malformed("LZMA: no such properties")
    return compression.unlzma_raw(b"\0" + data[1:], size, lc, lp, pb)


def _unlz4_followed(data: bytes, size: int) -> bytes:
    """An LZ4 block with zeros behind it, of which the last few may be its own."""
    end = len(data.rstrip(b"\0"))
    for own in range(4):
        try:
            return compression.unlz4(data[: end + own], size)
        except Malformed:
            continue
    return unlz4_partly(data, size)


def unlz4_partly(data: bytes, size: int) -> bytes:
    """The first ``size`` bytes of an LZ4 block that more bytes may follow, as old images have it."""
    out, at = bytearray(), 0
    try:
        while len(out) < size:
            token = data[at]
            at += 1
            literals, at = _length(data, at, token >> 4)
            out += data[at : at + literals]
            if literals > len(data) - at:
                raise Malformed("LZ4: the block is cut short")
            at += literals
            if len(out) >= size:
                break
            distance = data[at] | data[at + 1] << 8
            matched, at = _length(data, at + 2, token & 15)
            matched = min(matched + 4, size - len(out))
            if not 0 < distance <= len(out):
                raise Malformed("LZ4: it refers to bytes before its beginning")
            begin = len(out) - distance
            repeated = bytes(out[begin : begin + matched])
            out += (repeated * (matched // len(repeated) + 1))[:matched]
    except IndexError:
        raise Malformed("LZ4: the block is cut short") from None
    return bytes(out[:size])


def _length(data: bytes, at: int, first: int) -> tuple[int, int]:
    if first < 15:
        return first, at
    while True:
        more = data[at]
        at, first = at + 1, first + more
        if more < 255:
            return first, at
