"""The gentle TCP connect scan of some ports of one address, through the session's ``knock``.

Three words for what is not open: closed (the device refused), filtered (an ICMP error) and silent (no
answer, after every try). A port that answered before is the sentinel: when it falls silent, the silence
of other ports says nothing about them, so the scan waits for the device, asks again, or stops.
"""

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from probe.collect.session import DeviceSession, PortState
from probe.collect.together import together
from probe.model.evidence import Coverage
from probe.model.finding import Owner
from probe.model.observation import PortScan
from probe.model.ports import format_ports, parse_ports

WITHIN_S = 0.9
"""How long one answer is awaited: just below the kernel's own second SYN, so that one knock stays one
packet (RFC 6298 section 2.1: initial RTO of 1 s)."""
PATIENCE_FIRST_S = 0.05
PATIENCE_S = (0.03, 0.3)
"""Bounds of the time a silent port may hold the device's connection slot."""
FURTHER_ROUNDS = 2
"""Silent ports are asked again twice, only once when a firewall swallows most of the list."""
LOSSY_ROUNDS = 14
LOST_BY_CHANCE = 0.0001
"""When asking again brought answers, packets get lost: a port is then asked until loss alone would hide
an open or closed one with this chance only, in so many further rounds at most."""
MANY_SILENT = 100
"""So many ports without a single answer are a device that answers nothing: its next lists are asked once."""
BATCH = 125
"""Knocks whose answers are awaited together; between two batches the sentinel may be looked at."""
SUSPICIOUS = 8
"""So many silent ports at the end of a batch, on a device that answered before, call for the sentinel."""
RETURN_PAUSES_S = (1.0, 2.0, 4.0)
SENTINEL_TRIES = 3
"""Packets get lost: one silence of the sentinel is not yet a device that is gone."""


@dataclass(slots=True)
class _Scan:
    session: DeviceSession
    address: str
    open_before: int | None
    """A port that an earlier scan of the address found open."""
    mute: bool = False
    """Earlier scans of the address asked many ports and had no answer from any of them."""
    states: dict[int, PortState] = field(default_factory=dict)
    tries: dict[int, int] = field(default_factory=dict)
    srtt: float | None = None

    @property
    def patience(self) -> float:
        if self.srtt is None:
            mute = self.mute or len(self.states) >= MANY_SILENT
            return PATIENCE_S[0] if mute else PATIENCE_FIRST_S
        return min(max(PATIENCE_S[0], 4 * self.srtt), PATIENCE_S[1])

    def those(self, state: PortState) -> list[int]:
        return sorted(p for p, s in self.states.items() if s is state)

    async def knock(self, port: int, patience: float | None = None) -> PortState:
        state, seconds = await self.session.knock(
            self.address, port, patience=patience or self.patience, within=WITHIN_S
        )
        if state is not PortState.SILENT:
            self.srtt = seconds if self.srtt is None else 0.8 * self.srtt + 0.2 * seconds
        return state

    async def ask(self, port: int) -> None:
        self.states[port] = await self.knock(port)
        self.tries[port] = self.tries.get(port, 0) + 1

    async def ask_all(self, ports: Sequence[int]) -> bool:
        """Ask each port once; False when the device stopped answering on the way."""
        for start in range(0, len(ports), BATCH):
            batch = ports[start : start + BATCH]
            await together(*(self.ask(port) for port in batch))
            last = [self.states[port] for port in batch[-SUSPICIOUS:]]
            fell_silent = last.count(PortState.SILENT) == SUSPICIOUS
            if fell_silent and not await self.sentinel_answers():
                return False
        return True

    async def sentinel_answers(self) -> bool:
        """Whether a port that answered before still does, with some time given to come back.

        True when no port ever answered: then nothing can be concluded from silence.
        """
        opened = [self.open_before] if self.open_before is not None else []
        opened += self.those(PortState.OPEN)[:1]
        # A closed port is the kinder sentinel: it costs the device nothing but a reset.
        sentinels = [*self.those(PortState.CLOSED)[:1], *opened]
        if not sentinels:
            return True
        for pause in (0.0, *RETURN_PAUSES_S):
            await asyncio.sleep(pause)
            for port in sentinels * SENTINEL_TRIES:
                if await self.knock(port, WITHIN_S) is not PortState.SILENT:
                    return True
        return False


