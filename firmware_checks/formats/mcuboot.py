"""MCUboot images, Zephyr's among them: header, payload, and areas of tag, length and value.

Source: the project's design document and ``image.h``. The hash covers the header, the payload and the
protected area; of an encrypted image it covers the plaintext, so there nobody can call it tampered.
"""

import lzma
from collections.abc import Iterator
from functools import partial

from firmware_checks.budget import Budget
from firmware_checks.formats.mcuboot_signature import Areas, holds, judged
from firmware_checks.reading import Context, Format, Part, Protection, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Signing
from probe.model.text import clean

MAGIC = b"\x3d\xb8\xf3\x96"
HEADER = 32
TLV_INFO, PROTECTED_INFO = 0x6907, 0x6908
DEPENDENCY, BOOT_RECORD, PLAIN_SIZE, VENDOR, CLASS = 0x40, 0x60, 0x70, 0x74, 0x75
FLAGS = {
    0x1: "position independent",
    0x4: "encrypted with AES-128",
    0x8: "encrypted with AES-256",
    0x10: "not bootable",
    0x20: "run from RAM",
    0x100: "for one address",
    0x200: "compressed with LZMA1",
    0x400: "compressed with LZMA2",
    0x800: "Arm Thumb filter",
}
ENCRYPTED, LZMA1, LZMA2, THUMB = 0x4 | 0x8, 0x200, 0x400, 0x800
WRAPPED_KEYS = range(0x30, 0x40)
SLOT_ENDS = (
    b"\x77\xc2\x95\xf3\x60\xd2\xef\x7f\x35\x52\x50\x0f\x2c\xb6\x79\x80",
    b"\x2d\xe1\x5d\x29\x41\x0b\x8d\x77\x67\x9c\x11\x0f\x1f\x8a",
)
"""The last bytes of a slot that is marked for the next start."""
MOST_MARKS = 128


