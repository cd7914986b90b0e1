"""What the helper hears: neighbours that show themselves, answers to its questions, others' traffic."""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from probe.collect.packet import protocol as say
from probe.collect.packet.helper import dissect, sockets
from probe.collect.packet.helper.flows import FlowTable
from probe.collect.scope import ScopeGuard

MAX_SEEN = 8192
"""Different sightings told apart. Above it nothing new is reported, and a person is told so."""
REPORT_EVERY_S = 0.5
BATCH = 64
"""Frames read before the other socket gets its turn."""
MAX_CLAIMANTS = 8
"""MACs told of that answer for one address."""

Send = Callable[[say.Report], bool]
"""Takes a report, and says whether there was room for it."""


@dataclass(slots=True)
class Waiting:
    """A ping without an answer so far."""

    mac: str
    address: str
    answered: asyncio.Event
    macs: set[str] = field(default_factory=set)


class Trouble:
    """What the kernel refused, counted, and told to a person once for each text."""

    def __init__(self, interface: str, send: Send) -> None:
        self._interface, self._send = interface, send
        self._warned: set[str] = set()
        self.last, self.times = "", 0

    def met(self, error: OSError) -> None:
        """Sending or receiving failed."""
        self.last = error.strerror or str(error)
        self.times += 1
        self.warn(f"{self._interface}: {self.last}")

    def warn(self, text: str) -> None:
        """Tell a person."""
        if text not in self._warned and self._send(say.Said(level="warning", text=text)):
            self._warned.add(text)


class Ear:
    """One interface, listening. Whoever asks a question leaves here what an answer looks like."""

    def __init__(
        self,
        begin: say.Begin,
        guard: ScopeGuard,
        neighbours: socket.socket,
        others: socket.socket,
        send: Send,
    ) -> None:
        self._begin, self._guard, self._send = begin, guard, send
        self._neighbours, self._others = neighbours, others
        self.trouble = Trouble(begin.interface, send)
        self.silent: set[str] = set()
        """IPv4 addresses that were asked for and have not answered."""
        self.guesses: dict[str, str] = {}
        """``{address made of a MAC: that MAC}``, as they were asked for."""
        self.confirmed: set[str] = set()
        """Those of the guesses that answered."""
        self.pings: list[Waiting] = []
        self.trick: ipaddress.IPv6Network | None = None
        """The prefix that the helper itself advertised."""
        self._flows = FlowTable()
        self._lost = self._told_lost = 0
        self._seen: set[tuple[str, str, str, int]] = set()
        self._payloads: dict[str, int] = {}
        self._buffer = bytearray(1 << 16)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start reading both sockets."""
        loop.add_reader(self._neighbours, self._read_neighbours)
        loop.add_reader(self._others, self._read_others)

    def _read_neighbours(self) -> None:
        for _ in range(BATCH):
            try:
                frame = self._neighbours.recv(say.MAX_FRAME)
            except BlockingIOError:
                return
            except OSError as error:
                self.trouble.met(error)
                return
            self.received(frame, time.time())

    def _read_others(self) -> None:
        for _ in range(BATCH):
            try:
                size = self._others.recv_into(self._buffer, 0, socket.MSG_TRUNC)
            except BlockingIOError:
                return
            except OSError as error:
                self.trouble.met(error)
                return
            kept = bytes(self._buffer[: min(size, len(self._buffer))])
            self._flows.add(kept, size, time.time())

    async def report_traffic(self) -> None:
        """Send flows and counts twice a second, for ever."""
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            lost = sockets.dropped(self._others)
            reports: list[say.Report] = [*self._flows.flows(time.time()), *self._flows.counts()]
            lost += sum(not self._send(report) for report in reports)
            self._lost += lost
            if self._lost != self._told_lost and self._send(say.TrafficLost(frames=self._lost)):
                self._told_lost = self._lost

    def received(self, frame: bytes, at: float) -> None:
        """Take in one frame from the neighbour socket."""
        seen = dissect.sighting(frame)
        if seen is None or seen.mac == self._begin.mac:
            return
        self._answer_pings(seen)
        method, address = seen.method, seen.address
        if method == "na" and self.guesses.get(address) == seen.mac:
            method = "ns-eui64"
            self.confirmed.add(address)
        if address in self.silent and method.startswith("arp"):
            self.silent.discard(address)
        if address and self.trick and ipaddress.ip_address(address) in self.trick:
            method = "ra-dad"
        elif address and not self._guard.on_link(address):
            address = ""
        if method == "ra":
            self._router(frame, seen, at)
        digest = 0
        if method == "dhcp" and self._payloads.get(seen.mac, 0) < 8:
            digest = hash(frame[282:])  # the options; the transaction id always differs
            self._payloads[seen.mac] = self._payloads.get(seen.mac, 0) + 1
        self._tell_once(
            (method, seen.mac, address, digest),
            say.Sighting(
                method=method,
                mac=seen.mac,
                address=address,
                at=at,
                frame=frame[: say.MAX_FRAME],
            ),
        )

    def _tell_once(self, key: tuple[str, str, str, int], report: say.Report) -> None:
        """Send what was not sent before. What found no room is sent when it is seen again."""
        if key in self._seen:
            return
        if len(self._seen) >= MAX_SEEN:
            self.trouble.warn(
                f"more than {MAX_SEEN} different sightings on this link: somebody forges addresses, and "
                "devices that show themselves from now on may not be found"
            )
        elif self._send(report):
            self._seen.add(key)

    def _router(self, frame: bytes, seen: dissect.Seen, at: float) -> None:
        prefixes = dissect.router_prefixes(frame) or ()
        self._tell_once(
            ("router", seen.mac, ",".join(prefixes), 0),
            say.RouterSeen(
                mac=seen.mac,
                address=seen.address,
                prefixes=prefixes,
                at=at,
                frame=frame[: say.MAX_FRAME],
            ),
        )

    def _answer_pings(self, seen: dissect.Seen) -> None:
        if not seen.method.startswith("arp") and seen.method not in {"na", "ns"}:
            return
        for ping in self.pings:
            if ping.address != seen.address:
                continue
            if len(ping.macs) < MAX_CLAIMANTS:
                ping.macs.add(seen.mac)
            if ping.mac in ("", seen.mac):
                ping.answered.set()
