"""The codings of UEFI's sections: what a section becomes by the GUID or the kind of compression that it names.

Source: edk2's ``LzmaDecompress.h`` (the codings by LZMA, without and with the filter for x86 code). The decoders of EFI
1.1, Tiano and Brotli are in ``efi_compression`` and ``efi_brotli``.
"""

import lzma
import struct
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from firmware_checks import efi_brotli, efi_compression
from firmware_checks.budget import Budget
from firmware_checks.efi_compression import EFI, TIANO
from firmware_checks.filesystems import lzma_stream
from firmware_checks.streams import Stream, unrolled
from firmware_checks.view import Malformed, View

LZMA = UUID("ee4e5898-3914-4259-9d6e-dc7bd79403cf")
LZMA_X86 = UUID("d42ae6bd-1352-4bfb-909a-ca72a6eae889")
CRC32 = UUID("fc1bcdb0-7d31-49aa-936a-a46d9dd083a6")
SIGNED = UUID("a7717414-c616-4977-9420-844712a735bf")
SIGNED_CERTIFICATE = UUID("0f9d89e8-9259-4f76-a5af-0c89e34023df")
TIANO_CODING = UUID("a31280ad-481e-41b6-95e8-127f4c984779")
BROTLI = UUID("3d532050-5cda-4fd0-879e-0f7f630d5afb")
CODINGS = {
    LZMA: "LZMA",
    LZMA_X86: "LZMA-x86",
    TIANO_CODING: "Tiano",
    BROTLI: "Brotli",
    CRC32: "CRC-32",
    SIGNED: "signed",
}

IsRight = Callable[[View], bool]
"""Whether sections that can be read stand in what a stream became."""


def named(kind: UUID, body: View, budget: Budget, is_right: IsRight) -> Stream | None:
    """What the GUID of a coding makes of ``body``; None for one that compresses nothing, or is not known. Raises
    Malformed, OutOfBudget."""
    if kind == LZMA:
        return _lzma(body, budget)
    if kind == LZMA_X86:
        stream = _lzma(body, budget)
        if not len(stream.data):
            return stream
        budget.take(len(stream.data))
        return replace(stream, data=_without_x86_filter(stream.data))
    if kind == TIANO_CODING:
        return _efi(body, TIANO, EFI, budget, is_right)
    if kind == BROTLI:
        return efi_brotli.expanded(body, budget)
    return None


def standard(body: View, budget: Budget, is_right: IsRight) -> Stream:
    """EFI 1.1, which a kind of compression stands for. Raises Malformed, OutOfBudget."""
    return _efi(body, EFI, TIANO, budget, is_right)


def custom(body: View, budget: Budget, is_right: IsRight) -> Stream:
    """The coding of the firmware's maker, which no number names: LZMA, at Intel's behind four bytes, or that of
    Tiano. Raises Malformed, OutOfBudget."""
    for start in (0, 4):
        try:
            stream = _lzma(body.part(start), budget)
        except Malformed:
            continue
        if not stream.problem:
            return replace(stream, used=stream.used + start)
    try:
        return _efi(body, TIANO, EFI, budget, is_right)
    except Malformed:
        why = "compressed by its maker's coding, which is neither LZMA nor Tiano's"
        raise Malformed(f"{len(body)} bytes {why}") from None


def _lzma(body: View, budget: Budget) -> Stream:
    """Raises Malformed."""
    if lzma_stream.header(body) is None:
        raise Malformed("no header of LZMA")
    return unrolled(body, b"no further members", lzma_stream.FORMAT.decoder, budget)


def _efi(body: View, first: int, second: int, budget: Budget, is_right: IsRight) -> Stream:
    """No header tells the two codings apart, and makers mix them up: the other one is taken when it alone makes
    sections that can be read. Raises Malformed."""
    one = efi_compression.expanded(body, first, budget)
    if not one.problem and is_right(one.data):
        return one
    other = efi_compression.expanded(body, second, budget)
    if not other.problem and (one.problem or is_right(other.data)):
        return other
    return one


def _without_x86_filter(data: View) -> View:
    """The filter for x86 code undone. The library applies it to a stream that it decodes, so the bytes become one
    of LZMA2 that holds them as they are (chunks of at most 64 KiB behind a byte and their length less one)."""
    out = bytearray()
    for at in range(0, len(data), 65_536):
        chunk = data.raw[at : at + 65_536]
        out += struct.pack(">BH", 2 if at else 1, len(chunk) - 1)
        out += chunk
    out += b"\0"
    filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "dict_size": 65_536}]
    try:
        made = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters).decompress(bytes(out))
    except lzma.LZMAError as error:
        raise Malformed(f"LZMA: {error}") from None
    return View(made)
