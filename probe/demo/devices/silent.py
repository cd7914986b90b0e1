"""A device that answers ARP and IPv6 neighbour solicitations and nothing else.

The kernel of its namespace has no IP address at all: this responder speaks ARP (RFC 826) and ND
(RFC 4861 section 7.2.4) for it, optionally losing or delaying what it answers.
"""

import asyncio
import ipaddress
import random
import socket
import struct
from dataclasses import dataclass, field

ARP, IPV6, ICMPV6 = 0x0806, 0x86DD, 58
SOLICITATION, ADVERTISEMENT = 135, 136
PACKET_MR_ALLMULTI, PACKET_ADD_MEMBERSHIP, SOL_PACKET = 2, 1, 263


@dataclass(slots=True, kw_only=True)
class NeighbourResponder:
    """``answer_share`` of the requests are answered, each after ``delay`` seconds."""

    interface: str
    ipv4: str
    ipv6: str = ""
    """Usually the link-local address; empty: no IPv6."""
    answer_share: float = 1.0
    delay: float = 0.0
    seed: int = 1
    _mac: bytes = b""
    _chance: random.Random = field(default_factory=random.Random)

    def start(self) -> None:
        """Begin to answer; needs CAP_NET_RAW."""
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        sock.bind((self.interface, 0))
        index = socket.if_nametoindex(self.interface)
        every_group = struct.pack("iHH8s", index, PACKET_MR_ALLMULTI, 0, b"")
        sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, every_group)
        sock.setblocking(False)
        self._mac = sock.getsockname()[4]
        self._chance.seed(self.seed)
        asyncio.get_running_loop().add_reader(sock, self._readable, sock)

    def _readable(self, sock: socket.socket) -> None:
        while True:
            try:
                frame, address = sock.recvfrom(2048)
            except OSError:
                return
            if address[2] == 4:  # PACKET_OUTGOING: our own
                continue
            answer = self.answer(frame)
            if answer is None or self._chance.random() >= self.answer_share:
                continue
            asyncio.get_running_loop().call_later(self.delay, sock.send, answer)

    def answer(self, frame: bytes) -> bytes | None:
        """The frame that answers ``frame``, if it asks for one of our addresses."""
        ethertype = int.from_bytes(frame[12:14], "big")
        if ethertype == ARP and len(frame) >= 42:
            return self._arp(frame)
        if ethertype == IPV6 and len(frame) >= 78 and self.ipv6:
            return self._neighbour(frame)
        return None

    def _arp(self, frame: bytes) -> bytes | None:
        own = socket.inet_aton(self.ipv4)
        if frame[20:22] != b"\x00\x01" or frame[38:42] != own:
            return None
        asker_mac, asker_ip = frame[22:28], frame[28:32]
        head = asker_mac + self._mac + struct.pack("!H", ARP)
        return head + frame[14:20] + b"\x00\x02" + self._mac + own + asker_mac + asker_ip

    def _neighbour(self, frame: bytes) -> bytes | None:
        own = ipaddress.IPv6Address(self.ipv6).packed
        source = frame[22:38]
        if frame[20] != ICMPV6 or frame[54] != SOLICITATION or frame[62:78] != own:
            return None
        if not any(source):
            # Somebody else's duplicate address detection; answering would take our own from us.
            return None
        flags = 0x60000000  # solicited, override
        body = struct.pack("!BBHI", ADVERTISEMENT, 0, 0, flags) + own + b"\x02\x01" + self._mac
        checksum = _checksum(own + source + struct.pack("!II", len(body), ICMPV6) + body)
        body = body[:2] + struct.pack("!H", checksum) + body[4:]
        packet = struct.pack("!IHBB", 6 << 28, len(body), ICMPV6, 255) + own + source + body
        return frame[6:12] + self._mac + struct.pack("!H", IPV6) + packet


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
