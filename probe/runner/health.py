"""The health watch: a cheap "are you still there" between jobs, and patience when the answer is no."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from probe.collect.answers import NoAnswer
from probe.collect.session import DeviceSession, PortState
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.observation import Health

Ping = Callable[[str, str], Awaitable[bool | None]]
"""ARP or ND to one address: ``(mac, address) -> answered``, None when that cannot be asked."""

PAUSES_S = (1.0, 3.0, 8.0, 20.0)
"""How long to wait before asking a silent device again: 32 seconds in all."""

EVERY_S = 2.0
"""A device that was seen to answer is not asked again sooner."""


class HealthWatch:
    """One device. ``gone`` stays True once it did not come back within the pauses."""

    def __init__(self, ping: Ping | None) -> None:
        self._ping = ping
        self._asked_at = 0.0
        self.gone = False

    async def check(self, session: DeviceSession, *, after: str, at_once: bool = False) -> None:
        """Ask once; if there is no answer, back off, ask again, and record both as observations."""
        if self.gone or (not at_once and time.monotonic() - self._asked_at < EVERY_S):
            return
        answered, method = await self._answers(session)
        self._asked_at = time.monotonic()
        if answered is not False:
            return
        self._record(session, "stopped answering", after, method, 0.0)
        waited = 0.0
        for pause in PAUSES_S:
            await asyncio.sleep(pause)
            waited += pause
            answered, method = await self._answers(session)
            if answered:
                self._record(session, "answering again", after, method, waited)
                return
        self.gone = True

    async def confirm(self, session: DeviceSession) -> None:
        """At the end: record that the device answers, when it does and that can be asked."""
        answered, method = await self._answers(session)
        if answered:
            self._record(session, "answering", "the last job", method, 0.0)
        elif answered is False:
            await self.check(session, after="the last job", at_once=True)

    async def _answers(self, session: DeviceSession) -> tuple[bool | None, str]:
        """A TCP answer of a port that answered before; ARP or ND where no port ever did."""
        sentinel = sentinel_port(session.dut)
        if sentinel is not None:
            address, port = sentinel
            method = f"TCP connect to {address} port {port}"
            for within in (1.0, 2.5):
                try:
                    state, _ = await session.knock(address, port, patience=within, within=within)
                except NoAnswer:
                    continue
                if state in (PortState.OPEN, PortState.CLOSED):
                    return True, method
            return False, method
        device = session.dut.device
        if self._ping is not None and device.mac and device.addresses:
            address = device.addresses[0]
            for _ in range(3):
                answered = await self._ping(device.mac, address)
                if answered is not False:
                    return answered, f"ARP or ND to {address}"
            return False, f"ARP or ND to {address}"
        return None, "no method"

    def _record(
        self, session: DeviceSession, state: str, after: str, method: str, waited: float
    ) -> None:
        session.observe(
            Health(state=state, during=after, method=method, waited_s=round(waited, 1)),
            Coverage(
                tried=method, times=2, deadline_s=2.5, answered=int(state != "stopped answering")
            ),
        )


def sentinel_port(dut: Dut) -> tuple[str, int] | None:
    """A port that is known to answer: a closed one if there is one, it costs the device nothing."""
    for seen in dut.scans():
        scan = seen.fact
        closed = dut.tested_ports(scan.address) - set(scan.open)
        opened = {p for a, p in dut.open_ports() if a == scan.address}
        if closed - opened:
            return scan.address, min(closed - opened)
        if scan.open:
            return scan.address, scan.open[0]
    return None
