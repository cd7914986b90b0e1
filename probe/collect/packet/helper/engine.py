"""What the helper does: sweeps, pings and listening, all over one pair of sockets."""

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from probe.collect.answers import OutOfScope
from probe.collect.packet import lines
from probe.collect.packet import protocol as say
from probe.collect.packet.eui64 import eui64_address
from probe.collect.packet.helper import build, dissect, sockets
from probe.collect.packet.helper.flows import FlowTable
from probe.collect.scope import ScopeGuard
from probe.model.run import Scope

MAX_SEEN = 8192
"""Different sightings told apart. Above it nothing new is reported, and a person is told so."""
REPORT_EVERY_S = 0.5
BATCH = 64
"""Frames read before the other socket gets its turn."""
NS_TRIES, ECHO_TRIES = 4, 2
NS_GAP_S = 0.2
MAX_CLAIMANTS = 8
"""MACs told of that answer for one address."""


class Pacer:
    """Frames leave at most ``rate`` a second, evenly, whoever sends them."""

    def __init__(self, rate: float) -> None:
        self._gap, self._next_at = 1.0 / rate, 0.0

    async def turn(self, rate: float | None = None) -> None:
        now = time.monotonic()
        gap = max(self._gap, 1.0 / rate) if rate else self._gap
        # Timers are good to a millisecond or two; the schedule may lag that far, not further.
        at = max(self._next_at, now - 0.004)
        self._next_at = at + gap
        if at > now:
            await asyncio.sleep(at - now)


@dataclass(slots=True)
class Waiting:
    """A ping without an answer so far."""

    mac: str
    address: str
    answered: asyncio.Event
    macs: set[str] = field(default_factory=set)


