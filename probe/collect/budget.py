"""The budget of one device: packets a second, connections at once, logins, seconds."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from probe.collect.answers import NoAnswer, Why
from probe.collect.gate import Gate
from probe.model.plan import Gentleness

if TYPE_CHECKING:
    from probe.model.event import AccountLogins, BudgetSpent


ANY_SERVICE = "any service"
"""Where failures under one user name are counted, whatever service they were met on."""


def _nothing() -> None:
    """What is done about a login when nobody keeps a record."""


class Budget:
    """Every packet, connection and login is asked for here before it happens.

    ``earlier`` is what the device had to bear before this process took the run up: its totals go on,
    and an account that was tried then is not tried as often again. The time budget is one of each
    sitting. ``on_login`` is called before a login attempt leaves, so that its record survives a kill.
    """

    def __init__(
        self,
        gentleness: Gentleness,
        *,
        gate: Gate | None = None,
        earlier: "BudgetSpent | None" = None,
        on_login: Callable[[], None] = _nothing,
    ) -> None:
        self.gentleness = gentleness
        self.gate = gate or Gate()
        """Closed while the run is paused: no packet leaves then. What a library says on a connection
        of its own (SSH) ends by itself, within its deadline."""
        self.packets = earlier.packets if earlier else 0
        self.connections = earlier.connections if earlier else 0
        self.logins = earlier.logins if earlier else 0
        self._on_login = on_login
        self.guesses = earlier.guesses if earlier else 0
        self._login_per_account = {
            (account.service, account.username): account.attempts
            for account in (earlier.accounts if earlier else ())
        }
        self._slots = asyncio.Semaphore(gentleness.connections_at_once)
        self._crowd = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._next_at = 0.0
        self._earlier_s = earlier.seconds if earlier else 0.0
        self.started = self.now()

    def now(self) -> float:
        """A monotonic clock that stands still while the gate is closed: a pause is nobody's delay."""
        return time.monotonic() - self.gate.closed_s

    @property
    def seconds(self) -> float:
        """Of all sittings together."""
        return self._earlier_s + self.now() - self.started

    @property
    def time_is_up(self) -> bool:
        return self.now() - self.started > self.gentleness.seconds

    @property
    def accounts(self) -> "tuple[AccountLogins, ...]":
        """How often each account was tried."""
        from probe.model.event import AccountLogins  # heavy, and not needed for a measurement

        return tuple(
            AccountLogins(service=service, username=username, attempts=attempts)
            for (service, username), attempts in sorted(self._login_per_account.items())
        )

    async def packet(self, count: int = 1) -> None:
        """Wait until ``count`` packets may be sent to the device. First come, first served."""
        gap = 1.0 / self.gentleness.packets_per_s
        async with self._turn:
            await self.gate.passed()
            now = time.monotonic()
            # An idle bucket holds `burst` tokens: the schedule may lag behind the clock that far.
            self._next_at = max(self._next_at, now - (self.gentleness.burst - 1) * gap)
            self._next_at += count * gap
            delay = self._next_at - gap - now
            if delay > 0:
                await asyncio.sleep(delay)
            # The gate may have closed during that sleep; the next packet keeps its distance to this one.
            if await self.gate.passed():
                self._next_at = max(self._next_at, time.monotonic() + gap)
            self.packets += count

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

    def login(self, service: str, username: str, shared: str | None = None) -> None:
        """Account for one login attempt; raises NoAnswer(BUDGET) when none is left.

        ``shared`` is the user name that other services may know as the same account: the attempt counts
        as failed there until ``login_worked`` says otherwise. None: nobody else knows the account.
        """
        account = (service, username)
        used = self._login_per_account.get(account, 0)
        if self.logins >= self.gentleness.logins_per_device:
            raise NoAnswer(
                Why.BUDGET, f"{self.logins} login attempts were made on this device, none is left"
            )
        if used >= self.gentleness.logins_per_account:
            raise NoAnswer(Why.BUDGET, f"{used} attempts were made on account '{username}'")
        if shared is not None:
            failed = self._login_per_account.get((ANY_SERVICE, shared), 0)
            if failed >= self.gentleness.failures_per_name:
                raise NoAnswer(
                    Why.BUDGET, f"{failed} logins as '{shared}' failed on all services together"
                )
            self._login_per_account[ANY_SERVICE, shared] = failed + 1
        self._login_per_account[account] = used + 1
        self.logins += 1
        self._on_login()

    def login_worked(self, shared: str | None) -> None:
        """The attempt that was accounted for last under that name did not fail."""
        if self._login_per_account.get((ANY_SERVICE, shared or ""), 0) and shared is not None:
            self._login_per_account[ANY_SERVICE, shared] -= 1
            self._on_login()

    def guess(self, service: str, username: str, limit: int) -> None:
        """Account for one wrong password of a permitted guessing test; NoAnswer(BUDGET) beyond ``limit``.

        Such a test has accounts of its own here: it comes last, and takes nothing from the few
        attempts that the logins have. ``limit`` is for all sittings of the run together.
        """
        account = (f"{service} guessing", username)
        used = self._login_per_account.get(account, 0)
        if used >= limit:
            raise NoAnswer(Why.BUDGET, f"{used} passwords were guessed for account '{username}'")
        self._login_per_account[account] = used + 1
        self.guesses += 1
        self._on_login()

    @asynccontextmanager
    async def room_for(self, connections: int) -> AsyncIterator[None]:
        """More connections at once for a while, for a test that asks what they do to the device."""
        more = max(0, connections - self.gentleness.connections_at_once)
        for _ in range(more):
            self._slots.release()
        try:
            yield
        finally:
            for _ in range(more):
                await self._slots.acquire()
