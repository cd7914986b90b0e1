"""Every check against its recorded twins: the good passes, the bad fails, the broken is inconclusive.

A fixture is ``tests/checks/<family>/<name>/<good|bad|inconclusive>*.json``::

    {"device": {…}, "declaration": {…} or absent,
     "observations": [{"is": "PortScan", …}, …],
     "others": [{"device": {…}, "observations": […]}, …] or absent,
     "expect": {"tcp 198.51.100.11:23": "violated", …}}

Observations are plain facts; each gets a proof of its own. ``expect`` names every answer's subject.
"""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe import registry
from probe.codec import from_plain
from probe.model.declaration import Declaration
from probe.model.device import Device
from probe.model.dut import Dut
from probe.model.evidence import EvidenceRef
from probe.model.fact import Fact, Observation, kinds
from probe.model.finding import Answer, Outcome
from probe.model.ids import CheckId

HERE = Path(__file__).parent
FIXTURES = sorted(HERE.glob("*/*/*.json"))
BAD_TO_LOSE = {Outcome.VIOLATED, Outcome.INCONCLUSIVE, Outcome.ERROR}


def load(path: Path) -> tuple[CheckId, Dut, dict[str, str]]:
    plain: dict[str, Any] = json.loads(path.read_text())
    device: Device = from_plain(plain["device"], Device)
    declaration = from_plain(plain["declaration"], Declaration) if "declaration" in plain else None
    observations = observed(device, plain["observations"])
    others = [
        Dut(beside, observed(beside, other["observations"]))
        for other in plain.get("others", ())
        for beside in [from_plain(other["device"], Device)]
    ]
    check = CheckId("/".join(path.parts[-3:-1]))
    return check, Dut(device, observations, declaration, others=others), plain["expect"]


def observed(device: Device, facts: list[Any]) -> list[Observation]:
    return [
        Observation(
            id=f"{device.id}#{n}",
            device=device.id,
            collector="fixture",
            at=1_750_000_000.0,
            fact=from_plain(fact, Fact),
            proof=(EvidenceRef(sha256=f"{n:064x}"),),
        )
        for n, fact in enumerate(facts)
    ]


def answers(check: CheckId, dut: Dut) -> list[Answer]:
    return list(registry.check_function(check)(dut))


def clean(found: list[Answer]) -> bool:
    """Would this read as clean: something satisfied, and nothing bad or unknown."""
    outcomes = {a.outcome for a in found}
    return Outcome.SATISFIED in outcomes and not outcomes & BAD_TO_LOSE


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: "/".join(p.parts[-3:]))
def test_answers_are_as_declared(path: Path) -> None:
    check, dut, expect = load(path)
    got = {a.subject: a.outcome.value for a in answers(check, dut)}
    assert got == expect


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: "/".join(p.parts[-3:]))
def test_the_file_name_says_what_it_holds(path: Path) -> None:
    check, dut, _ = load(path)
    outcomes = {a.outcome for a in answers(check, dut)}
    if path.stem.startswith("good"):
        assert outcomes <= {Outcome.SATISFIED, Outcome.NOT_APPLICABLE}
        assert Outcome.SATISFIED in outcomes
    elif path.stem.startswith("bad"):
        assert Outcome.VIOLATED in outcomes
    else:
        assert path.stem.startswith("inconclusive")
        assert Outcome.INCONCLUSIVE in outcomes
        assert Outcome.VIOLATED not in outcomes


def without_each(dut: Dut) -> Iterator[Dut]:
    for n in range(len(dut.observations)):
        kept = dut.observations[:n] + dut.observations[n + 1 :]
        yield Dut(dut.device, kept, dut.declaration, others=dut.others)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: "/".join(p.parts[-3:]))
def test_removing_evidence_never_makes_it_clean(path: Path) -> None:
    check, dut, _ = load(path)
    if clean(answers(check, dut)):
        return
    single_violation = len(dut.observations) > 0 and path.stem.startswith("bad")
    for n, poorer in enumerate(without_each(dut)):
        removed = dut.observations[n].fact
        # The fact that alone shows the violation may be what was removed; then "clean" would mean that
        # the check never asks whether it had been measured at all.
        assert not clean(answers(check, poorer)), (
            f"clean after removing {type(removed).__name__}"
            + (" (the violating fact)" if single_violation else "")
        )


COMPARED = [path for path in FIXTURES if load(path)[1].others]


@pytest.mark.parametrize("path", COMPARED, ids=lambda p: "/".join(p.parts[-3:]))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_knowing_less_of_the_others_is_never_clean(path: Path, data: st.DataObject) -> None:
    check, dut, _ = load(path)
    kept = [
        Dut(other.device, [o for o in other.observations if data.draw(st.booleans())])
        for other in dut.others
        if data.draw(st.booleans())
    ]
    poorer = answers(check, Dut(dut.device, dut.observations, dut.declaration, others=kept))
    assert Outcome.SATISFIED not in {a.outcome for a in poorer}
    assert Outcome.NOT_APPLICABLE not in {a.outcome for a in poorer}


@pytest.mark.parametrize("check", sorted(registry.checks()))
def test_nothing_observed_is_never_clean_and_never_nothing(check: CheckId) -> None:
    found = answers(check, Dut(Device(id="ip-198.51.100.1", addresses=("198.51.100.1",)), []))
    assert found
    assert not clean(found)
    assert all(a.outcome is not Outcome.VIOLATED for a in found) or check.startswith("declaration/")


@pytest.mark.parametrize("check", sorted(registry.checks()))
def test_each_check_has_its_twins(check: CheckId) -> None:
    names = {
        path.stem.partition("_")[0].partition("-")[0] for path in (HERE / check).glob("*.json")
    }
    # What compares the devices of a run shows that they share something, never that none ever does.
    good = set() if registry.checks()[check].compares else {"good"}
    assert {"bad", "inconclusive", *good} <= names


@pytest.mark.parametrize("check", sorted(registry.checks()))
def test_each_check_is_complete_and_short(check: CheckId) -> None:
    info = registry.checks()[check]
    for name in ("question", "why", "fix", "plain_risk"):
        assert len(getattr(info, name)) > 20, name
    assert info.question.endswith("?")
    # For a buyer, who can mend nothing and may ask.
    if check.startswith(("access/", "exposure/")):
        assert len(info.ask) > 20, "ask"
        assert info.ask.endswith("?")
    assert info.limitations
    assert info.severity in {"critical", "high", "medium", "low", "info"}
    assert info.effort in {"hours", "days", "weeks"}
    body = Path(registry.HERE / "checks" / f"{check}.py").read_text()
    assert len(body.splitlines()) <= 80
    assert "try:" not in body
    known = {kind.__name__ for kind in kinds()} | {"Declaration"}
    assert set(info.observes) <= known
    assert dataclasses.is_dataclass(info)


def test_each_check_is_cited_or_informational() -> None:
    cited = {
        m.check for c in registry.catalogues().values() for r in c.requirements for m in r.checks
    }
    idle = {c for c, info in registry.checks().items() if c not in cited and not info.informational}
    assert not idle
    assert not cited - set(registry.checks())