class Engine:
    """One interface. ``send`` is given the reports, and says whether there was room for each."""

    def __init__(
        self,
        begin: say.Begin,
        neighbours: socket.socket,
        others: socket.socket,
        send: Callable[[say.Report], bool],
    ) -> None:
        self._begin, self._send = begin, send
        self._neighbours, self._others = neighbours, others
        scope = Scope(interface=begin.interface, networks=begin.networks, targets=begin.targets)
        self.guard = ScopeGuard(scope)
        self._pacer = Pacer(say.MAX_RATE)
        self._flows = FlowTable()
        self._lost = self._told_lost = 0
        self._seen: set[tuple[str, str, str, int]] = set()
        self._payloads: dict[str, int] = {}
        self._silent: set[str] = set()
        self._guesses: dict[str, str] = {}
        self._confirmed: set[str] = set()
        self._pings: list[Waiting] = []
        self._trick: ipaddress.IPv6Network | None = None
        self._buffer = bytearray(1 << 16)
        own6 = [ipaddress.IPv6Interface(a) for a in begin.ipv6]
        local = [str(i.ip) for i in own6 if i.ip.is_link_local]
        # Without an IPv6 address of its own the probe still may ask on the link.
        self._link_local = local[0] if local else eui64_address("fe80::/64", begin.mac)
        self._globals = {i.network: str(i.ip) for i in own6 if not i.ip.is_link_local}
        self._own4 = [ipaddress.IPv4Interface(a) for a in begin.ipv4]
        self._problem, self._problems = "", 0
        """The last trouble in sending or receiving, and how often there was any."""
        self._warned: set[str] = set()

    # --- receiving ---------------------------------------------------------------------------

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
                self._trouble(error)
                return
            self.received(frame, time.time())

    def _read_others(self) -> None:
        for _ in range(BATCH):
            try:
                size = self._others.recv_into(self._buffer, 0, socket.MSG_TRUNC)
            except BlockingIOError:
                return
            except OSError as error:
                self._trouble(error)
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
        if method == "na" and self._guesses.get(address) == seen.mac:
            method = "ns-eui64"
            self._confirmed.add(address)
        if address in self._silent and method.startswith("arp"):
            self._silent.discard(address)
        if address and self._trick and ipaddress.ip_address(address) in self._trick:
            method = "ra-dad"
        elif address and not self.guard.on_link(address):
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
            self._warn(
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
        for ping in self._pings:
            if ping.address != seen.address:
                continue
            if len(ping.macs) < MAX_CLAIMANTS:
                ping.macs.add(seen.mac)
            if ping.mac in ("", seen.mac):
                ping.answered.set()

    # --- sending -----------------------------------------------------------------------------

    async def _out(self, frame: bytes, rate: float | None = None) -> bool:
        await self._pacer.turn(rate)
        for attempt in range(3):
            try:
                self._neighbours.send(frame)
                return True
            except (BlockingIOError, OSError) as error:
                if error.errno not in (errno.ENOBUFS, errno.EAGAIN) or attempt == 2:
                    self._trouble(error)
                    return False
                await asyncio.sleep(0.02)
        return False

    def _trouble(self, error: OSError) -> None:
        self._problem = error.strerror or str(error)
        self._problems += 1
        self._warn(f"{self._begin.interface}: {self._problem}")

    def _warn(self, text: str) -> None:
        """Tell a person, once for each text."""
        if text not in self._warned and self._send(say.Said(level="warning", text=text)):
            self._warned.add(text)

    def _source4(self, target: str) -> str:
        ip = ipaddress.IPv4Address(target)
        return next((str(i.ip) for i in self._own4 if ip in i.network), "0.0.0.0")  # noqa: S104

    def _source6(self, target: str) -> str:
        ip = ipaddress.IPv6Address(target)
        return next((own for net, own in self._globals.items() if ip in net), self._link_local)

    # --- commands ----------------------------------------------------------------------------

    async def obey(self, command: say.Command) -> None:
        """Do one command; its last report is Done or Answered."""
        began, sent, silent = time.monotonic(), 0, 0
        problems = self._problems
        match command:
            case say.Begin():
                raise lines.ProtocolFault("Begin twice")
            case say.Admit():
                self.guard.admit_same_device(command.known, command.learned)
                return
            case say.Ping():
                self._send(await self._ping(command))
                return
            case say.ArpSweep():
                sent, silent = await self._arp_sweep(command)
            case say.Ipv6Sweep():
                sent = await self._ipv6_sweep(command)
            case say.Advertise():
                sent = await self._advertise(command)
            case say.DhcpInform():
                sent = await self._dhcp_inform(command)
        seconds = round(time.monotonic() - began, 3)
        # Several commands go on at once: trouble of any of them is told to all that it may concern.
        problem = self._problem if self._problems > problems else ""
        self._send(
            say.Done(id=command.id, sent=sent, silent=silent, seconds=seconds, problem=problem)
        )

    async def _arp_sweep(self, sweep: say.ArpSweep) -> tuple[int, int]:
        for target in sweep.targets:
            self.guard.check(target)
        own = {str(i.ip) for i in self._own4}
        targets = [t for t in sweep.targets if t not in own]
        self._silent = set(targets)
        templates: dict[str, bytes] = {}
        sent = 0
        for _ in range(sweep.rounds):
            round_ends = time.monotonic() + sweep.gap_s
            for target in targets:
                # Late answers count: an address may fall silent or speak up at any time.
                if target not in self._silent:
                    continue
                source = self._source4(target)
                if source not in templates:
                    templates[source] = build.arp_request(self._begin.mac, source, target)
                sent += await self._out(build.retarget(templates[source], target), sweep.rate)
            await asyncio.sleep(max(0.0, round_ends - time.monotonic()))
            if not self._silent:
                break
        await asyncio.sleep(sweep.gap_s if self._silent else 0)
        return sent, len(self._silent)

    async def _ipv6_sweep(self, sweep: say.Ipv6Sweep) -> int:
        sent, mac = 0, self._begin.mac
        frames: list[bytes] = []
        if "mld" in sweep.methods:
            frames.append(build.mld_query(mac, self._link_local))
        if "echo" in sweep.methods:
            sources = [self._link_local, *self._globals.values()]
            frames += [build.echo_all(mac, s) for s in sources] * ECHO_TRIES
        for frame in frames:
            sent += await self._out(frame)
        if "ns" in sweep.methods:
            guesses = self._eui64_guesses(sweep.macs, sweep.prefixes)
            self._guesses |= guesses
            for _ in range(NS_TRIES):
                for guess in guesses:
                    if guess not in self._confirmed:
                        frame = build.solicitation(mac, self._source6(guess), guess)
                        sent += await self._out(frame)
                await asyncio.sleep(NS_GAP_S)
                if self._confirmed.issuperset(guesses):
                    break
        await asyncio.sleep(sweep.wait_s)
        return sent

    def _eui64_guesses(self, macs: Iterable[str], prefixes: Iterable[str]) -> dict[str, str]:
        found = {}
        for prefix in ("fe80::/64", *prefixes):
            for mac in macs:
                guess = eui64_address(prefix, mac)
                if mac != self._begin.mac and self.guard.on_link(guess):
                    found[guess] = mac
        return found

    async def _advertise(self, command: say.Advertise) -> int:
        self._trick = ipaddress.IPv6Network(command.prefix)
        mac, source = self._begin.mac, self._link_local
        frame = build.advertisement(mac, source, command.prefix, valid=60, preferred=30)
        sent = int(await self._out(frame))
        await asyncio.sleep(command.wait_s)
        # Take it back. RFC 4862 section 5.5.3 e keeps what remains of the 60 s, which is the bound.
        frame = build.advertisement(mac, source, command.prefix, valid=0, preferred=0)
        return sent + int(await self._out(frame))

    async def _dhcp_inform(self, command: say.DhcpInform) -> int:
        if command.address:
            self.guard.check(command.address)
        if not self._own4:
            return 0  # an answer needs somewhere to go
        own = str(self._own4[0].ip)
        source = self._source4(command.address) if command.address else own
        frame = build.dhcp_inform(
            self._begin.mac,
            own if source == "0.0.0.0" else source,  # noqa: S104
            command.mac or build.BROADCAST,
            command.address or "255.255.255.255",
            os.urandom(4),
        )
        sent = int(await self._out(frame))
        await asyncio.sleep(command.wait_s)
        return sent

    async def _ping(self, ping: say.Ping) -> say.Answered:
        if not self.guard.on_link(ping.address):
            return say.Answered(id=ping.id, alive=None, macs=())
        # An address that is not admitted is only asked for on the link, never addressed.
        directly = ping.mac if self.guard.allows(ping.address) else ""
        waiting = Waiting(ping.mac, ping.address, asyncio.Event())
        self._pings.append(waiting)
        tried = False
        try:
            # First to the device alone, as RFC 1122 section 2.3.2.1 polls; then to everybody.
            for to in (directly, directly, ""):
                tried = await self._out(self._question(ping.address, to)) or tried
                if ping.everybody:
                    await asyncio.sleep(ping.within_s / 3)
                    continue
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(waiting.answered.wait(), ping.within_s / 3)
                    break
        finally:
            self._pings.remove(waiting)
        alive = waiting.answered.is_set() or (False if tried else None)
        return say.Answered(id=ping.id, alive=alive, macs=tuple(sorted(waiting.macs)))

    def _question(self, address: str, to: str) -> bytes:
        if ":" in address:
            return build.solicitation(self._begin.mac, self._source6(address), address, to)
        source = self._source4(address)
        return build.arp_request(self._begin.mac, source, address, to or build.BROADCAST)


def refusal(error: Exception) -> str:
    """Why a command was not done, in one line."""
    return error.what if isinstance(error, OutOfScope) else f"{type(error).__name__}: {error}"
