"""``tried(port)``: the service is measured as ever, then every attack that may work is tried on it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from probe.checks.tls.attack_tests import Need, needed
from probe.collect.tls import dtls, interview
from probe.collect.tls.attacks import collector, target
from probe.collect.tls.attacks.collector import ATTACKS, attack_all
from probe.collect.tls.collector import measure
from probe.model.observation import NotMeasured
from probe.model.tls import Reply, TlsAttackTest, TlsService, TlsVersion

sys.path.insert(0, str(Path(__file__).parent))  # the twins beside this file

TLS12 = TlsService(
    address="127.0.0.1",
    port=0,
    versions=(TlsVersion(name="TLSv1.2", reply=Reply.ACCEPTED),),
    suites=(),
)
"""What is known of a twin: as little as the attacks need."""


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting is shortened; the rules stay as they are."""
    monkeypatch.setattr(target, "LEAST_PATIENCE_S", 0.25)
    for name in ("SLOW_PATIENCE_S", "WHOLE_TALK_S", "AGAIN_S"):
        monkeypatch.setattr(dtls, name, getattr(dtls, name) / 10)
    monkeypatch.setattr(target, "RECOVERY_S", (0.1, 0.3))
    monkeypatch.setattr(collector, "QUIET_S", 0.0)
    monkeypatch.setattr(interview, "MOST_IN_WINDOW", 10_000)
    for name in ("FIRST_PATIENCE_S", "SECOND_PATIENCE_S", "SHORTEST_S", "BACK_OFF_S", "GAP_S"):
        monkeypatch.setattr(interview, name, getattr(interview, name) / 10)


@dataclass
class Tried:
    """What the attacks recorded, and what the survey had said before."""

    service: TlsService
    tests: dict[str, TlsAttackTest]
    missing: list[NotMeasured]
    recorded: Any
    connections: int
    """What the attacks cost, without the survey."""

    @property
    def replies(self) -> dict[str, str]:
        return {name: test.reply.value for name, test in self.tests.items()}

    @property
    def told(self) -> dict[str, str]:
        return {name: test.detail for name, test in self.tests.items()}

    @property
    def one(self) -> TlsAttackTest:
        (test,) = self.tests.values()
        return test

    @property
    def well(self) -> bool:
        return all(test.well_before and test.well_after for test in self.tests.values())

    def kept(self, data: bytes) -> bool:
        """Whether any evidence holds ``data``, as bytes or in hexadecimal."""
        return any(data in e or data.hex().encode() in e for e in self.recorded.evidence.values())


@pytest.fixture
def tried(bench: Callable[..., Any]) -> Callable[..., Any]:
    async def run(
        port: int, *names: str, transport: str = "tcp", service: TlsService | None = None
    ) -> Tried:
        made = bench("127.0.0.1")
        if service is None:
            await measure(made.session, "127.0.0.1", port, transport=transport)
            (service,) = made.recorded.facts(TlsService)
        else:
            service = replace(service, port=port)
        wanted = names or tuple(n for n in ATTACKS if needed(service, n).need is Need.TRY)
        before = made.session.budget.connections
        if wanted:
            await attack_all(made.session, fact=service, names=wanted)
        tests = {t.name: t for t in made.recorded.facts(TlsAttackTest)}
        missing, cost = made.recorded.facts(NotMeasured), made.session.budget.connections - before
        return Tried(service, tests, missing, made.recorded, cost)

    return run


@pytest.fixture
def tls12() -> TlsService:
    return TLS12
