"""How long it will take is told when the device's own pace is known, and only if it is worth it."""

import re
from typing import Any

import pytest
from zoo.stack import Stub
from zoo.stubs import Queue

from probe.collect.tls import duration
from probe.collect.tls.collector import measure
from probe.collect.tls.duration import Estimate
from probe.model.plan import Gentleness, Plan, TlsDepth


def plan(depth: TlsDepth) -> Plan:
    gentle = Gentleness(packets_per_s=2_000.0, burst=8)
    return Plan(
        name="t", summary="", catalogues=(), tcp_ports="quick", gentleness=gentle, tls=depth
    )


async def told_of(stub: Any, depth: TlsDepth, serve: Any, bench: Any) -> list[str]:
    made = bench("127.0.0.1", plan=plan(depth))
    said: list[str] = []
    made.session.tell = said.append
    async with serve(stub) as port:
        await measure(made.session, "127.0.0.1", port)
    return said


@pytest.mark.parametrize("depth", list(TlsDepth))
async def test_a_slow_device(
    depth: TlsDepth, serve: Any, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All a hundred times shorter: a device that needs five seconds for an answer."""
    monkeypatch.setattr(duration, "WORTH_TELLING_S", 0.15)
    (text,) = await told_of(Queue(handshake_s=0.05), depth, serve, bench)
    assert re.search(r"will take about \d+ s more", text)
    assert "tcp 127.0.0.1:" in text


@pytest.mark.parametrize("depth", list(TlsDepth))
async def test_a_quick_device(depth: TlsDepth, serve: Any, bench: Any) -> None:
    assert await told_of(Stub(), depth, serve, bench) == []


async def test_one_that_is_never_heard(
    serve: Any, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From nothing, nothing is estimated."""
    monkeypatch.setattr(duration, "WORTH_TELLING_S", 0.0)
    assert await told_of(Stub(versions=()), TlsDepth.VERDICT, serve, bench) == []


class Found:
    """Five hellos were answered."""

    answers: dict[Any, Any] = {}

    class interview:  # noqa: N801
        reactions = (1, 2, 3, 4, 5)
        control = object()


@pytest.mark.parametrize(
    ("whole", "seconds", "words"),
    [
        (False, 5.0, ""),
        (False, 20.0, "about 30 s more"),
        (False, 50.0, "about 80 s more"),
        (True, 5.0, "about 60 s more"),
        (True, 50.0, "about 9 minutes more"),
    ],
)
def test_what_is_said(whole: bool, seconds: float, words: str) -> None:
    said: list[str] = []
    times = iter((100.0, 100.0 + seconds))
    estimate = Estimate(said.append, "tcp 192.0.2.1:443", whole, lambda: next(times))
    estimate(Found())  # type: ignore[arg-type]
    assert [words in text for text in said] == ([True] if words else [])
