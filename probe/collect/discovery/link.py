"""The link that discovery works on: the interface, what may be spoken to, and how gently."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from probe.collect.gate import Gate, never
from probe.collect.packet import netlink
from probe.collect.packet.client import PacketClient
from probe.collect.packet.interface import InterfaceFacts, interface_facts, interface_names
from probe.collect.scope import ScopeGuard
from probe.model.finding import Owner

__all__ = ["InterfaceFacts", "LinkSession", "interface_facts", "interface_names"]

PACKETS_PER_S = 100.0
"""Datagrams of discovery itself, over all devices. A device sees a few of them."""


def _no_note(text: str, owner: Owner) -> None:
    del text, owner


@dataclass(slots=True)
class LinkSession:
    """Discovery's way to the network, as a DeviceSession is a collector's."""

    facts: InterfaceFacts
    guard: ScopeGuard
    client: PacketClient | None = None
    note: Callable[[str, Owner], None] = _no_note
    """What a person should read: a conflict of addresses, a router outside the scope."""
    clock: Callable[[], float] = time.time
    gate: Gate = field(default_factory=Gate)
    """Closed while the run is paused: discovery sends nothing then."""
    disturbed: Callable[[float], bool] = never
    """Whether the probe's own link was down at any time since a moment (monotonic)."""
    sent: int = 0
    _next_at: float = field(default=0.0, repr=False)

    @classmethod
    def open(
        cls,
        guard: ScopeGuard,
        client: PacketClient | None,
        note: Callable[[str, Owner], None] = _no_note,
        *,
        gate: Gate | None = None,
        disturbed: Callable[[float], bool] = never,
    ) -> "LinkSession":
        """The link of the scope's interface. Raises ProbeError when there is none of that name."""
        facts = interface_facts(guard.scope.interface)
        return cls(facts, guard, client, note, gate=gate or Gate(), disturbed=disturbed)

    @property
    def raw(self) -> PacketClient | None:
        """The packet client while its helper works and the gate is open."""
        usable = self.client is not None and self.client.available and not self.gate.closed
        return self.client if usable else None

    async def pace(self) -> None:
        """Wait until the next datagram may leave."""
        await self.gate.passed()
        now = time.monotonic()
        at = max(self._next_at, now)
        self._next_at = at + 1 / PACKETS_PER_S
        self.sent += 1
        if at > now:
            await asyncio.sleep(at - now)
            await self.gate.passed()

    def admit(self, known: tuple[str, ...], learned: str) -> bool:
        """Whether ``learned`` is in scope, by itself or as an address of a device in scope."""
        allowed = self.guard.allows(learned)
        if not allowed and self.guard.admit_same_device(known, learned):
            allowed = True
            if self.client is not None:
                self.client.admit(known, learned)
        return allowed

    def neighbours(self) -> dict[str, str]:
        """``{address: MAC}`` from the kernel's table; empty when it cannot be read."""
        try:
            rows = netlink.neighbours(self.facts.index)
        except OSError:
            return {}
        return {row.address: row.mac for row in rows}

    def udp_socket(self, family: socket.AddressFamily, port: int = 0) -> socket.socket:
        """A non-blocking socket tied to the interface, multicast too. Raises OSError."""
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            name = self.facts.name.encode()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name)
            index = self.facts.index
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
                sock.bind(("::", port))
            else:
                request = struct.pack("@4s4si", bytes(4), bytes(4), index)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
                sock.bind(("", port))
        except BaseException:
            sock.close()
            raise
        return sock

    def join(self, sock: socket.socket, group: str) -> None:
        """Join a multicast group on this interface only. Raises OSError."""
        index = self.facts.index
        if ":" in group:
            request = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
        else:
            request = socket.inet_aton(group) + struct.pack("@4si", bytes(4), index)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