class McuBoot(Format):
    """The format."""

    name = "MCUboot image"
    anchors = ((MAGIC, 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        header, protected_size, payload, flags = view.unpack("<HHII", 8)
        if header < HEADER or header > 0x10000 or payload == 0:
            return None
        major, minor, revision, build = view.unpack("<BBHI", 20)
        version = f"{major}.{minor}.{revision}" + (f"+{build}" if build else "")
        words = ", ".join(word for bit, word in FLAGS.items() if flags & bit)
        details = [("flags", f"{flags:#x}" + (f": {words}" if words else ""))]
        details.append(("load address", f"{view.u32(4):#x}"))
        payload_end = header + payload
        try:
            areas = tagged(view, payload_end)
            covered = view.part(0, payload_end + protected_size)
            if (said := _protected_size(view, payload_end)) != protected_size:
                # What stands in a protected area that the header does not speak of, nobody signed.
                raise Malformed(f"a protected area of {said} bytes, by the header {protected_size}")
            body = view.part(header, payload)
        except Malformed as error:
            problem = f"the image is cut short or damaged: {error}"
            unreadable = Protection(signing=Signing.UNREADABLE, detail=problem)
            return Reading(
                format=self.name,
                kind=LayerKind.UPDATE,
                size=len(view),
                version=version,
                details=tuple(details),
                problem=problem,
                doubtful=view.u32(28) != 0 or flags > 0xFFFF,
                protection=unreadable,
            )
        encrypted = bool(flags & ENCRYPTED) or any(areas.first(t) for t in WRAPPED_KEYS)
        if encrypted and holds(covered, areas):
            # An image for the first slot (imgtool --clear): ready to be encrypted, and still in clear.
            encrypted = False
            details.append(("encryption", "prepared for it, but in clear"))
        size = areas.end
        if _is_slot(view, size):
            details.append(("slot", "whole, marked for the next start"))
            size = len(view)
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=size,
            version=version,
            details=(*details, *_details(areas)),
            protection=judged(covered, areas, context.keys.keys, encrypted=encrypted),
            parts=tuple(_payload(body, header, flags, areas, encrypted=encrypted)),
        )


FORMAT = McuBoot()


def tagged(view: View, at: int) -> Areas:
    """Both areas from ``at``. Raises Malformed when neither is there whole."""
    areas = Areas(end=at)
    for magic, values in ((PROTECTED_INFO, areas.protected), (TLV_INFO, areas.open)):
        if view.u16(areas.end) != magic:
            continue
        total = view.u16(areas.end + 2)
        area = view.part(areas.end, total)
        offset = 4
        while offset < total:
            tag, size = area.unpack("<HH", offset)
            values.setdefault(tag, []).append(area.read(offset + 4, size))
            offset += 4 + size
        areas.end += total
    if areas.end == at or TLV_INFO not in (view.u16(at), *_second(view, at)):
        raise Malformed("the area of hashes and signatures is not there")
    return areas


def _protected_size(view: View, at: int) -> int:
    return view.u16(at + 2) if view.u16(at) == PROTECTED_INFO else 0


def _second(view: View, at: int) -> Iterator[int]:
    """The magic of the area behind a protected one."""
    if view.u16(at) == PROTECTED_INFO:
        yield view.u16(at + view.u16(at + 2))


def _is_slot(view: View, end: int) -> bool:
    """Whether what follows is nothing but the rest of the slot: erased, with some marks at its end."""
    if not any(view.starts_with(mark, len(view) - len(mark)) for mark in SLOT_ENDS):
        return False
    rest = view.part(end)
    marks = sum(len(w) - bytes(w).count(0xFF) for w in rest.windows(65_536))
    return marks <= MOST_MARKS


def _payload(
    body: View, offset: int, flags: int, areas: Areas, *, encrypted: bool
) -> Iterator[Part]:
    if encrypted:
        yield Part(name="payload", view=body, offset=offset, hidden="encrypted")
    elif flags & LZMA2:
        size = int.from_bytes(areas.first(PLAIN_SIZE) or b"", "little")

        def made(budget: Budget) -> View:
            return unpacked(body, size, budget, thumb=bool(flags & THUMB))

        yield Part(name="payload", make=made)
    elif flags & LZMA1:
        size = int.from_bytes(areas.first(PLAIN_SIZE) or b"", "little")
        yield Part(name="payload", make=partial(unpacked_old, body, size))
    else:
        yield Part(name="payload", view=body, offset=offset)


def unpacked(body: View, size: int, budget: Budget, *, thumb: bool) -> View:
    """The payload before its compression: two bytes of properties, then LZMA2. Raises Malformed, OutOfBudget."""
    dictionary, properties = body.unpack("BB")
    if dictionary > 32 or properties >= 225:
        raise Malformed("the compression says what cannot be")
    if not 0 < size <= budget.room(len(body)):
        raise Malformed(f"the compressed payload says that it becomes {size} bytes")
    budget.take(size)
    # A dictionary larger than all that comes out is memory asked for in vain.
    said = (2 | dictionary & 1) << (dictionary // 2 + 11)
    lzma2 = {
        "id": lzma.FILTER_LZMA2,
        "dict_size": max(min(said, size), 4096),
        "lc": properties % 9,
        "lp": properties // 9 % 5,
        "pb": properties // 45,
    }
    filters = [{"id": lzma.FILTER_ARMTHUMB}, lzma2] if thumb else [lzma2]
    try:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
        out = decoder.decompress(body.raw[2:], size)
    except (lzma.LZMAError, ValueError) as error:
        raise Malformed(f"the compressed payload is damaged: {error}") from None
    if len(out) != size:
        raise Malformed("the compressed payload is shorter than it says")
    return View(out)


def unpacked_old(body: View, size: int, budget: Budget) -> View:
    """The payload before LZMA1: five bytes of properties, the size or not, the stream. Raises as ``unpacked``."""
    properties, said = body.unpack("<BI")
    if properties >= 225:
        raise Malformed("the compression says what cannot be")
    if not 0 < size <= budget.room(len(body)):
        raise Malformed(f"the compressed payload says that it becomes {size} bytes")
    budget.take(size)
    # Files of lzma(1) have the size in between, or all ones for "until the end".
    with_size = body.read(5, 8) in (size.to_bytes(8, "little"), b"\xff" * 8)
    lzma1 = {
        "id": lzma.FILTER_LZMA1,
        "dict_size": max(min(said, size), 4096),
        "lc": properties % 9,
        "lp": properties // 9 % 5,
        "pb": properties // 45,
    }
    try:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[lzma1])
        out = decoder.decompress(body.raw[13 if with_size else 5 :], size)
    except (lzma.LZMAError, ValueError) as error:
        raise Malformed(f"the compressed payload is damaged: {error}") from None
    if len(out) != size:
        raise Malformed("the compressed payload is shorter than it says")
    return View(out)


def _details(areas: Areas) -> Iterator[tuple[str, str]]:
    for value in areas.protected.get(DEPENDENCY, [])[:8]:
        if len(value) == 12:
            major, minor, revision, build = View(value).unpack("<BBHI", 4)
            yield f"needs image {value[0]}", f"version {major}.{minor}.{revision}+{build} or later"
    for value in areas.protected.get(BOOT_RECORD, [])[:8]:
        yield "boot record", _record(value)
    for name, tag in (("vendor", VENDOR), ("class", CLASS)):
        if value := areas.protected.get(tag, [b""])[0]:
            yield name, value.hex()
    if size := areas.first(PLAIN_SIZE):
        yield "uncompressed", f"{int.from_bytes(size, 'little')} bytes"


def _record(value: bytes) -> str:
    """Type and version of a boot record, in CBOR (PSA attestation: 1 is the type, 4 the version)."""
    import cbor2

    try:
        said = cbor2.loads(value)
    except (cbor2.CBORDecodeError, ValueError, RecursionError):
        return "unreadable"
    if not isinstance(said, dict):
        return "unreadable"
    return clean(f"{said.get(1, '')} {said.get(4, '')}", 60)
