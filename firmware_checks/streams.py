"""Compressed streams: read to their end, which says where the next layer begins; never beyond the budget.

A stream is decompressed when it is recognised, since nothing else tells its length; zstd, lz4 and lzop tell it
by their block headers, and are decompressed when their part is asked for.
"""

import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from firmware_checks.budget import MIB, Budget, OutOfBudget
from firmware_checks.reading import Context, Part, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

STEP = MIB
FED = 8_192
"""Given to a decoder at once: what it made of a damaged piece is lost."""
SURE = 65_536
"""A damaged stream that became so many bytes is one; by chance deflate goes on for some hundreds."""


class Decoder(Protocol):
    """As ``lzma.LZMADecompressor`` and ``bz2.BZ2Decompressor`` are."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream that was read to its end, or as far as it could be."""

    used: int
    """Compressed bytes that belong to it; all when it is damaged."""
    data: View
    problem: str = ""
    doubtful: bool = False


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


DAMAGE = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError)
"""What the libraries raise for damaged bytes; lz4 says RuntimeError."""


def unrolled(
    view: View, magic: bytes, make: Callable[[], Decoder], budget: Budget, least: int = 0
) -> Stream:
    """The stream at the beginning of ``view``, with the members that follow at once (``cat a.gz b.gz``).

    Raises Malformed when nothing of it can be read, or less than ``least``: then it is no such stream. One that grows beyond the
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
            if len(out) < least or (not out and error.damaged):
                raise Malformed(str(error)) from None
            doubtful = len(out) < SURE
            return Stream(used=len(view), data=View(out), problem=str(error), doubtful=doubtful)
        except _TooLarge as error:
            return Stream(used=len(view), data=View(b""), problem=str(error))
        if not view.starts_with(magic, at):
            return Stream(used=at, data=View(out))


class _CutShort(Exception):
    def __init__(self, why: str, *, damaged: bool) -> None:
        super().__init__(why)
        self.damaged = damaged


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
                raise _CutShort(f"the stream is cut short after {at} bytes", damaged=False)
            at += len(fed)
        try:
            more = decoder.decompress(fed, STEP)
        except DAMAGE as error:
            why = f"the stream is damaged near byte {at}: {error}"
            raise _CutShort(why, damaged=True) from None
        budget.take(len(more))
        out += more
        if len(out) > room:
            raise _TooLarge(too_large(room))
    return at - len(decoder.unused_data or b"")


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


# --- the formats -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a stream says of itself."""

    title: str = ""
    built: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFormat:
    """A format whose end only its decoder can find."""

    name: str
    anchors: tuple[tuple[bytes, int], ...]
    header: Callable[[View], Header | None]
    """None: it is no such stream."""
    decoder: Callable[[], Decoder]
    magic: bytes
    """How a further member begins."""
    least: int = 0
    """Fewer bytes than this of a damaged stream, and it is taken for something else."""
    at_end: bool = False
    searched: bool = True
    is_stream: bool = True

    def read(self, view: View, context: Context) -> Reading | None:
        header = self.header(view)
        if header is None:
            return None
        stream = unrolled(view, self.magic, self.decoder, context.budget, self.least)
        return Reading(
            format=self.name,
            kind=LayerKind.COMPRESSION,
            size=stream.used,
            title=header.title,
            built=header.built,
            problem=stream.problem,
            doubtful=stream.doubtful,
            parts=(Part(name=header.title or "content", view=stream.data),),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockFormat:
    """A format whose blocks say how long they are."""

    name: str
    anchors: tuple[tuple[bytes, int], ...]
    end: Callable[[View], int]
    """Where the stream ends. Raises Malformed when that cannot be told."""
    pieces: Callable[[View], Iterator[bytes]]
    """What it becomes, piece by piece. Raises Malformed."""
    header: Callable[[View], Header]
    at_end: bool = False
    searched: bool = True
    is_stream: bool = False

    def read(self, view: View, context: Context) -> Reading | None:
        header, size, problem = self.header(view), len(view), ""
        try:
            size = self.end(view)
        except Malformed as error:
            problem = f"the stream is cut short: {error}"
        whole = view.part(0, size)
        next(self.pieces(whole), b"")

        def make(budget: Budget) -> View:
            return gathered(self.pieces(whole), size, budget)

        return Reading(
            format=self.name,
            kind=LayerKind.COMPRESSION,
            size=size,
            title=header.title,
            built=header.built,
            problem=problem,
            parts=(Part(name=header.title or "content", make=make),),
        )
