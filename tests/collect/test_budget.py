"""The budget: a device that dies above 40 packets a second never sees as many."""

import asyncio
import time

import pytest

from probe.collect.answers import NoAnswer, Why
from probe.collect.budget import Budget
from probe.model.plan import Gentleness


async def test_no_second_holds_more_packets_than_allowed() -> None:
    budget = Budget(Gentleness(packets_per_s=100.0, burst=2))
    times: list[float] = []

    async def sender() -> None:
        for _ in range(40):
            await budget.packet()
            times.append(time.monotonic())

    await asyncio.gather(sender(), sender(), sender())
    times.sort()
    for n, start in enumerate(times):
        window = [t for t in times[n:] if t < start + 0.5]
        assert len(window) <= 50 + 2
    assert budget.packets == 120


async def test_packets_sent_by_the_kernel_push_the_next_ones_back() -> None:
    budget = Budget(Gentleness(packets_per_s=100.0, burst=1))
    await budget.packet()
    budget.spent(20)
    began = time.monotonic()
    await budget.packet()
    assert time.monotonic() - began >= 0.18


async def test_an_idle_budget_saves_up_no_more_than_its_burst() -> None:
    budget = Budget(Gentleness(packets_per_s=50.0, burst=2))
    await budget.packet()
    await asyncio.sleep(0.3)
    began = time.monotonic()
    for _ in range(4):
        await budget.packet()
    assert time.monotonic() - began >= 0.03


async def test_one_connection_at_a_time() -> None:
    budget = Budget(Gentleness())
    most = now = 0

    async def talk() -> None:
        nonlocal most, now
        async with budget.connection():
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.01)
            now -= 1

    await asyncio.gather(*(talk() for _ in range(5)))
    assert most == 1
    assert budget.connections == 5


def test_logins_are_counted_by_account_and_by_device() -> None:
    budget = Budget(Gentleness(logins_per_account=2, logins_per_device=3))
    budget.login("http", "admin")
    budget.login("http", "admin")
    with pytest.raises(NoAnswer) as refused:
        budget.login("http", "admin")
    assert refused.value.why is Why.BUDGET
    budget.login("http", "root")
    with pytest.raises(NoAnswer, match="none is left"):
        budget.login("telnet", "root")
    assert budget.logins == 3


async def test_a_paused_budget_lets_nothing_out() -> None:
    budget = Budget(Gentleness(packets_per_s=1000.0))
    budget.gate.clear()
    sending = asyncio.create_task(budget.packet())
    await asyncio.sleep(0.05)
    assert not sending.done()
    budget.gate.set()
    await asyncio.wait_for(sending, 1)
