"""Protocols of things: CoAP, MQTT-SN, BACnet, KNXnet/IP, miIO."""

import re
import struct
from dataclasses import replace

from probe.collect.services.udp import bacnet
from probe.collect.services.udp.probe import Heard, UdpProbe
from probe.model.text import clean

MAX_RESOURCES = 4
"""CoAP resources that are read after the list; GET is safe by definition (RFC 7252 section 5.8.1)."""
MADE_UP = "/probe-"
"""How the path of a resource begins that no device has."""
COAP_SEPARATE_S = 0.25
"""A response may come apart from its acknowledgement (section 5.2.2)."""
EXCUSE = re.compile(
    r"\W*(error|unauthori[sz]ed|forbidden|(access|permission) denied|not (found|allowed|authori[sz]ed)|"
    r"(login|authentication) required)\b",
    re.IGNORECASE,
)
"""How a text begins that is a refusal, whatever its response code."""


def coap_get(path: str, nonce: bytes, message: int = 0) -> bytes:
    """A confirmable GET (RFC 7252 section 3) with a token of four bytes; ``path`` is ``/a/b``."""
    head = struct.pack("!BBH", 0x44, 1, int.from_bytes(nonce[:2], "big") ^ message)
    out = head + nonce[4:8]
    delta = 11
    for segment in filter(None, path.encode().split(b"/")):
        out += coap_option(delta, segment)
        delta = 0
    return out


def coap_option(delta: int, value: bytes) -> bytes:
    """One option with a delta below 13 and at most 268 bytes (section 3.1)."""
    value = value[:268]
    if len(value) < 13:
        return bytes((delta << 4 | len(value),)) + value
    return bytes((delta << 4 | 13, len(value) - 13)) + value


def coap_paths(request: bytes) -> str:
    """The path of a request made by ``coap_get``."""
    at, path = 8, ""
    while at < len(request):
        length = request[at] & 15
        at += 1
        if length == 13:
            length, at = 13 + request[at], at + 1
        path += "/" + request[at : at + length].decode("utf-8", "replace")
        at += length
    return path or "/"


def coap_payload(message: bytes) -> bytes | None:
    """The payload of a message, empty when it has none, None when the options do not parse."""
    if len(message) < 4:
        return None
    at = 4 + (message[0] & 15)
    while at < len(message):
        if message[at] == 0xFF:
            return message[at + 1 :]
        delta, length = message[at] >> 4, message[at] & 15
        at += 1
        if delta == 15 or length == 15:
            return None
        at += {13: 1, 14: 2}.get(delta, 0)
        if length == 13:
            length, at = 13 + int.from_bytes(message[at : at + 1], "big"), at + 1
        elif length == 14:
            length, at = 269 + int.from_bytes(message[at : at + 2], "big"), at + 2
        at += length
    return b"" if at == len(message) else None


def coap_resources(answer: bytes, nonce: bytes) -> tuple[bytes, ...]:
    """GET requests for a resource that is not there, and for the first of a link-format list (RFC 6690)."""
    found = re.findall(rb"<(/[^<>\"\s?]{0,120})>", (coap_payload(answer) or b"")[:4096])
    paths = dict.fromkeys(f.decode("utf-8", "replace") for f in found)
    wanted = [p for p in paths if not p.startswith("/.well-known")][:MAX_RESOURCES]
    asked = [MADE_UP + nonce[8:14].hex(), *wanted] if wanted else []
    return tuple(coap_get(p, nonce, n) for n, p in enumerate(asked, 1))


def parse_coap(answer: bytes, request: bytes) -> Heard | None:
    """A response that carries our token, or a reset that carries our message id."""
    if len(answer) < 4 or answer[0] >> 6 != 1:
        return None
    if answer[0] >> 4 & 3 == 3 and answer[2:4] == request[2:4]:
        return Heard(reason="CoAP reset")
    if answer[0] & 15 != 4 or answer[4:8] != request[4:8]:
        return None
    payload = coap_payload(answer)
    if payload is None:
        return None
    code = f"{answer[1] >> 5}.{answer[1] & 31:02d}"
    path = clean(coap_paths(request), 80)
    refused = code in ("4.01", "4.03")
    heard = Heard(
        banner=clean(payload), reason=f"CoAP response {code} to GET {path}", refused=refused
    )
    if code != "2.05" or not payload or path.startswith("/.well-known"):
        return heard  # The list of resources is meant to be read by anybody (RFC 6690 section 1).
    if path.startswith(MADE_UP):
        return replace(heard, anything=True)
    if EXCUSE.match(heard.banner):
        return heard
    return Heard(reason=heard.reason, open_access=(f"resource {path}",))


def mqttsn_search(nonce: bytes) -> bytes:
    """SEARCHGW with radius 0 (MQTT-SN 1.2 section 5.4.2)."""
    del nonce
    return b"\x03\x01\x00"


def parse_mqttsn(answer: bytes, request: bytes) -> Heard | None:
    """GWINFO."""
    del request
    if len(answer) < 3 or answer[0] != len(answer) or answer[1] != 2:
        return None
    return Heard(banner=f"gateway {answer[2]}", reason="MQTT-SN GWINFO")


def knx_description(nonce: bytes) -> bytes:
    """DESCRIPTION_REQUEST; an HPAI of zeros asks for the answer to where the request came from."""
    del nonce
    return bytes.fromhex("06100203 000e 0801 00000000 0000")


def parse_knx(answer: bytes, request: bytes) -> Heard | None:
    """DESCRIPTION_RESPONSE with the device's friendly name."""
    del request
    if len(answer) < 6 or answer[:2] != b"\x06\x10" or answer[2:4] != b"\x02\x04":
        return None
    return Heard(
        banner=clean(answer[30:60].rstrip(b"\0"), 30),
        reason="KNXnet/IP description response",
        open_access=("device description",),
    )


def miio_hello(nonce: bytes) -> bytes:
    """The hello packet of the miIO protocol, as published by its reverse engineers."""
    del nonce
    return b"\x21\x31\x00\x20" + b"\xff" * 28


def parse_miio(answer: bytes, request: bytes) -> Heard | None:
    """Device id and clock; before setup some devices give away their token as well."""
    del request
    if len(answer) != 32 or answer[:4] != b"\x21\x31\x00\x20":
        return None
    token = answer[16:]
    given = token not in (b"\0" * 16, b"\xff" * 16)
    return Heard(
        banner=f"device id {answer[8:12].hex()}",
        reason="miIO hello answer",
        open_access=("the device token",) if given else (),
    )


PROBES = (
    UdpProbe(
        protocol="coap",
        port=5683,
        build=lambda nonce: coap_get("/.well-known/core", nonce),
        parse=parse_coap,
        follow=coap_resources,
        more_within=COAP_SEPARATE_S,
    ),
    bacnet.PROBE,
    UdpProbe(protocol="knx", port=3671, build=knx_description, parse=parse_knx),
    UdpProbe(protocol="mqtt-sn", port=10000, build=mqttsn_search, parse=parse_mqttsn),
    UdpProbe(protocol="miio", port=54321, build=miio_hello, parse=parse_miio),
)
