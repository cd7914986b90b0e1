"""The budget of one device: packets a second, connections at once, logins, seconds."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from probe.collect.answers import NoAnswer, Why
from probe.model.plan import Gentleness


class Budget:
    """Every packet, connection and login is asked for here before it happens."""

    def __init__(self, gentleness: Gentleness) -> None:
        self.gentleness = gentleness
        self.packets = 0
        self.connections = 0
        self.logins = 0
        self._login_per_account: dict[tuple[str, str], int] = {}
        self._slots = asyncio.Semaphore(gentleness.connections_at_once)
        self._crowd = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._next_at = 0.0
        self.started = time.monotonic()
        self.gate = asyncio.Event()
        """Cleared while the run is paused: no packet leaves then."""
        self.gate.set()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def time_is_up(self) -> bool:
        return self.seconds > self.gentleness.seconds

    async def packet(self, count: int = 1) -> None:
        """Wait until ``count`` packets may be sent to the device. First come, first served."""
        gap = 1.0 / self.gentleness.packets_per_s
        await self.gate.wait()
        async with self._turn:
            now = time.monotonic()
            # An idle bucket holds `burst` tokens: the schedule may lag behind the clock that far.
            self._next_at = max(self._next_at, now - (self.gentleness.burst - 1) * gap)
            self._next_at += count * gap
            self.packets += count
            delay = self._next_at - gap - now
            if delay > 0:
                await asyncio.sleep(delay)

    def spent(self, count: int = 1) -> None:
        """Account for packets that go out without our choice, such as the kernel's ACK."""
        self.packets += count
        self._next_at = max(self._next_at, time.monotonic()) + count / self.gentleness.packets_per_s

    @asynccontextmanager
    async def connection(self, *, of_many: bool = False) -> AsyncIterator[None]:
        """One of the connections that may be open at once.

        ``of_many``: one of a hundred that come together. They stand in the queue one at a time, so that
        a port scan does not make the questions to a known service wait for all of it.
        """
        if of_many:
            async with self._crowd:
                await self._slots.acquire()
        else:
            await self._slots.acquire()
        try:
            self.connections += 1
            yield
        finally:
            self._slots.release()

    def login(self, service: str, username: str) -> None:
        """Account for one login attempt; raises NoAnswer(BUDGET) when none is left."""
        account = (service, username)
        used = self._login_per_account.get(account, 0)
        if self.logins >= self.gentleness.logins_per_device:
            raise NoAnswer(
                Why.BUDGET, f"{self.logins} login attempts were made on this device, none is left"
            )
        if used >= self.gentleness.logins_per_account:
            raise NoAnswer(Why.BUDGET, f"{used} attempts were made on account '{username}'")
        self._login_per_account[account] = used + 1
        self.logins += 1