async def scan(
    session: DeviceSession, address: str, ports: Sequence[int], list_name: str
) -> PortScan:
    """Knock at ``ports`` in the order given; records one PortScan and returns it.

    Raises OutOfScope before a packet leaves. When the device stops answering, the scan is recorded as
    not complete, with the ports whose state is known, and a NotMeasured beside it.
    """
    known = sorted(p for a, p in session.dut.open_ports() if a == address)
    work = _Scan(session, address, known[0] if known else None, _mute(session, address))
    alive = await _all_rounds(work, ports)
    silent = work.those(PortState.SILENT)
    if not alive:
        # What fell silent with the device is not known; only what answered before stays.
        for port in silent:
            del work.states[port]
        silent = []
    fact = PortScan(
        transport="tcp",
        address=address,
        list_name=list_name,
        tested=format_ports(work.states),
        open=tuple(work.those(PortState.OPEN)),
        filtered=format_ports(work.those(PortState.FILTERED)),
        silent=format_ports(silent),
        complete=alive,
    )
    coverage = Coverage(
        tried=f"TCP connect to {len(ports)} ports of {address} ({list_name})",
        times=max(work.tries.values(), default=0),
        deadline_s=WITHIN_S,
        answered=len(work.states) - len(silent),
    )
    proof = session.keep(
        _record(work, list_name), media_type="application/json", caption=coverage.tried
    )
    session.observe(fact, coverage, proof)
    if not alive:
        session.not_measured(
            f"tcp {address}",
            f"the device stopped answering during the scan, after {len(work.tries)} ports",
            coverage,
            proof,
            owner=Owner.DEVICE,
            settle="Restart the device and scan it with a lower packets_per_s.",
        )
    return fact


def _mute(session: DeviceSession, address: str) -> bool:
    scans = [s.fact for s in session.dut.scans() if s.fact.address == address]
    asked = sum(len(parse_ports(scan.tested)) for scan in scans)
    return asked > MANY_SILENT and all(scan.tested == scan.silent for scan in scans)


async def _all_rounds(work: _Scan, ports: Sequence[int]) -> bool:
    """The first round and the further ones; False when the device was lost on the way."""
    todo = list(ports)
    rounds, further = 0, FURTHER_ROUNDS
    while todo and rounds <= further:
        if not await work.ask_all(todo):
            return False
        rounds += 1
        asked, todo = todo, [port for port in todo if work.states[port] is PortState.SILENT]
        if work.mute and len(todo) == len(ports):
            break
        if rounds > 1 and len(todo) == len(asked) > MANY_SILENT:
            break
        further = _further_rounds(work)
    if todo and not await work.sentinel_answers():
        return False
    return await _still_serving(work)


def _further_rounds(work: _Scan) -> int:
    """How often a silent port is asked again, by the share of the answers that took a second knock."""
    tries = [n for port, n in work.tries.items() if work.states[port] is not PortState.SILENT]
    lost = sum(n > 1 for n in tries) / max(len(tries), 1)
    if not lost:
        return FURTHER_ROUNDS
    if lost == 1:
        return LOSSY_ROUNDS
    enough = math.ceil(math.log(LOST_BY_CHANCE) / math.log(lost)) - 1
    return min(max(enough, FURTHER_ROUNDS), LOSSY_ROUNDS)


async def _still_serving(work: _Scan) -> bool:
    """The last word belongs to a port that was open before: did its service survive the knocking?

    False only when the device as a whole is gone; a service that is gone is recorded by itself.
    """
    port = work.open_before
    if port is None:
        return True
    state = PortState.OPEN
    for pause in (0.0, *RETURN_PAUSES_S):
        await asyncio.sleep(pause)
        for _ in range(SENTINEL_TRIES):
            state = await work.knock(port, WITHIN_S)
            if state is PortState.OPEN:
                return True
            if state is PortState.CLOSED:
                break
    if not await work.sentinel_answers():
        return False
    tried = f"TCP connect to port {port} of {work.address}, open before this scan"
    work.session.not_measured(
        f"tcp {work.address}:{port}",
        f"the port was open before the scan and is {state} after it",
        Coverage(tried=tried, times=1 + len(RETURN_PAUSES_S), deadline_s=WITHIN_S),
        owner=Owner.DEVICE,
        settle="Restart the service or the device, and scan it with a lower packets_per_s.",
    )
    return True


def _record(work: _Scan, list_name: str) -> bytes:
    """What was learned of each port, for those who want to check: state and how often asked."""
    states = {
        state.value: {
            "ports": format_ports(work.those(state)),
            "asked at most": max((work.tries[p] for p in work.those(state)), default=0),
        }
        for state in PortState
    }
    return json.dumps(
        {
            "address": work.address,
            "list": list_name,
            "within_s": WITHIN_S,
            "smoothed_rtt_s": None if work.srtt is None else round(work.srtt, 4),
            "states": states,
            "tries": sum(work.tries.values()),
        },
        indent=1,
    ).encode()
