"""What DHCPv4 shows of a client, and that somebody is a server. Bytes in, an announcement out."""

import struct

from probe.model.observation import Announced
from probe.model.text import clean

COOKIE = b"\x63\x82\x53\x63"
HOST_NAME, MESSAGE_TYPE, PARAMETERS, VENDOR_CLASS, PAD, END = 12, 53, 55, 60, 0, 255
MESSAGES = {1: "discover", 3: "request", 7: "release", 8: "inform"}
SERVER_MESSAGES = {2, 5, 6}
"""Offer, acknowledgement, refusal."""
MAX_OPTIONS = 64


def announced(frame: bytes) -> Announced | None:
    """The announcement in an Ethernet frame with a DHCP client's message, or None."""
    if len(frame) < 14 + 20 or frame[12:14] != b"\x08\x00":
        return None
    start = 14 + (frame[14] & 15) * 4 + 8
    options = parse_options(frame[start:])
    message = options.get(MESSAGE_TYPE, b"\0")
    kind = MESSAGES.get(message[0] if message else 0)
    if kind is None:
        return None
    host = clean(options.get(HOST_NAME, b"").rstrip(b"\0"), 64)
    said = {
        "hostname": host,
        "vendor-class": clean(options.get(VENDOR_CLASS, b""), 120),
        "parameters": ",".join(map(str, options.get(PARAMETERS, b""))),
    }
    attributes = tuple((key, value) for key, value in said.items() if value)
    return Announced(via="dhcp", name=host, kind=kind, port=None, attributes=attributes)


def server(frame: bytes) -> Announced | None:
    """The announcement in an Ethernet frame with a DHCP server's message, or None."""
    if len(frame) < 14 + 20 or frame[12:14] != b"\x08\x00":
        return None
    message = frame[14 + (frame[14] & 15) * 4 + 8 :]
    if len(message) < 240 or message[0] != 2 or message[236:240] != COOKIE:
        return None
    options = _options(message)
    kind = options.get(MESSAGE_TYPE, b"\0")
    if not kind or kind[0] not in SERVER_MESSAGES:
        return None
    return Announced(via="dhcp", name="", kind="server", port=67)


def parse_options(message: bytes) -> dict[int, bytes]:
    """The options of a BOOTP request, the first of each number (RFC 2132); empty for anything else."""
    if len(message) < 240 or message[0] != 1 or message[236:240] != COOKIE:
        return {}
    return _options(message)


def _options(message: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 240
    while at + 1 < len(message) and len(found) < MAX_OPTIONS and message[at] != END:
        if message[at] == PAD:
            at += 1
            continue
        number, size = struct.unpack_from("BB", message, at)
        found.setdefault(number, message[at + 2 : at + 2 + size])
        at += 2 + size
    return found
