"""Application and boot loader images of ESP32 chips, and of the ESP8266.

Source: ESP-IDF programming guide, "App image format"; ``esp_app_desc_t`` and ``esp_bootloader_desc_t`` in its
headers. The magic is one byte, so an image counts only when its checksum holds, or when all its header says
it is one and its end is missing.
"""

import hashlib
from dataclasses import dataclass

from firmware_checks.formats.esp_signature import Signed, signed
from firmware_checks.program import Pieces
from firmware_checks.reading import Context, Format, Protection, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

MAGIC, SEED = 0xE9, 0xEF
LONG, SHORT = 24, 8
"""Headers of the ESP32 and of the ESP8266."""
MOST_SEGMENTS = 16
APP_MAGIC, BOOT_MAGIC = 0xABCD5432, 0x50
MMU_PAGE = 0x10000
WINDOW = 1 << 20
CHIPS = {
    0: "ESP32",
    2: "ESP32-S2",
    5: "ESP32-C3",
    9: "ESP32-S3",
    12: "ESP32-C2",
    13: "ESP32-C6",
    16: "ESP32-H2",
    18: "ESP32-P4",
    20: "ESP32-C61",
    23: "ESP32-C5",
    25: "ESP32-H21",
    28: "ESP32-H4",
    31: "ESP32-E22",
    32: "ESP32-S31",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The image without what follows it. ``end``: where its own bytes stop."""

    chip: str
    segments: tuple[tuple[int, int, int], ...]
    """Load address, offset and size."""
    end: int
    checksum: bool
    sha256: bool | None
    """Whether the appended digest holds; None when there is none."""


@dataclass(frozen=True, slots=True)
class Described:
    """What the descriptor in the first segment says."""

    boot: bool = False
    title: str = ""
    version: str = ""
    built: str = ""
    counter: int | None = None
    idf: str = ""


class EspImage(Format):
    """The format."""

    name = "ESP32 image"
    anchors = ((bytes([MAGIC]), 0),)

    def read(self, view: View, context: Context) -> Reading | None:
        long = _header_fits(view)
        try:
            body = walked(view, LONG) if long else walked(view, SHORT)
        except Malformed as error:
            if not long or not _begins_well(view):
                return None
            return _cut_short(view, f"the image is cut short: {error}")
        if not body.checksum and not body.sha256 and not (long and _begins_well(view)):
            return None
        about = described(view, body) if long else Described()
        found = signed(view, body.end, context.keys.keys) if long else None
        details = [("chip", body.chip), ("segments", str(len(body.segments)))]
        details += [("entry address", f"{view.u32(4):#x}")]
        details += [("ESP-IDF", about.idf)] if about.idf else []
        return Reading(
            format=("ESP32 boot loader" if about.boot else self.name) if long else "ESP8266 image",
            kind=LayerKind.BOOT,
            size=body.end + (found.size if found else 0),
            title=about.title,
            version=about.version,
            built=about.built,
            details=tuple(details),
            protection=_protection(body, about, found, long=long),
            tree=Pieces(
                tuple((f"segment at {a:#010x}", view.part(o, s)) for a, o, s in body.segments if s)
            ),
        )


FORMAT = EspImage()
RANK = 60


def walked(view: View, header: int) -> Body:
    """The segments, the checksum and the digest. Raises Malformed."""
    number = view.u8(1)
    if view.u8(0) != MAGIC or not 1 <= number <= MOST_SEGMENTS:
        raise Malformed("no image header")
    at, segments, xor = header, [], SEED
    for _ in range(number):
        address, size = view.unpack("<II", at)
        data = view.part(at + 8, size)
        xor ^= folded(data.raw)
        segments.append((address, at + 8, size))
        at += 8 + size
    end = (at // 16 + 1) * 16
    checksum = view.u8(end - 1) == xor
    digest = None
    if header == LONG and view.u8(23) == 1:
        digest = view.read(end, 32) == hashlib.sha256(view.raw[:end]).digest()
        end += 32
    chip = CHIPS.get(view.u16(12), "unknown") if header == LONG else "ESP8266"
    return Body(chip=chip, segments=tuple(segments), end=end, checksum=checksum, sha256=digest)


def folded(data: memoryview) -> int:
    """All bytes combined by exclusive or, a window at a time: a number of all of them would take their size
    in memory again and again."""
    value, size = 0, min(len(data), WINDOW)
    for at in range(0, len(data), WINDOW):
        value ^= int.from_bytes(data[at : at + WINDOW], "little")
    while size > 1:
        half = (size + 1) // 2
        value = (value >> (8 * half)) ^ (value & ((1 << (8 * half)) - 1))
        size = half
    return value


def _header_fits(view: View) -> bool:
    """Whether the fields that only chips after the ESP8266 have say what they must."""
    if len(view) < LONG:
        return False
    reserved, appended = view.read(19, 4), view.u8(23)
    return view.u16(12) in CHIPS and appended in (0, 1) and reserved in (bytes(4), b"\xff" * 4)


def _begins_well(view: View) -> bool:
    """Beyond doubt an image, even when its end is missing: chip, flash mode, first segment, descriptor."""
    try:
        address, size = view.unpack("<II", LONG)
        sane = 1 <= view.u8(1) <= MOST_SEGMENTS and view.u8(2) <= 5 and 0 < size < 1 << 24
        descriptor = view.u32(32) == APP_MAGIC or view.read(32, 3) == bytes([BOOT_MAGIC, 0, 0])
    except Malformed:
        return False
    return sane and (descriptor or 0x3C000000 <= address < 0x50200000) and view.u32(4) >> 28 == 4


def _cut_short(view: View, problem: str) -> Reading:
    about = described(view, None)
    return Reading(
        format="ESP32 image",
        kind=LayerKind.BOOT,
        size=len(view),
        title=about.title,
        version=about.version,
        built=about.built,
        details=(("chip", CHIPS[view.u16(12)]),),
        problem=problem,
        protection=Protection(signing=Signing.UNREADABLE, detail=problem),
    )


def described(view: View, body: Body | None) -> Described:
    """The descriptor at the beginning of the first segment."""
    at = body.segments[0][1] if body else LONG + 8
    try:
        if view.u32(at) == APP_MAGIC:
            version, project, time, date, idf = (
                view.text(at + offset, size)
                for offset, size in ((16, 32), (48, 32), (80, 16), (96, 16), (112, 32))
            )
            built = f"{date} {time}".strip()
            return Described(False, project, version, built, view.u32(at + 4), idf)
        if view.read(at, 3) == bytes([BOOT_MAGIC, 0, 0]):
            version = str(view.u32(at + 4))
            idf, built = view.text(at + 8, 32), view.text(at + 40, 24)
            return Described(True, "boot loader", version, built, view.u8(at + 3), idf)
    except Malformed:
        pass
    return Described()


def _protection(body: Body, about: Described, found: Signed | None, *, long: bool) -> Protection:
    said = [f"checksum {'holds' if body.checksum else 'does not hold'}"]
    if body.sha256 is not None:
        said.append(f"SHA-256 {'holds' if body.sha256 else 'does not hold'}")
    counter = about.counter or 0
    # 0 is what every image has that never thought of it; above that the fuses decide (guide, "Anti-rollback").
    rollback = Rollback.UNKNOWN
    if counter:
        rollback = Rollback.COUNTER if found else Rollback.UNSIGNED_COUNTER
    signing, detail = _signing(body, found, long=long)
    covers = ""
    if found:
        covers = "header, all segments, checksum and digest"
    return Protection(
        signing=signing,
        detail=detail,
        can_be_signed=long,
        covers=covers,
        binds_payload=True if found else None,
        scheme=found.scheme if found else "",
        key_bits=found.bits if found else None,
        key_id=found.key_id if found else "",
        weak=found.weak if found else "",
        rollback=rollback,
        rollback_value=about.counter,
        integrity=", ".join(said),
    )


def _signing(body: Body, found: Signed | None, *, long: bool) -> tuple[Signing, str]:
    if found and found.signing in (Signing.VERIFIED, Signing.TAMPERED):
        return found.signing, found.detail
    if body.sha256 is False:
        return Signing.TAMPERED, "the digest in the image is not that of its bytes"
    if found:
        return found.signing, found.detail
    if not long:
        return Signing.UNSIGNED, "this format has no place for a signature"
    padded = len(body.segments) > 1 and body.segments[-1][0] == 0 and body.sha256
    for version, after in ((2, 0), (1, 80)):
        if padded and (body.end + after) % MMU_PAGE == 0:
            said = f"it was padded for a signature of secure boot v{version}, which is not there"
            return Signing.STRIPPED, said
    return Signing.UNSIGNED, "there is no signature, only a checksum that anybody can make anew"
