"""UEFI volumes by an own writer, from the Platform Initialization specification, volume 3: nobody packs a tool that
makes them. The streams of EFI 1.1 and Tiano in them are by edk2's own compressor."""

import struct
import zlib
from uuid import UUID, uuid5

from firmware_checks.formats.uefi_files import FFS

FFS2, FFS3 = list(FFS)[:2]
SPACE = UUID("00000000-0000-0000-0000-00000000000f")
DRIVER, FREEFORM, RAW, IMAGE, PAD = 0x07, 0x02, 0x01, 0x0B, 0xF0
VALID = 0x07
"""State of a file that is there: header made, header valid, data valid."""


def guid(number: int) -> UUID:
    return uuid5(SPACE, str(number))


def padded(data: bytes, to: int, fill: bytes = b"\xff") -> bytes:
    return data + fill * (-len(data) % to)


def section(kind: int, body: bytes, *, large: bool = False) -> bytes:
    if large:
        return struct.pack("<II", kind << 24 | 0xFFFFFF, len(body) + 8) + body
    return struct.pack("<I", kind << 24 | len(body) + 4) + body


def together(*sections: bytes) -> bytes:
    return b"".join(padded(one, 4, b"\0") for one in sections[:-1]) + b"".join(sections[-1:])


def named(text: str) -> bytes:
    return section(0x15, text.encode("utf-16-le") + b"\0\0")


def guided(kind: UUID, body: bytes, more: bytes = b"", attributes: int = 1) -> bytes:
    start = 24 + len(more)
    return section(2, kind.bytes_le + struct.pack("<HH", start, attributes) + more + body)


def compressed(how: int, body: bytes, size: int = 999) -> bytes:
    return section(1, struct.pack("<IB", size, how) + body)


def with_tail(one: bytes) -> bytes:
    """A file of file system 1 with the tail that shows that it is whole."""
    made = bytearray(one)
    made[19] |= 0x01
    made[20:23] = (len(one) + 2).to_bytes(3, "little")
    made[16] = 0
    made[16] = -(sum(made[:23]) - made[17]) & 0xFF
    tail: int = struct.unpack_from("<H", made, 16)[0] ^ 0xFFFF
    return bytes(made) + struct.pack("<H", tail)


def crc32(body: bytes) -> bytes:
    kind = UUID("fc1bcdb0-7d31-49aa-936a-a46d9dd083a6")
    return guided(kind, body, struct.pack("<I", zlib.crc32(body)))


def te(code: bytes = b"\x90" * 100) -> bytes:
    return struct.pack("<2sHBBHIIQ", b"VZ", 0x8664, 0, 11, 0, 0, 0, 0).ljust(40, b"\0") + code


def pe(code: bytes = b"\x90" * 200, table: bytes = b"") -> bytes:
    """A driver for x86-64 with one section; ``table``: its certificates, behind it."""
    code = padded(code, 8, b"\0")
    optional = bytearray(112 + 16 * 8)
    struct.pack_into("<H", optional, 0, 0x20B)
    struct.pack_into("<IIIH", optional, 56, 0x2000, 0x200, 0, 11)
    struct.pack_into("<I", optional, 108, 16)
    if table:
        struct.pack_into("<II", optional, 112 + 32, 0x200 + len(code), len(table))
    head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 64) + b"PE\0\0"
    head += struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, len(optional), 0x22) + optional
    head += struct.pack("<8sIIII16x", b".text", len(code), 0x1000, len(code), 0x200)
    return head.ljust(0x200, b"\0") + code + table


def file(
    name: UUID,
    kind: int,
    body: bytes,
    *,
    checksum: bool = False,
    large: bool = False,
    state: int = VALID,
    erased: int = 0xFF,
) -> bytes:
    length = 32 if large else 24
    size = length + len(body)
    head = bytearray(length)
    head[:16], head[18], head[19] = name.bytes_le, kind, 0x40 * checksum | large
    if large:
        struct.pack_into("<Q", head, 24, size)
    else:
        head[20:23] = size.to_bytes(3, "little")
    head[16] = -sum(head) & 0xFF
    head[17] = -sum(body) & 0xFF if checksum else 0xAA
    head[23] = state ^ erased
    return bytes(head) + body


def driver(number: int, title: str = "", body: bytes = b"", **how: bool) -> bytes:
    """A file with a program, its order, its name and its version."""
    parts = [section(0x13, b"\x06\x08"), section(0x10, body or pe())]
    parts += [named(title), section(0x14, struct.pack("<H", 1) + "1.0\0".encode("utf-16-le"))]
    return file(guid(number), DRIVER, together(*parts), **how)


def volume(
    *files: bytes,
    kind: UUID = FFS2,
    free: int = 256,
    erased: int = 0xFF,
    extended: UUID | None = None,
    revision: int = 2,
) -> bytes:
    fill, head = bytes([erased]), 72
    before = b""
    if extended:
        # edk2 keeps the extended header in a file that is nothing but padding.
        inside = extended.bytes_le + struct.pack("<I", 20)
        before = padded(file(UUID(int=2**128 - 1), PAD, inside, erased=erased), 8, fill)
    body = before + b"".join(padded(one, 8, fill) for one in files) + fill * free
    size = head + len(body)
    made = bytearray(
        struct.pack(
            "<16s16sQ4sIHHHBBIIII",
            *(b"", kind.bytes_le, size, b"_FVH", 0x800 if erased else 0, head, 0),
            *(head + 24 if extended else 0, 0, revision, 1, size, 0, 0),
        )
    )
    struct.pack_into("<H", made, 50, -sum(struct.unpack("<36H", made)) & 0xFFFF)
    return bytes(made) + body
