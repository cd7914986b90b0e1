"""Compressed blocks of file systems made whole again. Streams, whose end must be found, are in ``streams``.

Every function is bounded by what the caller says; damage is Malformed. The libraries release the
interpreter's lock while they work, so blocks may be made by several threads.
"""

import lzma
import zlib

from firmware_checks.budget import MIB
from firmware_checks.view import Buffer, Malformed

DICTIONARY = 80 * MIB
"""Memory that one LZMA or zstd decoder may ask for; ``xz -9`` needs 65 MiB."""


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
