"""Zigbee OTA upgrade files.

Source: Zigbee Cluster Library specification, chapter 11 "Over-the-Air Upgrade", section 11.4 "OTA File Format". A
signature is over everything before its own value and comes with an implicit certificate; those are named here
and not verified. The first suite's curve, sect163k1, is too small today.
"""

from dataclasses import dataclass

from firmware_checks.keys import weakness
from firmware_checks.reading import Context, Format, Part, Protection, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

MAGIC = b"\x1e\xf1\xee\x0b\x00\x01"
SHORTEST = 56
CREDENTIAL, DESTINATION, HARDWARE = 1, 2, 4
IMAGE, INTEGRITY, PICTURE = 0, 3, 4
SIGNATURES = {1: ("ECDSA sect163k1 AES-MMO", 163, 50), 5: ("ECDSA sect283k1 AES-MMO", 283, 80)}
"""By tag: scheme, bits of the curve, size of the element."""
CERTIFICATES = {2: 48, 6: 74}
OWN = range(0xF000, 0x10000)
MOST_ELEMENTS = 64
STACKS = {0: "2006", 1: "2007", 2: "Pro", 3: "IP"}


@dataclass(frozen=True, slots=True)
class Element:
    """Tag, where the value stands, and the value."""

    tag: int
    offset: int
    value: View

    @property
    def name(self) -> str:
        if self.tag in OWN:
            return f"the maker's own {self.tag:#06x}"
        known = {IMAGE: "upgrade image", INTEGRITY: "integrity code", PICTURE: "picture data"}
        known |= dict.fromkeys(SIGNATURES, "signature") | dict.fromkeys(CERTIFICATES, "certificate")
        return known.get(self.tag, f"unknown {self.tag:#06x}")


class ZigbeeOta(Format):
    """The format."""

    name = "Zigbee OTA file"
    anchors = ((MAGIC, 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        header, control, maker, kind, version, stack = view.unpack("<HHHHIH", 6)
        title, total = view.text(20, 32), view.u32(52)
        if header < SHORTEST or header > 256 or total < header or control > 7:
            return None
        details = [
            ("manufacturer code", f"{maker:#06x}"),
            ("image type", f"{kind:#06x}"),
            ("Zigbee stack", STACKS.get(stack, f"{stack:#06x}")),
        ]
        details += _optional(view, control)
        problem = ""
        elements: list[Element] = []
        try:
            _elements(view.part(0, total), header, elements)
        except Malformed as error:
            problem = f"the file is cut short or damaged: {error}"
        details += [(e.name, f"{len(e.value)} bytes") for e in elements]
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=min(total, len(view)),
            title=title,
            version=f"{version:#010x}",
            details=tuple(details),
            problem=problem,
            protection=judged(elements, problem),
            parts=tuple(
                Part(
                    name=e.name,
                    view=e.value,
                    offset=e.offset,
                    opaque="" if e.tag == IMAGE or e.tag in OWN else "no program",
                )
                for e in elements
                if len(e.value)
            ),
        )


FORMAT = ZigbeeOta()


def _optional(view: View, control: int) -> list[tuple[str, str]]:
    """What stands in the header when its control field says so. Raises Malformed."""
    found, at = [], SHORTEST
    if control & CREDENTIAL:
        found.append(("credentials", f"version {view.u8(at)}"))
        at += 1
    if control & DESTINATION:
        found.append(("for the one device", view.read(at, 8)[::-1].hex(":")))
        at += 8
    if control & HARDWARE:
        oldest, newest = view.unpack("<HH", at)
        found.append(("hardware versions", f"{oldest} to {newest}"))
    return found


def _elements(view: View, at: int, found: list[Element]) -> None:
    """All elements to the end of the file. Raises Malformed; what came before is in ``found``."""
    while at < len(view):
        tag, size = view.unpack("<HI", at)
        if len(found) >= MOST_ELEMENTS:
            raise Malformed("more elements than a file has")
        found.append(Element(tag, at + 6, view.part(at + 6, size)))
        at += 6 + size


def judged(elements: list[Element], problem: str) -> Protection:
    """What the elements are worth."""
    code = any(e.tag == INTEGRITY for e in elements)
    integrity = "integrity code without key, not checked" if code else ""
    if problem:
        return Protection(signing=Signing.UNREADABLE, detail=problem, integrity=integrity)
    signed = [
        (number, e)
        for number, e in enumerate(elements)
        if e.tag in SIGNATURES and len(e.value) == SIGNATURES[e.tag][2]
    ]
    if not signed:
        said = "there is no signature"
        said += ", only a code that anybody can make anew" if code else ""
        # The server that offers the file says which version it is; the device decides.
        return Protection(signing=Signing.UNSIGNED, detail=said, integrity=integrity)
    number, element = signed[0]
    scheme, bits, _ = SIGNATURES[element.tag]
    signer = element.value.read(0, 8)[::-1].hex(":")
    certified = any(e.tag in CERTIFICATES for e in elements)
    said = f"signed by the device {signer}, with {'an implicit' if certified else 'no'} certificate"
    images = [n for n, e in enumerate(elements) if e.tag == IMAGE or e.tag in OWN]
    return Protection(
        signing=Signing.NOT_VERIFIED,
        detail=f"{said}; signatures of this suite are not verified here",
        covers="header and all elements before the signature",
        binds_payload=all(n < number for n in images),
        scheme=scheme,
        key_bits=bits,
        key_id=signer,
        weak=weakness("EC", bits),
        rollback=Rollback.UNKNOWN,
        integrity=integrity,
    )
