"""Runs the guessing collector on a service that was tested by contrast before."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from probe.collect.guessing.collector import COLLECTOR
from probe.model.access import GuessingTest
from probe.model.evidence import Coverage
from probe.model.observation import (
    CandidateResult,
    LoginResult,
    LoginTest,
    Service,
)
from probe.model.plan import Gentleness, Permission, Plan

FAST = Plan(
    name="t",
    summary="",
    catalogues=(),
    tcp_ports="quick",
    permits=(Permission.BRUTE_FORCE,),
    gentleness=Gentleness(packets_per_s=4_000.0, burst=64, login_gap_s=0.0, recovery_s=8.0),
)
Guess = Callable[..., Awaitable[Any]]


def tested(service: Service, username: str, password: str | None) -> LoginTest:
    """The login test before: ``password`` is a default that worked, None: none did."""
    refused = LoginResult.REFUSED
    worked = CandidateResult(
        username=username,
        password=password or "",
        tier="generic",
        source="x: y (2020)",
        result=LoginResult.ACCEPTED if password else refused,
        proved=bool(password),
    )
    return LoginTest(
        transport="tcp",
        address=service.address,
        port=service.port,
        protocol=service.protocol,
        tls=service.tls,
        method="password",
        without_credential=refused,
        random_credential=refused,
        candidates=(worked,),
    )


@pytest.fixture
def guess(bench: Callable[..., Any]) -> Guess:
    """``await guess("ssh", port, "admin")``: the recorded session after the guessing job."""

    async def run(
        protocol: str,
        port: int,
        password: str | None = "admin",
        *,
        plan: Plan = FAST,
        n: int = 20,
        second: str = "",
        **gentle: Any,
    ) -> Any:
        plan = replace(
            plan, gentleness=replace(plan.gentleness, guesses=n, **gentle), second_source=second
        )
        service = Service(transport="tcp", address="127.0.0.1", port=port, protocol=protocol)
        made = bench("127.0.0.1", plan=plan, packets_per_s=plan.gentleness.packets_per_s)
        for fact in (service, tested(service, "admin", password)):
            made.session.observe(fact, Coverage(tried="given", times=1, deadline_s=1.0))
        async with asyncio.timeout(110):
            for task in COLLECTOR.tasks(made.dut, plan):
                await task.work(made.session)
        return made

    return run


def result(made: Any) -> GuessingTest:
    (test,) = made.recorded.facts(GuessingTest)
    return test  # type: ignore[no-any-return]


@pytest.fixture
def told() -> Callable[[Any], GuessingTest]:
    """The one result of a run."""
    return result
