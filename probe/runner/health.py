"""The health watch: a cheap "are you still there" between jobs, and patience when the answer is no."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from probe.collect.answers import NoAnswer
from probe.collect.gate import never
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

AGAIN_S = 0.2


class HealthWatch:
    """One device. ``gone`` stays True once it did not come back within the pauses.

    ``disturbed`` tells whether the probe's own link was down since a moment (monotonic): what was not
    heard then says nothing about the device, so it is asked again.
    """

    def __init__(self, ping: Ping | None, disturbed: Callable[[float], bool] = never) -> None:
        self._ping, self._disturbed = ping, disturbed
        self._asked_at = 0.0
        self._deaf = False
        """Its ports fell silent while it answers ARP or ND: only the latter is asked from then on."""
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
        if answered is None:
            return  # by now it cannot be asked any more, so nothing is known of it
        # A device may shut its ports to one who knocked too often; on the link it is still there.
        there, by_link = await self._pinged(session)
        if there:
            self._deaf = True
            self._record(session, "answering again", after, f"{by_link}; not {method}", waited)
            return
        # The second time it is said, with the patience that was had: only now it is the last word.
        self._record(session, "stopped answering", after, method, waited)
        self.gone = True

    async def confirm(self, session: DeviceSession) -> None:
        """At the end: record that the device answers, when it does and that can be asked."""
        answered, method = await self._answers(session)
        if answered:
            self._record(session, "answering", "the last job", method, 0.0)
        elif answered is False:
            await self.check(session, after="the last job", at_once=True)

    async def _answers(self, session: DeviceSession) -> tuple[bool | None, str]:
        """Whether it answers, asked while the probe's own link was up all the time."""
        while True:
            began = time.monotonic()
            answered, method = await self._asked(session)
            if answered is not False or not self._disturbed(began):
                return answered, method
            # While the link is down the gate is closed, and the next question waits there.
            await asyncio.sleep(AGAIN_S)

    async def _asked(self, session: DeviceSession) -> tuple[bool | None, str]:
        """A TCP answer of a port that answered before; ARP or ND where no port ever did."""
        sentinel = None if self._deaf else sentinel_port(session.dut, session.guard.allows)
        if sentinel is None:
            return await self._pinged(session)
        address, port = sentinel
        method = f"TCP connect to {address} port {port}"
        for within in (1.0, 2.5):
            try:
                state, _ = await session.knock(address, port, patience=within, within=within)
            except NoAnswer:
                return None, method  # the probe itself could not ask
            if state in (PortState.OPEN, PortState.CLOSED):
                return True, method
        return False, method

    async def _pinged(self, session: DeviceSession) -> tuple[bool | None, str]:
        device = session.dut.device
        # The packet helper hears the test network only.
        inside = [a for a in device.lan if session.guard.allows(a)]
        if self._ping is None or not device.mac or not inside:
            return None, ""
        method = f"ARP or ND to {inside[0]}"
        for _ in range(3):
            answered = await self._ping(device.mac, inside[0])
            if answered is not False:
                return answered, method
        return False, method

    def _record(
        self, session: DeviceSession, state: str, after: str, method: str, waited: float
    ) -> None:
        session.observe(
            Health(state=state, during=after, method=method, waited_s=round(waited, 1)),
            Coverage(
                tried=method, times=2, deadline_s=2.5, answered=int(state != "stopped answering")
            ),
        )


def sentinel_port(dut: Dut, allowed: Callable[[str], bool]) -> tuple[str, int] | None:
    """A port that is known to answer: a closed one if there is one, it costs the device nothing."""
    for seen in dut.scans():
        scan = seen.fact
        if not allowed(scan.address) or scan.address in dut.device.wan:
            continue
        closed = dut.tested_ports(scan.address) - set(scan.open)
        opened = {p for a, p in dut.open_ports() if a == scan.address}
        if closed - opened:
            return scan.address, min(closed - opened)
        if scan.open:
            return scan.address, scan.open[0]
    return None
