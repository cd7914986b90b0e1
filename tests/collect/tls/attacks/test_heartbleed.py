"""Heartbleed: what leaks is found and not kept; a patched twin is clean; everything else stays open."""

from typing import Any

import pytest
from attack_twins import DECODE_ERROR, SECRET, Bleeding, Counting, drop, hang_up
from zoo.stack import alert, reset

from probe.collect.tls import interview

HEARTBLEED = "heartbleed"


async def test_a_leak_is_found_and_nothing_of_it_is_kept(
    serve: Any, tried: Any, tls12: Any
) -> None:
    twin = Bleeding()
    async with serve(twin) as port:
        result = await tried(port, HEARTBLEED, service=tls12)
    assert result.one.reply.value == "vulnerable"
    assert "16 of them are memory" in result.one.detail
    assert result.well
    assert len(twin.asked) == 1
    assert not result.kept(SECRET[:4])
    assert any(
        b"bytes from the device are hidden, SHA-256" in e for e in result.recorded.evidence.values()
    )


@pytest.mark.parametrize("malformed", [drop, "alert"])
async def test_a_patched_twin_is_clean(serve: Any, tried: Any, tls12: Any, malformed: Any) -> None:
    if malformed == "alert":
        malformed = alert(DECODE_ERROR)
    async with serve(Bleeding(malformed=malformed)) as port:
        result = await tried(port, HEARTBLEED, service=tls12)
    assert result.one.reply.value == "not vulnerable"
    assert "correct one" in result.one.detail


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"malformed": drop, "correct": False}, "answers no heartbeat"),
        ({"malformed": alert(DECODE_ERROR), "correct": False}, "refuses heartbeats"),
        ({"malformed": reset}, "a reset"),
        ({"malformed": hang_up}, "a close without an alert"),
        ({"echo_only": True}, "not surely with more"),
    ],
)
async def test_what_shows_neither_stays_open(
    serve: Any, tried: Any, tls12: Any, options: Any, words: str
) -> None:
    async with serve(Bleeding(**options)) as port:
        result = await tried(port, HEARTBLEED, service=tls12)
    assert result.one.reply.value == "no answer"
    assert words in result.one.detail
    assert result.well


async def test_no_heartbeat_is_not_applicable(serve: Any, tried: Any, tls12: Any) -> None:
    async with serve(Bleeding(heartbeat=False)) as port:
        result = await tried(port, HEARTBLEED, service=tls12)
    assert result.one.reply.value == "not applicable"


async def test_a_twin_that_dies_is_seen_and_testing_stops(
    serve: Any, tried: Any, tls12: Any
) -> None:
    twin = Bleeding()
    twin.malformed = twin.die
    async with serve(twin) as port:
        result = await tried(port, HEARTBLEED, "ccs-injection", "robot", service=tls12)
    assert result.one.reply.value == "no answer"
    assert result.one.well_before
    assert not result.one.well_after
    (missing,) = result.missing
    assert "after heartbleed" in missing.reason
    assert "ccs-injection, robot" in missing.reason
    assert missing.owner == "device"


async def test_a_twin_that_restarts_is_well_again(serve: Any, tried: Any, tls12: Any) -> None:
    twin = Bleeding()
    twin.malformed = twin.die_for_a_while
    async with serve(twin) as port:
        result = await tried(port, HEARTBLEED, service=tls12)
    assert result.one.reply.value == "no answer"
    assert result.one.well_after


async def test_a_dead_service_is_not_attacked(serve: Any, tried: Any, tls12: Any) -> None:
    twin = Bleeding(dead=True)
    async with serve(twin) as port:
        result = await tried(port, HEARTBLEED, service=tls12)
    assert not result.tests
    assert result.missing[0].owner == "device"
    assert not twin.asked


async def test_a_device_that_serves_one_and_counts(
    serve: Any, tried: Any, tls12: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes while it is busy meets a reset; too many in five seconds shut it."""
    for name, value in (("GAP_S", 0.34), ("BACK_OFF_S", 0.25), ("MOST_IN_WINDOW", 16)):
        monkeypatch.setattr(interview, name, value)
    twin = Counting()
    async with serve(twin) as port:
        result = await tried(port, HEARTBLEED, service=tls12)
    assert result.one.reply.value == "vulnerable"
    assert result.well
    assert not twin.locked
