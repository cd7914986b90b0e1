"""BACnet/IP (ASHRAE 135, annex J): who a device is, and the texts of its device object. No login exists.

Only ReadProperty and Who-Is are sent. The first question is a ReadProperty of instance 4194303, which
stands for "whichever you are" (clause 12.11.1): every device answers it, if only by an error, while its
I-Am may go to everybody and not to us.
"""

import struct

from probe.collect.services.udp.probe import Heard, UdpProbe
from probe.model.text import clean

PROPERTIES = {77: "object name", 70: "model name", 44: "firmware revision", 121: "vendor name"}
ANY_INSTANCE = 0x3FFFFF
ORIGINAL_UNICAST, ORIGINAL_BROADCAST, FORWARDED = 0x0A, 0x0B, 0x04
CHARACTER_STRING = 7
ENCODINGS = {0: "utf-8", 4: "utf-16-be", 5: "latin-1"}
"""Character sets of clause 20.2.9 that are read; 0 was ANSI X3.4 and is UTF-8 now."""


def read(number: int, invoke: int, instance: int = ANY_INSTANCE) -> bytes:
    """ReadProperty of the device object (clause 15.5); ``invoke`` comes back with the answer."""
    device = (8 << 22 | instance).to_bytes(4, "big")
    apdu = bytes((0x00, 0x05, invoke, 0x0C, 0x0C)) + device + bytes((0x19, number))
    return _unicast(b"\x01\x04" + apdu)


def _unicast(npdu: bytes) -> bytes:
    return struct.pack("!BBH", 0x81, ORIGINAL_UNICAST, 4 + len(npdu)) + npdu


def name(nonce: bytes) -> bytes:
    """The first question: its name, which every device object has."""
    del nonce
    return read(77, 1)


def further(answer: bytes, nonce: bytes) -> tuple[bytes, ...]:
    """After the name the other texts; after an error Who-Is, and after I-Am the texts of that instance."""
    del nonce
    apdu = apdu_of(answer) or b"\xf0"
    if apdu[0] >> 4 == 3 and apdu[1:2] == b"\1":
        others = [number for number in PROPERTIES if number != 77]
        return tuple(read(number, n) for n, number in enumerate(others, 2))
    if apdu[0] >> 4 == 1 and _i_am(apdu) is not None:
        instance = int.from_bytes(apdu[3:7], "big") & ANY_INSTANCE
        return tuple(read(number, n, instance) for n, number in enumerate(PROPERTIES, 0x11))
    return (WHO_IS,)


def apdu_of(datagram: bytes) -> bytes | None:
    """The application's part of a datagram; None where there is none or it does not parse."""
    if len(datagram) < 6 or datagram[0] != 0x81 or datagram[1] not in _HEADS:
        return None
    if int.from_bytes(datagram[2:4], "big") != len(datagram):
        return None
    at = _HEADS[datagram[1]]
    if len(datagram) < at + 2 or datagram[at] != 1 or datagram[at + 1] & 0x80:
        return None  # Another version of the network layer, or a message of its own (clause 6.2.4).
    control = datagram[at + 1]
    at += 2
    for flag in (0x20, 0x08):
        if control & flag:
            if at + 3 > len(datagram):
                return None
            at += 3 + datagram[at + 2]
    at += bool(control & 0x20)
    return datagram[at:] or None


WHO_IS = _unicast(b"\x01\x00\x10\x08")
"""Without limits (clause 16.10)."""
_HEADS = {ORIGINAL_UNICAST: 4, ORIGINAL_BROADCAST: 4, FORWARDED: 10}


def parse(answer: bytes, request: bytes) -> Heard | None:
    """I-Am, or what came of our ReadProperty: its value, an error, a reject, an abort."""
    apdu, asked = apdu_of(answer), apdu_of(request)
    if apdu is None or asked is None or answer == request:
        return None
    kind = apdu[0] >> 4
    if kind == 1:
        return _i_am(apdu)
    ours = len(apdu) > 2 and asked[:2] == b"\0\x05" and apdu[1] == asked[2]
    if not ours or kind not in (3, 5, 6, 7):
        return None
    what = PROPERTIES.get(asked[-1], "property")
    if kind != 3:
        words = {5: "an error", 6: "a reject", 7: "an abort"}
        return Heard(reason=f"BACnet: {words[kind]} to ReadProperty of the {what}")
    text = _string(apdu)
    return Heard(
        banner=f"{what} {text}",
        product=text if what == "model name" else "",
        version=text if what == "firmware revision" else "",
        reason="BACnet ReadProperty acknowledged",
        open_access=(f"{what} of the BACnet device object",),
    )


def _i_am(apdu: bytes) -> Heard | None:
    """I-Am (clause 16.10): the device instance and the vendor's number."""
    if len(apdu) < 12 or apdu[1] != 0 or apdu[2] != 0xC4:
        return None
    instance = int.from_bytes(apdu[3:7], "big") & ANY_INSTANCE
    vendor = int.from_bytes(apdu[-(apdu[-2] & 7) :] if apdu[-2] == 0x21 else apdu[-2:], "big")
    return Heard(banner=f"device {instance}, vendor number {vendor}", reason="BACnet I-Am")


def _string(apdu: bytes) -> str:
    """The character string in an acknowledgement, cleaned; empty for anything else."""
    start = apdu.find(b"\x3e", 9)
    if start < 0 or len(apdu) < start + 4 or apdu[start + 1] >> 4 != CHARACTER_STRING:
        return ""
    size, at = apdu[start + 1] & 7, start + 2
    if size == 5:
        size, at = apdu[at], at + 1
        if size == 254:
            size, at = int.from_bytes(apdu[at : at + 2], "big"), at + 2
    raw = apdu[at : at + size]
    return clean(raw[1:].decode(ENCODINGS.get(raw[0], "latin-1"), "replace"), 80) if raw else ""


PROBE = UdpProbe(
    protocol="bacnet", port=47808, build=name, parse=parse, follow=further, chained=True
)
