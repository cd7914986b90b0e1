"""Matter OTA software images: a header with a digest, and no place for a signature.

Source: Matter specification, section 11.21 "OTA Software Image File Format"; the header's elements are Matter
TLV (appendix A). Digest numbers are of the IANA registry "Named Information Hash Algorithm".
"""

import hashlib

from firmware_checks.reading import Context, Format, Part, Protection, Reading, unread
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

MAGIC = b"\x1e\xf1\xee\x1b"
FIXED, LARGEST_HEADER = 16, 4096
STRUCTURE, END = 0x15, 0x18
VENDOR, PRODUCT, VERSION, TEXT, SIZE, OLDEST, NEWEST, NOTES, DIGEST_TYPE, DIGEST = range(10)
DIGESTS = {
    1: ("sha256", 32),
    2: ("sha256", 16),
    3: ("sha256", 15),
    4: ("sha256", 12),
    5: ("sha256", 8),
    6: ("sha256", 4),
    7: ("sha384", 48),
    8: ("sha512", 64),
    9: ("sha3_224", 28),
    10: ("sha3_256", 32),
    11: ("sha3_384", 48),
    12: ("sha3_512", 64),
}
Value = int | bytes


class MatterOta(Format):
    """The format."""

    name = "Matter OTA image"
    anchors = ((MAGIC, 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        total, size = view.unpack("<QI", 4)
        if not 3 <= size <= LARGEST_HEADER or total < FIXED + size:
            why = f"lengths that no header has: {size} of {total} bytes"
            return unread(self.name, LayerKind.UPDATE, len(view), why)
        said = tlv(view.part(FIXED, size))
        if not all(isinstance(said.get(tag), int) for tag in (VENDOR, PRODUCT, VERSION)):
            why = "its header does not say whose program it is, and which version"
            return unread(self.name, LayerKind.UPDATE, len(view), why)
        payload_at, problem = FIXED + size, ""
        payload = view.part(payload_at)
        if total <= len(view):
            payload = view.part(payload_at, total - payload_at)
        else:
            problem = f"the image is cut short: {total - len(view)} bytes are missing"
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=min(total, len(view)),
            version=_text(said.get(TEXT)) or str(_number(said, VERSION)),
            details=tuple(_details(said)),
            problem=problem,
            protection=judged(said, payload, problem),
            parts=(Part(name="payload", view=payload, offset=payload_at),),
        )


FORMAT = MatterOta()


def tlv(view: View) -> dict[int, Value]:
    """The members of the header's structure by their number. Raises Malformed."""
    if view.u8(0) != STRUCTURE:
        raise Malformed("the header is no structure")
    found: dict[int, Value] = {}
    at = 1
    while (control := view.u8(at)) != END:
        kind, form = control & 0x1F, control >> 5
        if form != 1:
            raise Malformed("a member without a number")
        tag, at = view.u8(at + 1), at + 2
        if kind in (4, 5, 6, 7):
            width = 1 << (kind - 4)
            found[tag] = int.from_bytes(view.read(at, width), "little")
            at += width
        elif 0x0C <= kind <= 0x13:
            width = 1 << (kind & 3)
            size = int.from_bytes(view.read(at, width), "little")
            found[tag] = view.read(at + width, size)
            at += width + size
        else:
            raise Malformed(f"a member of the kind {kind:#x}")
    return found


def _details(said: dict[int, Value]) -> list[tuple[str, str]]:
    found = [("vendor", f"{_number(said, VENDOR):#06x}")]
    found.append(("product", f"{_number(said, PRODUCT):#06x}"))
    found.append(("software version", str(_number(said, VERSION))))
    for name, tag in (("oldest version it replaces", OLDEST), ("newest", NEWEST)):
        found += [(name, str(_number(said, tag)))] if tag in said else []
    found += [("release notes", _text(said[NOTES]))] if NOTES in said else []
    return found


def _number(said: dict[int, Value], tag: int) -> int:
    value = said.get(tag)
    return value if isinstance(value, int) else 0


def _text(value: Value | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def judged(said: dict[int, Value], payload: View, problem: str) -> Protection:
    """What the digest is worth."""
    kind, digest = _number(said, DIGEST_TYPE), said.get(DIGEST)
    integrity, holds = "no digest that is known here", None
    if kind in DIGESTS and isinstance(digest, bytes) and not problem:
        name, size = DIGESTS[kind]
        holds = hashlib.new(name, payload.raw).digest()[:size] == digest
        shown = (
            name.upper().replace("_", "-") if "_" in name else name.upper().replace("SHA", "SHA-")
        )
        integrity = f"{shown} {'holds' if holds else 'does not hold'}"
    signing = Signing.UNSIGNED
    detail = (
        "the header has a digest and no place for a signature; the payload has to bring its own"
    )
    if problem:
        signing, detail = Signing.UNREADABLE, problem
    elif holds is False:
        signing, detail = Signing.TAMPERED, "the digest in the header is not that of the payload"
    return Protection(
        signing=signing,
        detail=detail,
        can_be_signed=False,
        binds_payload=False,
        rollback=Rollback.UNSIGNED_COUNTER,
        rollback_value=_number(said, VERSION),
        integrity=integrity,
    )
