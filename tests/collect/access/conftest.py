"""Runs the login collector on a service as the runner would, without its patience."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from probe.collect.access import attempts
from probe.collect.access.collector import COLLECTOR
from probe.model.evidence import Coverage
from probe.model.observation import Fact, LoginResult, LoginTest, NotMeasured, OpenAccess, Service
from probe.model.plan import Gentleness, Plan

sys.path.insert(0, str(Path(__file__).parent))
"""The twins beside the tests are imported by name."""

FAST = Plan(
    name="t",
    summary="",
    catalogues=(),
    tcp_ports="quick",
    gentleness=Gentleness(packets_per_s=2_000.0, burst=8, login_gap_s=0.0),
)


@dataclass
class Outcome:
    """What the login jobs of one device recorded."""

    tests: list[LoginTest] = field(default_factory=list)
    open: list[OpenAccess] = field(default_factory=list)
    missing: list[NotMeasured] = field(default_factory=list)
    evidence: dict[str, bytes] = field(default_factory=dict)
    logins: int = 0
    facts: Callable[[type[Fact]], list[Any]] = lambda _: []
    """Every recorded fact of a kind."""

    @property
    def test(self) -> LoginTest:
        assert len(self.tests) == 1, (self.tests, self.missing)
        return self.tests[0]

    @property
    def opened(self) -> list[tuple[str, str]]:
        """The credentials that were proved to work."""
        return [
            (c.username, c.password)
            for t in self.tests
            for c in t.candidates
            if c.result is LoginResult.ACCEPTED and c.proved
        ]


Login = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def login(bench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Login:
    """``await login(service, *facts)`` runs every login job of a device with these facts."""
    monkeypatch.setattr(attempts, "LONGEST_GAP", 0.0)

    async def run(service: Service, *facts: Fact, plan: Plan = FAST) -> Outcome:
        made = bench(service.address, plan=plan)
        for fact in (service, *facts):
            made.session.observe(fact, Coverage(tried="given", times=1, deadline_s=1.0))
        async with asyncio.timeout(60):
            for task in COLLECTOR.tasks(made.dut, plan):
                await task.work(made.session)
        facts_of = made.recorded.facts
        return Outcome(
            facts_of(LoginTest),
            facts_of(OpenAccess),
            facts_of(NotMeasured),
            made.recorded.evidence,
            made.session.budget.logins,
            facts_of,
        )

    return run


@pytest.fixture
def service() -> Callable[..., Service]:
    """``service("http", port)`` on loopback."""

    def make(protocol: str, port: int, **more: Any) -> Service:
        transport = "udp" if protocol == "snmp" else "tcp"
        return Service(
            transport=transport, address="127.0.0.1", port=port, protocol=protocol, **more
        )

    return make
