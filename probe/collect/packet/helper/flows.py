"""Plain HTTP conversations between others, as far as the probe's place on the network shows them.

Bytes in, bounded state out. Only flows whose first seen bytes are an HTTP request are followed, and
of those only the heads: enough to see what was asked for and what came, not a wiretap.
"""

import ipaddress
import struct
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from probe.collect.packet.helper.dissect import IPV4, IPV6, mac_text
from probe.collect.packet.protocol import MAX_HEAD, FlowSeen, TrafficSeen

TCP, VLAN = 6, 0x8100
FIN, RST = 0x01, 0x04
METHODS = (b"GET ", b"POST ", b"PUT ", b"HEAD ")
MAX_FLOWS, MAX_MACS, MAX_SEGMENTS = 512, 1024, 64
MAX_OF_ONE = 64
"""Followed at once of one client, so that a busy one does not push out the others."""
IDLE_S = 0.5
"""A flow is reported when it ended, when its heads are full, or after this long without a segment."""
QUIET_S = 30.0
"""A flow without a segment for so long is forgotten: its next request would begin a new one."""

Key = tuple[bytes, int, bytes, int]


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment."""

    key: Key
    sequence: int
    acknowledged: int
    flags: int
    payload: bytes


@dataclass(slots=True)
class Half:
    """One direction: the segments of its first bytes, and how far it is known to reach."""

    base: int
    parts: dict[int, bytes] = field(default_factory=dict)
    total: int = 0

    def add(self, sequence: int, payload: bytes, size: int) -> bool:
        """Take in a segment of ``size`` bytes; says whether it brought bytes of the head."""
        offset = (sequence - self.base) & 0xFFFFFFFF
        if offset >= 1 << 31 or not payload:
            return False  # from before the request that was first seen
        self.total = max(self.total, offset + size)
        known = self.parts.get(offset, b"")
        if offset >= MAX_HEAD or len(known) >= len(payload) or len(self.parts) >= MAX_SEGMENTS:
            return False
        self.parts[offset] = payload[: MAX_HEAD - offset]
        return True

    def head(self) -> bytes:
        """The bytes from the start up to the first gap."""
        found = bytearray()
        for offset in sorted(self.parts):
            if offset > len(found):
                break
            found[offset:] = self.parts[offset] + found[offset + len(self.parts[offset]) :]
        return bytes(found[:MAX_HEAD])


@dataclass(slots=True)
class Flow:
    number: int
    at: float
    client_mac: str
    server_mac: str
    key: Key
    up: Half
    down: Half
    last: float
    ended: bool = False
    changed: bool = True

    @property
    def full(self) -> bool:
        return self.up.total >= MAX_HEAD and self.down.total >= MAX_HEAD

    def answered_before(self, segment: Segment) -> bool:
        """Whether the client acknowledges an answer to what it asked, and says something new."""
        new = (segment.sequence - self.up.base) & 0xFFFFFFFF
        acknowledged = (segment.acknowledged - self.down.base) & 0xFFFFFFFF
        return self.up.total <= new < 1 << 31 and 0 < acknowledged < 1 << 31

    def report(self) -> FlowSeen:
        client, client_port, server, server_port = self.key
        return FlowSeen(
            number=self.number,
            at=self.at,
            client_mac=self.client_mac,
            server_mac=self.server_mac,
            client=str(ipaddress.ip_address(client)),
            client_port=client_port,
            server=str(ipaddress.ip_address(server)),
            server_port=server_port,
            up=self.up.head(),
            down=self.down.head(),
            up_total=self.up.total,
            down_total=self.down.total,
            ended=self.ended,
        )


class FlowTable:
    """Every flow followed now, and the counts of everybody's frames."""

    def __init__(self) -> None:
        self._flows: OrderedDict[Key, Flow] = OrderedDict()
        self._counts: dict[str, list[int]] = {}
        self._dirty: set[str] = set()
        self._number = 0
        self._over: list[Flow] = []
        """No longer followed, and still to be reported."""
        self._of: dict[str, int] = {}
        """How many flows of each client are followed."""
        self._unread: dict[str, int] = {}

    def add(self, frame: bytes, size: int, at: float) -> None:
        """A unicast frame between others; ``size`` is its true length, ``frame`` may be cut."""
        if len(frame) < 14:
            return
        self._count(mac_text(frame[6:12]), 0, size)
        self._count(mac_text(frame[0:6]), 2, size)
        segment = tcp_segment(frame)
        if segment is not None:
            self._follow(frame, segment, size - len(frame), at)

    def flows(self, now: float) -> Iterator[FlowSeen]:
        """Reports that are due; a flow that ended is forgotten after its report."""
        for flow in list(self._flows.values()):
            if flow.ended or now - flow.last >= QUIET_S:
                self._forget(flow)
            elif flow.changed and (flow.full or now - flow.last >= IDLE_S):
                flow.changed = False
                yield flow.report()
        over, self._over = self._over, []
        yield from (flow.report() for flow in over if flow.changed)

    def counts(self) -> Iterator[TrafficSeen]:
        """The counts that changed since the last call."""
        for mac in sorted(self._dirty):
            out, out_bytes, into, into_bytes = self._counts.get(mac, (0, 0, 0, 0))
            yield TrafficSeen(
                mac=mac,
                frames_out=out,
                bytes_out=out_bytes,
                frames_in=into,
                bytes_in=into_bytes,
                unread=self._unread.get(mac, 0),
            )
        self._dirty.clear()

    def _count(self, mac: str, column: int, size: int) -> None:
        if mac not in self._counts and len(self._counts) >= MAX_MACS:
            return
        row = self._counts.setdefault(mac, [0, 0, 0, 0])
        row[column] += 1
        row[column + 1] += size
        self._dirty.add(mac)

    def _follow(self, frame: bytes, segment: Segment, cut: int, at: float) -> None:
        key = segment.key
        flow = self._flows.get(key)
        upward = flow is not None
        if flow is None:
            flow = self._flows.get((key[2], key[3], key[0], key[1]))
        begins = segment.payload.startswith(METHODS)
        if flow is not None and upward and begins and flow.answered_before(segment):
            # The next request on a kept connection: its head is wanted as much as the first one's.
            self._forget(flow)
            flow = None
        if flow is None:
            if not begins:
                return
            flow, upward = self._open(frame, segment, at), True
        half = flow.up if upward else flow.down
        flow.last = at
        size = len(segment.payload) + max(0, cut)
        before = half.total
        if half.add(segment.sequence, segment.payload, size) or half.total != before:
            flow.changed = True
        if segment.flags & (FIN | RST) and not flow.ended:
            flow.ended = flow.changed = True

    def _open(self, frame: bytes, segment: Segment, at: float) -> Flow:
        self._number += 1
        flow = Flow(
            number=self._number,
            at=at,
            client_mac=mac_text(frame[6:12]),
            server_mac=mac_text(frame[0:6]),
            key=segment.key,
            up=Half(segment.sequence),
            # The server's next byte is the one that the client has acknowledged so far.
            down=Half(segment.acknowledged),
            last=at,
        )
        while self._of.get(flow.client_mac, 0) >= MAX_OF_ONE:
            self._push_out(flow.client_mac)
        while len(self._flows) >= MAX_FLOWS:
            self._push_out(max(self._of, key=lambda mac: self._of[mac]))
        self._flows[segment.key] = flow
        self._of[flow.client_mac] = self._of.get(flow.client_mac, 0) + 1
        return flow

    def _push_out(self, mac: str) -> None:
        """Make room at the cost of the client ``mac``, and say so."""
        mine = (flow for flow in self._flows.values() if flow.client_mac == mac)
        flow = min(mine, key=lambda f: (not f.ended, f.last))
        if not flow.ended:
            self._unread[mac] = self._unread.get(mac, 0) + 1
            self._dirty.add(mac)
        self._forget(flow)

    def _forget(self, flow: Flow) -> None:
        del self._flows[flow.key]
        left = self._of[flow.client_mac] - 1
        if left:
            self._of[flow.client_mac] = left
        else:
            del self._of[flow.client_mac]
        if len(self._over) < MAX_FLOWS:
            self._over.append(flow)
        else:
            self._unread[flow.client_mac] = self._unread.get(flow.client_mac, 0) + 1
            self._dirty.add(flow.client_mac)


