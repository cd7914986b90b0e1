"""The scan against a scripted device, and against real sockets on loopback."""

import asyncio
import json
import random

import pytest

from probe.collect.answers import NoAnswer, Why
from probe.collect.services import scan as module
from probe.collect.services.scan import scan
from probe.collect.session import PortState
from probe.model.evidence import Coverage
from probe.model.observation import NotMeasured, PortScan
from probe.model.ports import parse_ports

OPEN, CLOSED, FILTERED, SILENT = PortState


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(module, "RETURN_PAUSES_S", (0.0, 0.0))


def scripted(bench, answer):
    """The bench's session, with ``answer(port, nth_knock)`` in place of the network."""
    knocks = []

    async def knock(address, port, *, patience, within):
        assert module.PATIENCE_S[0] <= patience <= within
        knocks.append(port)
        return answer(port, len(knocks)), 0.001

    bench.session.knock = knock
    return knocks


async def test_open_and_closed_on_real_sockets(bench, serve):
    b = bench()

    async def talk(reader, writer):
        await reader.read()

    async with serve(talk) as port:
        fact = await scan(b.session, "127.0.0.1", (port, 1, 2, 3), "chosen 1/1")
    assert fact.open == (port,)
    assert fact.closed_is_known
    assert parse_ports(fact.tested) == {1, 2, 3, port}
    assert b.recorded.facts(PortScan) == [fact]


async def test_silent_filtered_and_closed_are_three_words(bench):
    b = bench()
    words = {1: CLOSED, 2: FILTERED, 3: SILENT, 4: OPEN}
    scripted(b, lambda port, n: words[port])
    fact = await scan(b.session, "127.0.0.1", (1, 2, 3, 4), "chosen 1/1")
    assert (fact.open, fact.filtered, fact.silent) == ((4,), "2", "3")
    assert fact.complete
    assert not fact.closed_is_known


async def test_a_silent_port_is_asked_again_and_then_believed(bench):
    b = bench()
    knocks = scripted(b, lambda port, n: SILENT if port == 3 else CLOSED)
    await scan(b.session, "127.0.0.1", (1, 2, 3), "chosen 1/1")
    assert knocks.count(3) == 1 + module.FURTHER_ROUNDS
    assert knocks.count(1) == 2, "once itself, once as the sentinel"
    [observation] = b.recorded.observations
    [coverage] = [p for p in observation.proof if isinstance(p, Coverage)]
    assert coverage.times == 3
    [kept] = b.recorded.evidence.values()
    assert json.loads(kept)["states"]["silent"] == {"ports": "3", "asked at most": 3}


async def test_losing_every_second_packet_costs_time_but_no_port(bench):
    b = bench()
    scripted(b, lambda port, n: SILENT if n % 2 else (OPEN if port == 70 else CLOSED))
    fact = await scan(b.session, "127.0.0.1", range(1, 201), "chosen 1/1")
    assert fact.open == (70,)
    assert fact.closed_is_known


async def test_a_firewall_that_swallows_everything_is_not_asked_for_ever(bench):
    b = bench()
    knocks = scripted(b, lambda port, n: SILENT)
    fact = await scan(b.session, "127.0.0.1", range(1, 251), "chosen 1/1")
    assert fact.silent == "1-250"
    assert fact.complete
    assert len(knocks) == 500


async def test_the_next_list_of_a_device_that_answers_nothing_is_asked_once(bench):
    b = bench()
    knocks = scripted(b, lambda port, n: SILENT)
    await scan(b.session, "127.0.0.1", range(1, 251), "standard 1/5")
    del knocks[:]
    fact = await scan(b.session, "127.0.0.1", range(251, 501), "standard 2/5")
    assert fact.silent == "251-500"
    assert len(knocks) == 250
    [coverage] = [p for p in b.recorded.observations[-1].proof if isinstance(p, Coverage)]
    assert (coverage.times, coverage.answered) == (1, 0)


async def test_one_answer_is_enough_to_ask_the_next_list_again(bench):
    b = bench()
    knocks = scripted(b, lambda port, n: CLOSED if port == 7 else SILENT)
    await scan(b.session, "127.0.0.1", range(1, 251), "standard 1/5")
    del knocks[:]
    await scan(b.session, "127.0.0.1", range(251, 501), "standard 2/5")
    assert len([k for k in knocks if k > 250]) == 500


async def test_a_device_that_dies_during_the_scan_stops_it(bench):
    b = bench()
    knocks = scripted(b, lambda port, n: CLOSED if n <= 130 else SILENT)
    fact = await scan(b.session, "127.0.0.1", range(1, 251), "standard 2/5")
    assert not fact.complete
    assert fact.tested == "1-130"
    assert fact.silent == ""
    assert len(knocks) < 270
    [missing] = b.recorded.facts(NotMeasured)
    assert missing.owner == "device"
    assert "stopped answering" in missing.reason


async def test_a_device_that_comes_back_is_asked_again(bench):
    b = bench()
    scripted(b, lambda port, n: SILENT if 100 < n <= 126 else CLOSED)
    fact = await scan(b.session, "127.0.0.1", range(1, 201), "chosen 1/1")
    assert fact.closed_is_known


async def test_a_service_that_does_not_survive_is_said_so(bench):
    b = bench()
    scripted(b, lambda port, n: OPEN)
    await scan(b.session, "127.0.0.1", (80,), "standard 1/2")
    scripted(b, lambda port, n: CLOSED)
    fact = await scan(b.session, "127.0.0.1", (81, 82), "standard 2/2")
    assert fact.complete
    [missing] = b.recorded.facts(NotMeasured)
    assert missing.subject == "tcp 127.0.0.1:80"
    assert "closed after it" in missing.reason


async def test_no_knock_outlives_a_scan_that_failed(bench):
    b = bench()
    going_on = []

    async def knock(address, port, *, patience, within):
        if port == 3:
            raise NoAnswer(Why.LOCAL, "Network is down")
        going_on.append(port)
        try:
            await asyncio.sleep(30)
        finally:
            going_on.remove(port)

    b.session.knock = knock
    with pytest.raises(NoAnswer):
        await scan(b.session, "127.0.0.1", (1, 2, 3, 4), "chosen 1/1")
    assert going_on == []
    assert b.recorded.facts(PortScan) == []


async def test_losing_half_of_the_packets_at_random_leaves_hardly_a_port_unknown(bench):
    left = []
    for seed in range(50):
        b = bench()
        dice = random.Random(seed)
        scripted(b, lambda port, n, dice=dice: SILENT if dice.random() < 0.5 else CLOSED)
        fact = await scan(b.session, "127.0.0.1", range(1, 201), "chosen 1/1")
        assert fact.complete
        left.append(len(parse_ports(fact.silent)))
    # Ending after two rounds without an answer leaves 14 of the 10,000.
    assert sum(left) <= 4
