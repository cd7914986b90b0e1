"""What the helper does: sweeps and pings; what comes back is for the ear."""

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import time
from collections.abc import Iterable

from probe.collect.answers import OutOfScope
from probe.collect.packet import lines
from probe.collect.packet import protocol as say
from probe.collect.packet.eui64 import eui64_address
from probe.collect.packet.helper import build
from probe.collect.packet.helper.ear import Ear, Send, Waiting
from probe.collect.scope import ScopeGuard
from probe.model.run import Scope

NS_TRIES, ECHO_TRIES = 4, 2
NS_GAP_S = 0.2


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


class Engine:
    """One interface. ``send`` is given the reports, and says whether there was room for each."""

    def __init__(
        self,
        begin: say.Begin,
        neighbours: socket.socket,
        others: socket.socket,
        send: Send,
    ) -> None:
        self._begin, self._send = begin, send
        self._neighbours = neighbours
        scope = Scope(interface=begin.interface, networks=begin.networks, targets=begin.targets)
        self.guard = ScopeGuard(scope)
        self.ear = Ear(begin, self.guard, neighbours, others, send)
        self._pacer = Pacer(say.MAX_RATE)
        own6 = [ipaddress.IPv6Interface(a) for a in begin.ipv6]
        local = [str(i.ip) for i in own6 if i.ip.is_link_local]
        # Without an IPv6 address of its own the probe still may ask on the link.
        self._link_local = local[0] if local else eui64_address("fe80::/64", begin.mac)
        self._globals = {i.network: str(i.ip) for i in own6 if not i.ip.is_link_local}
        self._own4 = [ipaddress.IPv4Interface(a) for a in begin.ipv4]

    # --- sending -----------------------------------------------------------------------------

    async def _out(self, frame: bytes, rate: float | None = None) -> bool:
        await self._pacer.turn(rate)
        for attempt in range(3):
            try:
                self._neighbours.send(frame)
                return True
            except (BlockingIOError, OSError) as error:
                if error.errno not in (errno.ENOBUFS, errno.EAGAIN) or attempt == 2:
                    self.ear.trouble.met(error)
                    return False
                await asyncio.sleep(0.02)
        return False

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
        troubles = self.ear.trouble.times
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
        trouble = self.ear.trouble
        problem = trouble.last if trouble.times > troubles else ""
        self._send(
            say.Done(id=command.id, sent=sent, silent=silent, seconds=seconds, problem=problem)
        )

    async def _arp_sweep(self, sweep: say.ArpSweep) -> tuple[int, int]:
        for target in sweep.targets:
            self.guard.check(target)
        own = {str(i.ip) for i in self._own4}
        targets = [t for t in sweep.targets if t not in own]
        self.ear.silent = set(targets)
        templates: dict[str, bytes] = {}
        sent = 0
        for _ in range(sweep.rounds):
            round_ends = time.monotonic() + sweep.gap_s
            for target in targets:
                # Late answers count: an address may fall silent or speak up at any time.
                if target not in self.ear.silent:
                    continue
                source = self._source4(target)
                if source not in templates:
                    templates[source] = build.arp_request(self._begin.mac, source, target)
                sent += await self._out(build.retarget(templates[source], target), sweep.rate)
            await asyncio.sleep(max(0.0, round_ends - time.monotonic()))
            if not self.ear.silent:
                break
        await asyncio.sleep(sweep.gap_s if self.ear.silent else 0)
        return sent, len(self.ear.silent)

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
            self.ear.guesses |= guesses
            for _ in range(NS_TRIES):
                for guess in guesses:
                    if guess not in self.ear.confirmed:
                        frame = build.solicitation(mac, self._source6(guess), guess)
                        sent += await self._out(frame)
                await asyncio.sleep(NS_GAP_S)
                if self.ear.confirmed.issuperset(guesses):
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
        self.ear.trick = ipaddress.IPv6Network(command.prefix)
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
        self.ear.pings.append(waiting)
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
            self.ear.pings.remove(waiting)
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
