"""A device that can bear little: it dies for good of haste, as small embedded stacks do.

It dies when more than ``MAX_PER_SECOND`` unicast IP packets reach it within any second, or when a
second TCP connection is opened while one is open. Both are judged by the frames on the wire and the
times the kernel put on them, so that a busy machine does not make the device more fragile.
"""

import asyncio
import collections
import fcntl
import json
import os
import socket
import struct
import sys
from pathlib import Path

MAX_PER_SECOND = 40
ETH_P_ALL, PACKET_HOST, PACKET_OUTGOING = 0x0003, 0, 4
SO_TIMESTAMPNS = 35
IPV4, IPV6, TCP = 0x0800, 0x86DD, 6
FIN, SYN, RST, ACK = 1, 2, 4, 16
IFF_UP, SIOCGIFFLAGS, SIOCSIFFLAGS = 1, 0x8913, 0x8914

Peer = tuple[bytes, int]


class Fragile:
    """Watches the frames of ``interface``. ``state`` is a JSON file with counters for a test to read."""

    def __init__(self, interface: str, open_ports: frozenset[int], state: Path | None) -> None:
        self.interface, self.open_ports, self.state = interface, open_ports, state
        self.recent: collections.deque[float] = collections.deque()
        self.connections: dict[Peer, set[str]] = {}
        self.packets = self.peak_packets = self.total_connections = self.peak_connections = 0
        self.died = ""
        self._written = ""

    def watch(self) -> bool:
        """Begin; False when raw sockets are not allowed here, and then it is not fragile."""
        try:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            sock.bind((self.interface, 0))
        except OSError:
            return False
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        asyncio.get_running_loop().add_reader(sock, self._readable, sock)
        return True

    def _readable(self, sock: socket.socket) -> None:
        while True:
            try:
                frame, ancillary, _, address = sock.recvmsg(256, 64)
            except OSError:
                return  # Nothing left, or the interface went down, which is how it dies.
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            self.frame(frame, int(address[2]), seconds + nanoseconds / 1e9)
            if self.died:
                return

    def frame(self, frame: bytes, kind: int, at: float) -> None:
        """Take one frame into account; ``kind`` as in sockaddr_ll, ``at`` in seconds."""
        ethertype = int.from_bytes(frame[12:14], "big")
        if ethertype not in (IPV4, IPV6) or kind not in (PACKET_HOST, PACKET_OUTGOING):
            return
        if kind == PACKET_HOST:
            self.packets += 1
            self.recent.append(at)
            while self.recent[0] <= at - 1.0:
                self.recent.popleft()
            self.peak_packets = max(self.peak_packets, len(self.recent))
        self._tcp(frame[14:], ethertype, incoming=kind == PACKET_HOST)
        if self.peak_packets > MAX_PER_SECOND:
            self.die(f"{self.peak_packets} packets within one second")
        elif self.peak_connections > 1:
            self.die("a second connection was opened")

    def _tcp(self, packet: bytes, ethertype: int, *, incoming: bool) -> None:
        if ethertype == IPV4:
            protocol, start = packet[9], (packet[0] & 15) * 4
            source, target = packet[12:16], packet[16:20]
        else:
            protocol, start, source, target = packet[6], 40, packet[8:24], packet[24:40]
        segment = packet[start : start + 14]
        if protocol != TCP or len(segment) < 14:
            return
        source_port, target_port = struct.unpack("!HH", segment[:4])
        port, peer = (target_port, (source, source_port))
        if not incoming:
            port, peer = (source_port, (target, target_port))
        if port in self.open_ports:
            self._flags(segment[13], peer, incoming=incoming)

    def _flags(self, flags: int, peer: Peer, *, incoming: bool) -> None:
        if incoming and flags & (SYN | ACK) == SYN and peer not in self.connections:
            self.connections[peer] = set()
            self.total_connections += 1
            self.peak_connections = max(self.peak_connections, len(self.connections))
        elif flags & RST:
            self.connections.pop(peer, None)
        elif flags & FIN and peer in self.connections:
            ends = self.connections[peer]
            ends.add("peer" if incoming else "own")
            if len(ends) == 2:
                del self.connections[peer]

    def die(self, reason: str) -> None:
        """Stop answering anything, for good: the interface goes down."""
        self.died = reason
        sys.stderr.write(f"the fragile device died: {reason}\n")
        self.write_state()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            request = struct.pack("16sH14x", self.interface.encode(), 0)
            answer = fcntl.ioctl(sock, SIOCGIFFLAGS, request)
            flags = struct.unpack("16sH14x", answer)[1] & ~IFF_UP
            down = struct.pack("16sH14x", self.interface.encode(), flags)
            fcntl.ioctl(sock, SIOCSIFFLAGS, down)

    def write_state(self) -> None:
        """Bring the counter file up to date, whole at every moment."""
        counters = {
            "alive": not self.died,
            "died_of": self.died,
            "packets": self.packets,
            "peak_packets_per_s": self.peak_packets,
            "connections": self.total_connections,
            "peak_connections": self.peak_connections,
        }
        text = json.dumps(counters)
        if self.state is not None and text != self._written:
            beside = self.state.with_suffix(".new")
            beside.write_text(text)
            os.replace(beside, self.state)
            self._written = text

    async def keep_state(self) -> None:
        """Keep the counter file fresh until cancelled."""
        while True:
            self.write_state()
            await asyncio.sleep(0.3)
