"""The budget: a device that dies above 40 packets a second never sees as many."""

import asyncio
import time

import pytest

from probe.collect.answers import NoAnswer, Why
from probe.collect.budget import Budget
from probe.collect.gate import Gate
from probe.model.event import AccountLogins, BudgetSpent
from probe.model.ids import DeviceId
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
    budget.gate.close("paused")
    sending = asyncio.create_task(budget.packet())
    await asyncio.sleep(0.05)
    assert not sending.done()
    budget.gate.open("paused")
    await asyncio.wait_for(sending, 1)


async def test_packets_that_wait_for_their_turn_wait_for_the_gate_too() -> None:
    budget = Budget(Gentleness(packets_per_s=100.0, burst=1))
    sending = [asyncio.create_task(budget.packet()) for _ in range(20)]
    await asyncio.sleep(0.035)
    budget.gate.close("paused")
    left = budget.packets
    await asyncio.sleep(0.3)
    assert budget.packets == left < 20
    budget.gate.open("paused")
    began = time.monotonic()
    await asyncio.wait_for(asyncio.gather(*sending), 2)
    assert budget.packets == 20
    # What had to wait does not come all at once.
    assert time.monotonic() - began >= 0.9 * (20 - left - 1) / 100.0


async def test_a_pause_costs_the_device_no_time() -> None:
    budget = Budget(Gentleness(seconds=0.2))
    budget.gate.close("paused")
    await asyncio.sleep(0.3)
    assert not budget.time_is_up
    budget.gate.open("paused")
    assert budget.seconds < 0.1
    await asyncio.sleep(0.25)
    assert budget.time_is_up


async def test_the_gate_opens_with_the_last_reason() -> None:
    gate = Gate()
    assert not await gate.passed()
    for reason in ("paused", "no link"):
        gate.close(reason)
    gate.open("paused")
    waiting = asyncio.create_task(gate.passed())
    await asyncio.sleep(0.02)
    assert gate.closed
    assert not waiting.done()
    gate.open("no link")
    assert await asyncio.wait_for(waiting, 1)
    lasted = gate.closed_s
    assert lasted >= 0.02
    gate.open("never closed")
    assert gate.closed_s == lasted


def test_what_an_earlier_sitting_spent_is_spent() -> None:
    earlier = BudgetSpent(
        device=DeviceId("ip-192.0.2.1"),
        packets=100,
        connections=10,
        logins=2,
        seconds=50.0,
        accounts=(AccountLogins(service="http tcp/80", username="admin", attempts=2),),
    )
    budget = Budget(Gentleness(logins_per_account=3, seconds=40.0), earlier=earlier)
    assert (budget.packets, budget.connections, budget.logins) == (100, 10, 2)
    assert budget.seconds >= 50.0
    assert not budget.time_is_up, "the time budget is one of each sitting"
    budget.login("http tcp/80", "admin")
    with pytest.raises(NoAnswer):
        budget.login("http tcp/80", "admin")
    assert budget.accounts[0].attempts == 3


def test_a_login_is_on_record_before_it_leaves() -> None:
    told: list[int] = []
    budget = Budget(Gentleness(), on_login=lambda: told.append(budget.logins))
    budget.login("http", "admin")
    assert told == [1]


def test_a_login_that_cannot_be_recorded_is_not_made() -> None:
    def full() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        Budget(Gentleness(), on_login=full).login("http", "admin")


def test_guesses_are_counted_apart_and_over_all_sittings() -> None:
    told: list[int] = []
    budget = Budget(Gentleness(logins_per_account=1), on_login=lambda: told.append(budget.guesses))
    for _ in range(4):
        budget.guess("ssh tcp/22", "admin", 4)
    with pytest.raises(NoAnswer) as refused:
        budget.guess("ssh tcp/22", "admin", 4)
    assert refused.value.why is Why.BUDGET
    assert told == [1, 2, 3, 4]
    assert budget.logins == 0
    budget.login("ssh tcp/22", "admin")
    spent = BudgetSpent(
        device=DeviceId("ip-192.0.2.1"),
        packets=0,
        connections=0,
        logins=1,
        seconds=1.0,
        accounts=budget.accounts,
        guesses=4,
    )
    again = Budget(Gentleness(logins_per_account=1), earlier=spent)
    assert again.guesses == 4
    with pytest.raises(NoAnswer):
        again.guess("ssh tcp/22", "admin", 4)


async def test_there_is_room_for_many_connections_only_for_a_while() -> None:
    budget, most, now = Budget(Gentleness()), 0, 0

    async def one() -> None:
        nonlocal most, now
        async with budget.connection():
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.01)
            now -= 1

    async with budget.room_for(5):
        await asyncio.gather(*(one() for _ in range(9)))
    assert most == 5
    most = 0
    await asyncio.gather(*(one() for _ in range(3)))
    assert most == 1
