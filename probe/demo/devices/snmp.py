"""SNMP v1/v2c (RFC 1157, RFC 3416): answers get and get-next in the system group, refuses set."""

import asyncio
from typing import cast

Oid = tuple[int, ...]
SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
GET, GET_NEXT, RESPONSE, SET, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA3, 0xA5
NO_SUCH_OBJECT, END_OF_MIB = b"\x80\x00", b"\x82\x00"


class SnmpAgent(asyncio.DatagramProtocol):
    """Silent to a wrong community, as real agents are."""

    transport: asyncio.DatagramTransport

    def __init__(self, community: str, description: str, name: str) -> None:
        self.community = community.encode()
        self.values: dict[Oid, bytes] = {
            (*SYSTEM, 1, 0): octets(description.encode()),
            (*SYSTEM, 2, 0): oid((1, 3, 6, 1, 4, 1, 8072, 3, 2, 10)),
            (*SYSTEM, 3, 0): tlv(0x43, b"\x01\x00"),
            (*SYSTEM, 5, 0): octets(name.encode()),
        }

    async def serve(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            answer = self.answer(data)
        except (IndexError, ValueError):
            return  # Not SNMP, or cut off: an agent says nothing to that.
        if answer is not None:
            self.transport.sendto(answer, addr)

    def answer(self, data: bytes) -> bytes | None:
        """The reply to one message; None when the agent stays silent. ValueError on bad BER."""
        version, community, pdu = parts(only(data, 0x30))
        if community[1] != self.community or version[1] not in (b"\x00", b"\x01"):
            return None
        request_id, _, _, bindings = parts(pdu[1])
        v2 = version[1] == b"\x01"
        out, error = b"", 0
        for index, (_, binding) in enumerate(parts(bindings[1]), start=1):
            wanted = parse_oid(parts(binding)[0][1])
            if pdu[0] in (GET_NEXT, GET_BULK):
                following = next((o for o in sorted(self.values) if o > wanted), None)
                wanted, value = (following, self.values[following]) if following else (wanted, b"")
                missing = END_OF_MIB
            else:
                value, missing = self.values.get(wanted, b""), NO_SUCH_OBJECT
            if pdu[0] == SET or not (value or v2):
                error = error or index
            out += tlv(0x30, oid(wanted) + (value or (missing if v2 else b"\x05\x00")))
        # SNMPv1 knows only readOnly(4) and noSuchName(2); v2c says noAccess(6) to a set.
        status = 0 if not error else (2 if not v2 else 6)
        body = tlv(2, request_id[1]) + tlv(2, bytes((status,))) + tlv(2, bytes((error,)))
        message = tlv(2, version[1]) + octets(self.community)
        return tlv(0x30, message + tlv(RESPONSE, body + tlv(0x30, out)))


def tlv(tag: int, content: bytes) -> bytes:
    """One BER element."""
    size = len(content)
    length = bytes((size,)) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes((tag,)) + length + content


def octets(content: bytes) -> bytes:
    return tlv(4, content)


def oid(numbers: Oid) -> bytes:
    """An OBJECT IDENTIFIER element."""
    content = bytearray((numbers[0] * 40 + numbers[1],))
    for number in numbers[2:]:
        groups = [number & 127]
        while number := number >> 7:
            groups.append(128 | (number & 127))
        content += bytes(reversed(groups))
    return tlv(6, bytes(content))


def parse_oid(content: bytes) -> Oid:
    """The numbers of an OBJECT IDENTIFIER's content."""
    numbers = [content[0] // 40, content[0] % 40]
    value = 0
    for byte in content[1:]:
        value = value << 7 | (byte & 127)
        if not byte & 128:
            numbers.append(value)
            value = 0
    return tuple(numbers)


def parts(content: bytes) -> list[tuple[int, bytes]]:
    """The elements inside a constructed element; ValueError when a length leads outside."""
    found, at = [], 0
    while at < len(content):
        tag, size, at = content[at], content[at + 1], at + 2
        if size & 128:
            more = size & 127
            size, at = int.from_bytes(content[at : at + more], "big"), at + more
        if at + size > len(content):
            raise ValueError("length leads outside the message")
        found.append((tag, content[at : at + size]))
        at += size
    return found


def only(data: bytes, tag: int) -> bytes:
    """The content of the one element that ``data`` must be."""
    ((found, content),) = parts(data)
    if found != tag:
        raise ValueError("unexpected tag")
    return content