def tcp_segment(frame: bytes) -> Segment | None:
    """The unfragmented TCP segment in an Ethernet frame, or None for anything else."""
    if len(frame) < 14:
        return None
    (kind,), offset = struct.unpack_from("!H", frame, 12), 14
    if kind == VLAN and len(frame) >= 18:
        (kind,), offset = struct.unpack_from("!H", frame, 16), 18
    packet = frame[offset:]
    if kind == IPV4 and len(packet) >= 20:
        header, protocol = (packet[0] & 15) * 4, packet[9]
        (fragment,), (size,) = (
            struct.unpack_from("!H", packet, 6),
            struct.unpack_from("!H", packet, 2),
        )
        source, destination = packet[12:16], packet[16:20]
        if fragment & 0x3FFF or header < 20:
            return None
    elif kind == IPV6 and len(packet) >= 40:
        header, protocol = 40, packet[6]
        size = 40 + struct.unpack_from("!H", packet, 4)[0]
        source, destination = packet[8:24], packet[24:40]
    else:
        return None
    # Receive offload may merge segments above 65,535 bytes and leave the length zero.
    tcp = packet[header:size] if size > header else packet[header:]
    if protocol != TCP or len(tcp) < 20:
        return None
    source_port, destination_port, sequence, acknowledged = struct.unpack_from("!HHII", tcp)
    start = (tcp[12] >> 4) * 4
    if start < 20:
        return None
    return Segment(
        (source, source_port, destination, destination_port),
        sequence,
        acknowledged,
        tcp[13],
        tcp[start:],
    )
