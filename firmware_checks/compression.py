"""Compressed bytes made whole again: single blocks of file systems, and streams whose end must be found.

Every function is bounded by what the caller says; damage is Malformed. The libraries release the
interpreter's lock while they work, so blocks may be made by several threads.
"""

import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from firmware_checks.budget import MIB, Budget, OutOfBudget
from firmware_checks.view import Buffer, Malformed, View

DICTIONARY = 128 * MIB
"""Memory that one LZMA or zstd decoder may ask for; ``xz -9`` needs 65 MiB."""

# --- single blocks ---------------------------------------------------------------------------------


def inflate(data: Buffer, most: int) -> bytes:
    """A zlib block (RFC 1950) of at most ``most`` bytes. Raises Malformed."""
    return _inflated(data, most, zlib.MAX_WBITS)


def inflate_raw(data: Buffer, most: int) -> bytes:
    """A deflate block (RFC 1951) without header. Raises Malformed."""
    return _inflated(data, most, -zlib.MAX_WBITS)


def _inflated(data: Buffer, most: int, window: int) -> bytes:
    decoder = zlib.decompressobj(window)
    try:
        out = decoder.decompress(data, most + 1)
    except zlib.error as error:
        raise Malformed(f"zlib: {error}") from None
    if len(out) <= most and not decoder.eof:
        raise Malformed("zlib: the block is cut short")
    return _at_most(out, most)


def unxz(data: Buffer, most: int) -> bytes:
    """A block that is an xz stream, with its filters. Raises Malformed."""
    return _lzma(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=DICTIONARY), data, most)


def unlzma(data: Buffer, most: int) -> bytes:
    """A block that is an LZMA file with its header of 13 bytes. Raises Malformed."""
    return _lzma(lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=DICTIONARY), data, most)


def unlzma_raw(data: Buffer, most: int, lc: int = 3, lp: int = 0, pb: int = 2) -> bytes:
    """LZMA symbols without header: they end where ``data`` does or after ``most`` bytes. Raises Malformed."""
    kind = {
        "id": lzma.FILTER_LZMA1,
        "dict_size": max(most, 4096),
        "lc": lc,
        "lp": lp,
        "pb": pb,
    }
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[kind])
    try:
        return decoder.decompress(data, most)
    except lzma.LZMAError as error:
        raise Malformed(f"LZMA: {error}") from None


def _lzma(decoder: lzma.LZMADecompressor, data: Buffer, most: int) -> bytes:
    try:
        out = decoder.decompress(data, most + 1)
    except (lzma.LZMAError, EOFError) as error:
        raise Malformed(f"LZMA: {error}") from None
    if len(out) < most and not decoder.eof:
        raise Malformed("LZMA: the block is cut short")
    return _at_most(out, most)


def unlz4(data: Buffer, most: int) -> bytes:
    """An LZ4 block. Raises Malformed."""
    import lz4.block  # type: ignore[import-untyped]

    try:
        return bytes(lz4.block.decompress(data, uncompressed_size=most))
    except (lz4.block.LZ4BlockError, ValueError, OverflowError):
        raise Malformed("LZ4: the block is damaged or larger than it may be") from None


def unlzo(data: Buffer, most: int) -> bytes:
    """An LZO1X block. The library has no bound of its own: a lie costs 255 times its length for a moment."""
    from lzallright import LZOCompressor, LZOError

    if len(data) > most + most // 16 + 67:
        raise Malformed("LZO: the block is longer than what it holds")
    try:
        out = LZOCompressor.decompress(bytes(data), most)
    except LZOError as error:
        raise Malformed(f"LZO: {error}") from None
    return _at_most(bytes(out), most)


def unzstd(data: Buffer, most: int) -> bytes:
    """One zstd frame. Raises Malformed."""
    import zstandard

    try:
        # A frame that says its size gets all the memory it asks for, so it is asked first.
        said = zstandard.get_frame_parameters(data).content_size
        if said > most and said not in (zstandard.CONTENTSIZE_UNKNOWN,):
            raise Malformed("zstd: the block is larger than it may be")
        decoder = zstandard.ZstdDecompressor(max_window_size=DICTIONARY)
        return bytes(decoder.decompress(data, max_output_size=max(most, 1)))
    except zstandard.ZstdError as error:
        raise Malformed(f"zstd: {error}") from None


