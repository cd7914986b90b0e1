"""Services over UDP that speak only under encryption: DTLS on its usual ports, and QUIC."""

import struct

from probe.collect.services.udp.probe import Heard, UdpProbe

DTLS_PROTOCOLS = ("coaps", "sips", "turns", "dtls")
"""What a service found by its DTLS answer is called; ``dtls`` where something else was expected."""

ANNOUNCED_AS = {
    "_coaps._udp": "coaps",
    "_sips._udp": "sips",
    "_turns._udp": "turns",
    "_stuns._udp": "dtls",
}
"""What is spoken under DTLS, by the service type that a device announces (RFC 6763); on any port."""

_UNKNOWN_VERSION = 0x1A1A1A1A
"""A version that no server may speak (RFC 9000 section 15): it answers with those it does."""
_SMALLEST_INITIAL = 1200


def dtls_hello(nonce: bytes) -> bytes:
    """A DTLS 1.2 ClientHello without cookie (RFC 6347), with the suites of RFC 7925 and a few more."""
    suites = bytes.fromhex("c0a8 c0ae 00a8 c02b c02f 00ae c037 c023 c027")
    extensions = bytes.fromhex("000a 0006 0004 0017 001d  000b 0002 0100") + bytes.fromhex(
        "000d 000a 0008 0403 0401 0503 0501"
    )
    body = b"\xfe\xfd" + nonce + b"\0\0" + struct.pack("!H", len(suites)) + suites + b"\x01\0"
    body += struct.pack("!H", len(extensions)) + extensions
    size = len(body).to_bytes(3, "big")
    handshake = b"\x01" + size + b"\0\0" + b"\0\0\0" + size + body
    return b"\x16\xfe\xfd" + bytes(8) + struct.pack("!H", len(handshake)) + handshake


def parse_dtls(answer: bytes, request: bytes) -> Heard | None:
    """A DTLS record: HelloVerifyRequest, ServerHello or an alert."""
    if (
        answer == request
        or len(answer) < 13
        or answer[0] not in (21, 22)
        or answer[1:3] not in (b"\xfe\xff", b"\xfe\xfd")
    ):
        return None
    if len(answer) < 13 + int.from_bytes(answer[11:13], "big"):
        return None
    said = (
        "alert"
        if answer[0] == 21
        else {2: "ServerHello", 3: "HelloVerifyRequest"}.get(
            answer[13] if len(answer) > 13 else 0, "handshake"
        )
    )
    return Heard(reason=f"DTLS {said}")


def quic_initial(nonce: bytes) -> bytes:
    """A long header of an unknown version, as large as a first packet must be (RFC 9000 section 14.1)."""
    head = b"\xc0" + _UNKNOWN_VERSION.to_bytes(4, "big")
    head += b"\x08" + nonce[:8] + b"\x08" + nonce[8:16]
    return head.ljust(_SMALLEST_INITIAL, b"\0")


def parse_quic(answer: bytes, request: bytes) -> Heard | None:
    """Version Negotiation: our connection ids the other way round, and versions (section 17.2.1)."""
    ours, theirs = request[5:14], request[14:23]
    if len(answer) < 27 or not answer[0] & 0x80 or answer[1:5] != bytes(4):
        return None
    if answer[5:23] != theirs + ours or (len(answer) - 23) % 4:
        return None
    listed = [int.from_bytes(answer[at : at + 4], "big") for at in range(23, len(answer), 4)]
    # Reserved ones are said to keep clients honest, and mean nothing.
    spoken = [f"0x{v:08x}" for v in listed[:16] if v & 0x0F0F0F0F != 0x0A0A0A0A]
    return Heard(banner=f"versions {' '.join(spoken)}", reason="QUIC version negotiation")


def announced_probe(protocol: str, port: int) -> UdpProbe:
    """For a port where the device itself says that DTLS is spoken."""
    return UdpProbe(protocol=protocol, port=port, build=dtls_hello, parse=parse_dtls)


PROBES = (
    UdpProbe(protocol="quic", port=443, build=quic_initial, parse=parse_quic),
    UdpProbe(protocol="coaps", port=5684, build=dtls_hello, parse=parse_dtls),
    UdpProbe(protocol="sips", port=5061, build=dtls_hello, parse=parse_dtls),
    UdpProbe(protocol="turns", port=5349, build=dtls_hello, parse=parse_dtls),
)
