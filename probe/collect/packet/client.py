"""The main process's side of the packet helper. Without a helper every answer is "unknown"."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from probe.collect.packet import lines
from probe.collect.packet import protocol as say
from probe.collect.packet.interface import InterfaceFacts, interface_facts
from probe.model.finding import Owner
from probe.model.run import Scope
from probe.model.text import clean

HELPER = "probe.collect.packet.helper"
ROOT = Path(__file__).parents[3]
"""Where the package ``probe`` lies, so that the helper finds it however the probe was started."""
START_S = 15.0
MAX_KEPT = 8192
"""Sightings kept for a listener that subscribes late."""
MAX_FLOWS, MAX_FLOWS_OF_ONE = 2048, 256
"""Conversations kept of all devices and of one, by MAC."""
MAX_ROUTERS = 64

Note = Callable[[str, Owner], None]
"""Text for a person, whose doing it is."""
Listener = Callable[[say.Sighting | say.RouterSeen], None]


class PacketClient:
    """One helper on one interface. Made by ``start``; ``available`` says whether it works."""

    def __init__(self, facts: InterfaceFacts, on_note: Note) -> None:
        self.facts = facts
        self.available = False
        self.privileges = ""
        self.flows: dict[int, say.FlowSeen] = {}
        self.traffic: dict[str, say.TrafficSeen] = {}
        self.flows_dropped: dict[str, set[int]] = {}
        """``{MAC: numbers}`` of conversations that there was no room for."""
        self.traffic_lost = 0
        """Frames between others that nobody looked at, whoever's they were."""
        self._flows_of: dict[str, int] = {}
        self.routers: list[say.RouterSeen] = []
        self.pid: int | None = None
        self._note = on_note
        self._heard: list[say.Sighting | say.RouterSeen] = []
        self._listeners: list[Listener] = []
        self._waiting: dict[int, asyncio.Future[say.Done | say.Answered | None]] = {}
        self._number = 0
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()
        self._told = self._closing = False
        self._last_words = bytearray()

    @classmethod
    async def start(cls, interface: str, scope: Scope, *, on_note: Note) -> "PacketClient":
        """Start the helper; always returns a client, which says once why it cannot work.

        Raises ProbeError only for a wrong interface name.
        """
        client = cls(interface_facts(interface), on_note)
        if client.facts.loopback:
            client._give_up(
                "loopback has no neighbours, so nothing is discovered on it; only the targets "
                "that were named are tested",
                Owner.OPERATOR,
                "Choose the interface of the test network to have devices found.",
            )
            return client
        await client._launch(scope)
        return client

    # --- listening ---------------------------------------------------------------------------

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear every sighting, those made so far included; returns how to stop hearing."""
        for heard in list(self._heard):
            listener(heard)
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # --- questions ---------------------------------------------------------------------------

    async def arp_sweep(
        self, targets: Iterable[str], *, rounds: int = 6, gap_s: float = 0.5, rate: int = 500
    ) -> say.Done | None:
        """Ask for IPv4 addresses, in each round those still silent. None when there is no helper."""
        command = say.ArpSweep(
            id=self._next(), targets=tuple(targets), rounds=rounds, gap_s=gap_s, rate=rate
        )
        longest = rounds * (gap_s + len(command.targets) / rate)
        return await self._done(command, command.id, longest + 5)

    async def ipv6_sweep(
        self,
        methods: Iterable[str],
        *,
        macs: Iterable[str] = (),
        prefixes: Iterable[str] = (),
        wait_s: float = 1.0,
    ) -> say.Done | None:
        """``echo``, ``mld``, and ``ns`` to the EUI-64 guess of each MAC on each /64 prefix."""
        command = say.Ipv6Sweep(
            id=self._next(),
            methods=tuple(methods),
            macs=tuple(macs),
            prefixes=tuple(prefixes),
            wait_s=wait_s,
        )
        frames = 10 + 2 * len(command.macs) * (1 + len(command.prefixes))
        return await self._done(command, command.id, frames / say.MAX_RATE + wait_s + 10)

    async def advertise(self, prefix: str, *, wait_s: float = 4.0) -> say.Done | None:
        """The router advertisement trick. It changes the network: only on the operator's request."""
        command = say.Advertise(id=self._next(), prefix=prefix, wait_s=wait_s)
        return await self._done(command, command.id, wait_s + 5)

    async def dhcp_inform(
        self, address: str = "", mac: str = "", *, wait_s: float = 1.5
    ) -> say.Done | None:
        """Ask one neighbour, or the whole link, for a DHCP server; it shows as a sighting."""
        command = say.DhcpInform(id=self._next(), address=address, mac=mac, wait_s=wait_s)
        return await self._done(command, command.id, wait_s + 5)

    async def alive(self, mac: str | None, address: str, within: float = 1.5) -> bool | None:
        """Whether the neighbour answers ARP or NS for ``address``, asked three times ``within`` s.

        None when that cannot be known: no helper, or an address that is not on this link.
        """
        answer = await self._ping(mac or "", address, within, everybody=False)
        return answer.alive if answer is not None else None

    async def holders(self, address: str, within: float = 1.0) -> frozenset[str] | None:
        """Every MAC that answers for ``address`` when the whole link is asked. None: cannot be known."""
        answer = await self._ping("", address, within, everybody=True)
        return None if answer is None or answer.alive is None else frozenset(answer.macs)

    async def _ping(
        self, mac: str, address: str, within: float, *, everybody: bool
    ) -> say.Answered | None:
        command = say.Ping(
            id=self._next(),
            mac=mac,
            address=address,
            within_s=min(60.0, max(0.05, within)),
            everybody=everybody,
        )
        answer = await self._ask(command, command.id, within + 3)
        return answer if isinstance(answer, say.Answered) else None

    def admit(self, known: tuple[str, ...], learned: str) -> None:
        """Tell the helper of a further address of a device, as the scope guard admitted it."""
        self._send(say.Admit(known=known, learned=learned))

    async def close(self) -> None:
        """End the helper by closing its stdin; kill it when it does not listen."""
        self._closing = True
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 2.0)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                process.kill()
        for work in list(self._tasks):
            work.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._ended()

    # --- the process -------------------------------------------------------------------------

    async def _launch(self, scope: Scope) -> None:
        facts = self.facts
        environment = {k: v for k, v in os.environ.items() if k in ("PATH", "SUDO_UID", "SUDO_GID")}
        environment |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", HELPER),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                limit=lines.MAX_LINE,
                start_new_session=True,
            )
        except OSError as error:
            self._give_up(
                f"the packet helper could not be started: {error.strerror or error}",
                Owner.ENVIRONMENT,
                "Check memory and process limits of this machine.",
            )
            return
        self.pid = self._process.pid
        self.available = True  # so that the first line is written; Ready confirms it
        for work in (self._read(), self._listen_to_stderr()):
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._send(
            say.Begin(
                interface=facts.name,
                index=facts.index,
                mac=facts.mac,
                ipv4=tuple(map(str, facts.ipv4)),
                ipv6=tuple(map(str, facts.ipv6)),
                networks=scope.networks,
                targets=scope.targets,
            )
        )
        try:
            await asyncio.wait_for(self._ready.wait(), START_S)
        except TimeoutError:
            self._give_up(
                f"the packet helper did not get ready within {START_S:.0f} s",
                Owner.ENVIRONMENT,
                "The machine may be overloaded; try again.",
            )
            await self.close()

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                self._take(lines.decode_report(line))
        except (lines.ProtocolFault, ValueError) as error:
            self._give_up(
                f"the packet helper sent what is no report ({clean(str(error), 80)})",
                Owner.TOOL,
                "This is a defect of the probe; please report it.",
            )
            with contextlib.suppress(ProcessLookupError, PermissionError):
                self._process.kill()
        code = await self._process.wait()
        if not self._closing:
            words = clean(bytes(self._last_words[-300:]), 200)
            self._give_up(
                f"the packet helper ended (exit code {code}{': ' + words if words else ''})",
                Owner.ENVIRONMENT if code < 0 else Owner.TOOL,
                "The run goes on without raw packets; start it again to have them.",
            )
        self._ended()

    async def _listen_to_stderr(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(4096):
            self._last_words += chunk
            del self._last_words[:-2048]

    def _take(self, report: say.Report) -> None:
        match report:
            case say.Ready():
                self.privileges = report.privileges
                self._ready.set()
            case say.Refused():
                self._closing = True
                self._give_up(clean(report.reason), Owner(report.owner), clean(report.next_step))
            case say.Said():
                self._note(clean(report.text), Owner.ENVIRONMENT)
            case say.Done() | say.Answered():
                waiting = self._waiting.pop(report.id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(report)
            case _:
                self._heard_of(report)

    def _heard_of(
        self,
        report: say.Sighting | say.RouterSeen | say.FlowSeen | say.TrafficSeen | say.TrafficLost,
    ) -> None:
        if isinstance(report, say.FlowSeen):
            self._flow(report)
            return
        if isinstance(report, say.TrafficSeen):
            self.traffic[report.mac] = report
            return
        if isinstance(report, say.TrafficLost):
            self.traffic_lost = report.frames
            return
        if isinstance(report, say.RouterSeen) and len(self.routers) < MAX_ROUTERS:
            self.routers.append(report)
        if len(self._heard) < MAX_KEPT:
            self._heard.append(report)
        for listener in list(self._listeners):
            listener(report)

    def _flow(self, report: say.FlowSeen) -> None:
        mac = report.client_mac
        if report.number not in self.flows:
            number = self._flows_of.get(mac, 0)
            if number >= MAX_FLOWS_OF_ONE or len(self.flows) >= MAX_FLOWS:
                dropped = self.flows_dropped.setdefault(mac, set())
                if len(dropped) < MAX_FLOWS:
                    dropped.add(report.number)
                return
            self._flows_of[mac] = number + 1
        self.flows[report.number] = report

    def _give_up(self, reason: str, owner: Owner, step: str) -> None:
        self.available = False
        if not self._told:
            self._told = True
            self._note(f"{reason}. {step}", owner)
        self._ended()

    def _ended(self) -> None:
        self.available = False
        self._ready.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _send(self, command: say.Command) -> bool:
        process = self._process
        if not self.available or process is None or process.stdin is None:
            return False
        if process.stdin.is_closing():
            return False
        process.stdin.write(lines.encode(command))
        return True

    async def _ask(
        self, command: say.Command, number: int, within: float
    ) -> say.Done | say.Answered | None:
        if not self._send(command):
            return None
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            return await asyncio.wait_for(future, within)
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(number, None)

    async def _done(self, command: say.Command, number: int, within: float) -> say.Done | None:
        answer = await self._ask(command, number, within)
        return answer if isinstance(answer, say.Done) else None
