"""Assessment: a check that crashes is an ERROR finding with its traceback as evidence."""

from probe import registry
from probe.model.device import Device
from probe.model.dut import Dut
from probe.model.evidence import EvidenceRef
from probe.model.finding import Outcome, Owner
from probe.model.ids import CheckId, DeviceId
from probe.model.verdict import Status
from probe.runner.assess import assess, early, verdicts

DUT = Dut(Device(id=DeviceId("ip-198.51.100.1"), addresses=("198.51.100.1",)), [])
KEPT: list[str] = []


def keep(text: str, caption: str) -> EvidenceRef:
    KEPT.append(text)
    return EvidenceRef(sha256="0" * 64, caption=caption)


def test_a_crashing_check_is_an_error_and_not_a_missing_finding(monkeypatch) -> None:
    def broken(dut: Dut):
        yield from ()
        raise ZeroDivisionError("oh")

    check = next(iter(registry.checks()))
    monkeypatch.setattr(registry, "check_function", lambda wanted: broken)
    (finding,) = assess(DUT, keep, only=[check])
    assert finding.answer.outcome is Outcome.ERROR
    assert finding.answer.owner is Owner.TOOL
    assert "ZeroDivisionError" in KEPT[-1]


def test_a_check_that_says_nothing_is_an_error(monkeypatch) -> None:
    monkeypatch.setattr(registry, "check_function", lambda wanted: lambda dut: iter(()))
    (finding,) = assess(DUT, keep, only=[CheckId("tls/old_versions")])
    assert finding.answer.outcome is Outcome.ERROR


def test_before_the_end_nothing_is_called_clean() -> None:
    found = early(assess(DUT, keep))
    assert all(
        f.answer.outcome is Outcome.VIOLATED or f.check.startswith("declaration/") for f in found
    )
    shown = verdicts(DUT, found, registry.catalogues().values(), final=False)
    assert shown
    assert Status.PASS not in {v.status for v in shown}


def test_at_the_end_every_requirement_has_a_verdict() -> None:
    found = assess(DUT, keep)
    for catalogue in registry.catalogues().values():
        made = verdicts(DUT, found, [catalogue], final=True)
        assert [v.requirement for v in made] == [r.id for r in catalogue.requirements]
        assert not {Status.PASS, Status.NOT_APPLICABLE} & {v.status for v in made}
        assert all(v.settle for v in made if v.status is not Status.FAIL)
