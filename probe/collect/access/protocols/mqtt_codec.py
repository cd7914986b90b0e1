"""MQTT 3.1.1 and 5: the few control packets of a login and its proof. Bytes in, values out.

Section numbers are of the OASIS standards of 29 October 2014 (3.1.1) and 7 March 2019 (5).
"""

from dataclasses import dataclass

from probe.collect.access.attempt import Credential
from probe.collect.answers import NoAnswer, Why

V311, V5 = 4, 5
CONNACK, PUBLISH, SUBACK, PINGRESP, BYE = 2, 3, 9, 13, 14
DISCONNECT = bytes([0xE0, 0])
PINGREQ = bytes([0xC0, 0])
REFUSALS = frozenset({4, 5, 0x86, 0x87})
GUARDS = {0x8A: "this client is banned", 0x9F: "connections come too fast"}
"""Reason codes by which a broker of version 5 says that it guards itself."""
REASONS = {
    0x01: "this protocol version is not served",
    0x02: "the client identifier is refused",
    0x03: "the broker is unavailable",
    0x04: "bad user name or password",
    0x05: "not authorized",
    0x80: "an error that is not named",
    0x84: "this protocol version is not served",
    0x85: "the client identifier is refused",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "the broker is unavailable",
    0x89: "the broker is busy",
    0x8C: "another authentication method is wanted",
    0x97: "a quota is exceeded",
    0x9C: "another server is to be used",
    0x9D: "the server has moved",
    **GUARDS,
}
"""Return codes (3.1.1, section 3.2.2.3) and reason codes (5, section 3.2.2.2)."""


def _text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(2, "big") + data


def packet(first_byte: int, body: bytes) -> bytes:
    """Fixed header with the remaining length (3.1.1, section 2.2.3) and the body."""
    length, rest = bytearray(), len(body)
    while True:
        rest, digit = divmod(rest, 128)[0], rest % 128
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return bytes([first_byte, *length]) + body


def connect(client_id: str, credential: Credential | None, level: int = V311) -> bytes:
    """CONNECT with a clean session or start (section 3.1); version 5 without properties."""
    flags = 0x02 | (0 if credential is None else 0xC0)
    payload = _text(client_id)
    if credential is not None:
        payload += _text(credential.username) + _text(credential.password)
    none = b"\0" if level == V5 else b""
    head = _text("MQTT") + bytes([level, flags]) + (30).to_bytes(2, "big")
    return packet(0x10, head + none + payload)


def subscribe(packet_id: int, *filters: str, level: int = V311) -> bytes:
    """SUBSCRIBE at QoS 0 (section 3.8)."""
    body = packet_id.to_bytes(2, "big") + (b"\0" if level == V5 else b"")
    return packet(0x82, body + b"".join(_text(f) + b"\0" for f in filters))


@dataclass(frozen=True, slots=True)
class Packet:
    """One control packet: its type (section 2.2.1) and everything after the fixed header."""

    kind: int
    body: bytes


def parse(data: bytes) -> tuple[Packet | None, bytes]:
    """The first whole packet and what follows it; None when more bytes are needed.

    Raises NoAnswer(GARBAGE) for a length that no MQTT packet can have.
    """
    size = shift = 0
    for at, byte in enumerate(data[1:5], start=1):
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            end = at + 1 + size
            if len(data) < end:
                return None, data
            return Packet(data[0] >> 4, data[at + 1 : end]), data[end:]
    if len(data) >= 5:
        raise NoAnswer(Why.GARBAGE, "not an MQTT packet length")
    return None, data


def _after_properties(body: bytes) -> bytes:
    """What follows the properties at the start of ``body`` (5, section 2.2.2). Raises NoAnswer."""
    size = shift = 0
    for at, byte in enumerate(body[:4]):
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            if at + 1 + size > len(body):
                break
            return body[at + 1 + size :]
    raise NoAnswer(Why.GARBAGE, "properties that are cut off")


def connack(body: bytes, level: int) -> int:
    """The return or reason code. Raises NoAnswer(GARBAGE) for what is no CONNACK of either version."""
    if len(body) == 2:
        return body[
            1
        ]  # a broker of 3.1.1 may answer a CONNECT of 5 in its own way (section 3.1.2.2)
    if len(body) < 3 or _after_properties(body[2:]):
        raise NoAnswer(Why.GARBAGE, "a CONNACK of the wrong length")
    if level != V5 and body[1] < 0x80:
        raise NoAnswer(Why.GARBAGE, "a CONNACK of another version")
    return body[1]


def suback(body: bytes, level: int) -> list[bool]:
    """Whether each subscription was granted. Raises NoAnswer(GARBAGE)."""
    codes = _after_properties(body[2:]) if level == V5 else body[2:]
    return [code < 0x80 for code in codes]


def topic(body: bytes) -> bytes:
    """The topic name of a PUBLISH (section 3.3.2); empty when it cannot be read."""
    return body[2 : 2 + int.from_bytes(body[:2], "big")]