def _at_most(out: bytes, most: int) -> bytes:
    if len(out) > most:
        raise Malformed(f"a block grows beyond the {most} bytes it may hold")
    return out


# --- streams ---------------------------------------------------------------------------------------

STEP = MIB
FED = 65_536


class Decoder(Protocol):
    """As ``lzma.LZMADecompressor`` and ``bz2.BZ2Decompressor`` are."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream that was read to its end, or as far as it could be."""

    used: int
    """Compressed bytes that belong to it; all when it is damaged."""
    data: View
    problem: str = ""


class Inflater:
    """zlib's gzip decoder with the face of the others."""

    def __init__(self) -> None:
        self._zlib, self._kept = zlib.decompressobj(zlib.MAX_WBITS | 16), b""

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._kept

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out = self._zlib.decompress(self._kept + data, max_length)
        self._kept = self._zlib.unconsumed_tail
        return out


DAMAGE = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


def unrolled(view: View, magic: bytes, make: Callable[[], Decoder], budget: Budget) -> Stream:
    """The stream at the beginning of ``view``, with the members that follow at once (``cat a.gz b.gz``).

    Raises Malformed when nothing of it can be read: then it is no such stream. One that grows beyond the
    budget's room is a problem of this stream; OutOfBudget is for the limits of the whole image.
    """
    out, room, at = bytearray(), budget.room(len(view)), 0
    while True:
        begin, before = at, len(out)
        try:
            at = _member(view, at, make(), out, room, budget)
        except _CutShort as error:
            if begin and len(out) == before:
                return Stream(used=begin, data=View(out))
            if not out:
                raise Malformed(str(error)) from None
            return Stream(used=len(view), data=View(out), problem=str(error))
        except _TooLarge as error:
            return Stream(used=len(view), data=View(b""), problem=str(error))
        if not view.starts_with(magic, at):
            return Stream(used=at, data=View(out))


class _CutShort(Exception):
    pass


class _TooLarge(Exception):
    pass


def _member(
    view: View, at: int, decoder: Decoder, out: bytearray, room: int, budget: Budget
) -> int:
    """Decode one member into ``out``; returns where it ends."""
    while not decoder.eof:
        fed = b""
        if decoder.needs_input:
            fed = view.read(at, min(FED, len(view) - at))
            if not fed:
                raise _CutShort(f"the stream is cut short: it goes on after {at} bytes")
            at += len(fed)
        try:
            more = decoder.decompress(fed, STEP)
        except DAMAGE as error:
            raise _CutShort(f"the stream is damaged near byte {at}: {error}") from None
        budget.take(len(more))
        out += more
        if len(out) > room:
            raise _TooLarge(too_large(room))
    return at - len(decoder.unused_data)


def too_large(room: int) -> str:
    return f"it grows beyond {room // MIB} MiB, more than is read of one stream"


def gathered(pieces: Iterator[bytes], size: int, budget: Budget) -> View:
    """Pieces of a stream of ``size`` compressed bytes put together. Raises Malformed, OutOfBudget."""
    out, room = bytearray(), budget.room(size)
    for piece in pieces:
        budget.take(len(piece))
        out += piece
        if len(out) > room:
            raise OutOfBudget(too_large(room))
    return View(out)


def zstd_frames(data: Buffer) -> Iterator[bytes]:
    """What the zstd frames in ``data`` become, piece by piece. Raises Malformed."""
    import zstandard

    decoder = zstandard.ZstdDecompressor(max_window_size=DICTIONARY)
    try:
        with decoder.stream_reader(data, read_across_frames=True) as reader:
            while piece := reader.read(STEP):
                yield piece
    except zstandard.ZstdError as error:
        raise Malformed(f"zstd: {error}") from None


def zstd_end(view: View) -> int:
    """Where the frames at the beginning of ``view`` end, by their block headers (RFC 8878 3.1.1)."""
    at = 0
    while at + 8 <= len(view):
        magic = view.u32(at)
        if magic == 0xFD2FB528:
            at = _zstd_frame(view, at + 4)
        elif at and magic & 0xFFFFFFF0 == 0x184D2A50:
            at += 8 + view.u32(at + 4)
            view.part(0, at)
        else:
            break
    if not at:
        raise Malformed("no zstd frame")
    return at


def _zstd_frame(view: View, at: int) -> int:
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
