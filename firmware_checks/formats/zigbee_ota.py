"""Zigbee OTA upgrade files.

Source: Zigbee Cluster Library specification, chapter 11 "Over-the-Air Upgrade", section 11.4 "OTA File Format". A
signature is the last element, over everything before its own value, and comes with an implicit certificate. The first
suite's curve, sect163k1, is too small today.
"""

from dataclasses import dataclass

from firmware_checks.formats import zigbee_signature
from firmware_checks.formats.zigbee_signature import SUITES, Suite
from firmware_checks.keys import weakness
from firmware_checks.reading import Context, Format, Part, Protection, Reading, unread
from firmware_checks.signatures import NO_SIGNATURE
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

MAGIC = b"\x1e\xf1\xee\x0b\x00\x01"
SHORTEST = 56
CREDENTIAL, DESTINATION, HARDWARE = 1, 2, 4
OPTIONAL = {CREDENTIAL: 1, DESTINATION: 8, HARDWARE: 4}
"""Bytes of what the bits of the control field add to the header."""
IMAGE, INTEGRITY, PICTURE = 0, 3, 4
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
        for suite in SUITES:
            known |= {suite.signature: "signature", suite.certificate: "certificate"}
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
            said = f"a header that none has: {header} bytes of {total}, control {control:#06x}"
            return unread(self.name, LayerKind.UPDATE, len(view), said)
        details = [
            ("manufacturer code", f"{maker:#06x}"),
            ("image type", f"{kind:#06x}"),
            ("Zigbee stack", STACKS.get(stack, f"{stack:#06x}")),
        ]
        problem = ""
        details += _optional(view, control)
        if SHORTEST + sum(size for bit, size in OPTIONAL.items() if control & bit) > header:
            problem = "the header is shorter than what it says is in it"
        context.budget.take(min(total, len(view)))
        elements: list[Element] = []
        try:
            _elements(view.part(0, total), header, elements)
        except Malformed as error:
            problem = problem or f"the file is cut short or damaged: {error}"
        details += [(e.name, f"{len(e.value)} bytes") for e in elements]
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=min(total, len(view)),
            title=title,
            version=f"{version:#010x}",
            details=tuple(details),
            problem=problem,
            protection=judged(view, elements, problem, context),
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


def judged(view: View, elements: list[Element], problem: str, context: Context) -> Protection:
    """What the elements are worth."""
    code = any(e.tag == INTEGRITY for e in elements)
    integrity = "integrity code without key, not checked" if code else ""
    if problem:
        return Protection(signing=Signing.UNREADABLE, detail=problem, integrity=integrity)
    signed = [
        (suite, e)
        for e in elements
        for suite in SUITES
        if e.tag == suite.signature and len(e.value) == suite.signature_size
    ]
    there = [e for e in elements for s in SUITES if e.tag == s.signature]
    if len(there) > len(signed):
        wrong = next(e for e in there if all(e is not one for _, one in signed))
        said = f"a signature of {len(wrong.value)} bytes, which none has"
        return Protection(signing=Signing.UNREADABLE, detail=said, integrity=integrity)
    if not signed:
        said = "there is no signature"
        said += ", only a code that anybody can make anew" if code else ""
        # The server that offers the file says which version it is; the device decides.
        return Protection(signing=Signing.UNSIGNED, detail=said, integrity=integrity)
    suite, element = signed[0]
    signer, bits = element.value.read(0, 8)[::-1], suite.curve.bits
    behind = [e for e in elements if e.offset > element.offset]
    if len(signed) > 1:
        signing, said = (
            Signing.NOT_VERIFIED,
            "there are two signatures, of which a device takes none",
        )
    elif len(set(signature := element.value.read(8))) == 1:
        signing, said = Signing.UNREADABLE, NO_SIGNATURE
    else:
        signing, said = _signing(view, suite, elements, element, signature, context)
    named = f"signed by the device {signer.hex(':')}"
    return Protection(
        signing=signing,
        detail=f"{named}; {said}",
        covers="header and all elements before the signature",
        binds_payload=not any(e.tag == IMAGE or e.tag in OWN for e in behind),
        scheme=suite.name,
        key_bits=bits,
        key_id=signer.hex(":"),
        weak=weakness("EC", bits),
        rollback=Rollback.UNKNOWN,
        integrity=integrity,
    )


def _signing(
    view: View,
    suite: Suite,
    elements: list[Element],
    element: Element,
    signature: bytes,
    context: Context,
) -> tuple[Signing, str]:
    found = [e.value.read() for e in elements if e.tag == suite.certificate]
    if element is not elements[-1]:
        return (
            Signing.NOT_VERIFIED,
            "elements stand behind the signature, where a device wants none",
        )
    if len(found) > 1 or any(len(one) != suite.certificate_size for one in found):
        return Signing.NOT_VERIFIED, "its certificate cannot be read"
    certificate = found[0] if found else b""
    if certificate and certificate[suite.subject :][:8] != element.value.read(0, 8)[::-1]:
        return Signing.NOT_VERIFIED, "its certificate is for another device"
    said = "it has no certificate"
    if certificate:
        said = f"certified by {certificate[suite.issuer :][:8].hex(':')}"
    covered = view.part(0, element.offset + 8)
    signing, detail = zigbee_signature.judged(
        suite, covered, signature, certificate, context.keys.keys, context.budget
    )
    return signing, f"{said}; {detail}"
