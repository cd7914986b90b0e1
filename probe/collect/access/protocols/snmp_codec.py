"""SNMP v1 and v2c messages: own BER (X.690 8.1), bytes in, values out."""

from dataclasses import dataclass

V1, V2C, V3 = 0, 1, 3
INTEGER, OCTETS, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
GET, RESPONSE, SET, REPORT = 0xA0, 0xA2, 0xA3, 0xA8
SYS_DESCR = bytes([0x2B, 6, 1, 2, 1, 1, 1, 0])
SYS_OBJECT_ID = bytes([0x2B, 6, 1, 2, 1, 1, 2, 0])
SYS_CONTACT = bytes([0x2B, 6, 1, 2, 1, 1, 4, 0])
SYS_LOCATION = bytes([0x2B, 6, 1, 2, 1, 1, 6, 0])
MAX_PARTS = 64
NO_ACCESS, AUTHORIZATION_ERROR = 6, 16
"""Error-status of an account that may not do this (RFC 3416 section 3); notWritable (17) is said of the
object, whoever asks."""


class Malformed(ValueError):
    """The bytes are not the BER that was awaited."""


def tlv(tag: int, content: bytes) -> bytes:
    """One BER value with definite length."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(value: int) -> bytes:
    """A non-negative INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def split(data: bytes) -> list[tuple[int, bytes]]:
    """The values that ``data`` is made of, as ``(tag, content)``. Raises Malformed."""
    parts: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        if len(data) - at < 2 or len(parts) >= MAX_PARTS:
            raise Malformed("cut off, or too many values")
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            if not 0 < count <= 4 or at + count > len(data):
                raise Malformed("a length that is not definite or too long")
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            raise Malformed("a value longer than the datagram")
        parts.append((tag, data[at : at + size]))
        at += size
    return parts


def pdu(kind: int, request_id: int, oid: bytes, value: bytes = b"") -> bytes:
    """A PDU about one object (RFC 1157 section 4.1, RFC 3416 section 3); ``value`` is an OCTET STRING."""
    content = tlv(OCTETS, value) if kind == SET else tlv(NULL, b"")
    binding = tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, oid) + content))
    return tlv(kind, integer(request_id) + integer(0) + integer(0) + binding)


def get_request(version: int, community: bytes, request_id: int, oid: bytes) -> bytes:
    """A GetRequest of one object (RFC 1157 section 4.1.2, RFC 3416 section 4.2.1)."""
    return message(version, community, pdu(GET, request_id, oid))


def message(version: int, community: bytes, content: bytes) -> bytes:
    """A message of version 1 or 2c (RFC 1157 section 4, RFC 1901 section 3)."""
    return tlv(SEQUENCE, integer(version) + tlv(OCTETS, community) + content)


@dataclass(frozen=True, slots=True)
class Answer:
    """A Response of an agent. ``error`` is the error-status; a value may be missing with one."""

    version: int
    community: bytes
    request_id: int
    error: int
    value_tag: int | None
    value: bytes


def parse_response(data: bytes) -> Answer:
    """The v1 or v2c Response in a datagram. Raises Malformed."""
    outer = split(data)
    if not outer or outer[0][0] != SEQUENCE:
        raise Malformed("no SNMP message")
    head = split(outer[0][1])
    if [tag for tag, _ in head[:3]] != [INTEGER, OCTETS, RESPONSE]:
        raise Malformed("no response of SNMP v1 or v2c")
    version = int.from_bytes(head[0][1], "big", signed=True)
    request_id, error, _, tag, value = parse_pdu(head[2][1])
    return Answer(version, head[1][1], request_id, error, tag, value)


def parse_pdu(content: bytes) -> tuple[int, int, bytes, int | None, bytes]:
    """Request-id, error-status, and the first binding: OID, tag and value. Raises Malformed."""
    parts = split(content)
    if [tag for tag, _ in parts] != [INTEGER, INTEGER, INTEGER, SEQUENCE]:
        raise Malformed("no response PDU")
    bindings = split(parts[3][1])
    pair = split(bindings[0][1]) if bindings else []
    request_id, error = (int.from_bytes(part, "big", signed=True) for _, part in parts[:2])
    if len(pair) != 2:
        return request_id, error, b"", None, b""
    return request_id, error, pair[0][1], pair[1][0], pair[1][1]
