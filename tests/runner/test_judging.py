"""What compares devices is said of both, whichever is measured last, and is withdrawn when it is over."""

from dataclasses import replace
from pathlib import Path

import pytest

from probe import registry
from probe.model import event as ev
from probe.model.device import Device
from probe.model.evidence import EvidenceRef
from probe.model.finding import Outcome
from probe.model.given import Given
from probe.model.ids import CheckId, DeviceId
from probe.model.observation import Observation, PortScan, Service
from probe.model.plan import Plan
from probe.model.tls import Certificate, Reply, TlsService, TlsVersion
from probe.model.verdict import Status
from probe.runner.judging import Judging
from probe.runner.recorder import JournalRecorder
from probe.runner.rejudge import rejudge
from probe.store.journal import Journal
from tests.runner.conftest import DEVICE, open_journal

CHECK = "tls/certificate_key_shared"
ONE, TWO, THREE = (
    Device(
        id=DeviceId(f"mac-02005e10000{n}"),
        mac=f"02:00:5e:10:00:0{n}",
        addresses=(f"127.0.0.1{n}",),
    )
    for n in (1, 2, 3)
)
CERTIFICATE = Certificate(
    subject="CN=cam",
    issuer="CN=cam",
    serial="1",
    not_before=0.0,
    not_after=None,
    key_type="EC",
    key_bits=256,
    signature_hash="sha256",
    self_signed=True,
    is_ca=False,
    names=(),
    sha256="ab" * 32,
)
CATALOGUE = registry.chosen_catalogues(["en303645-v3.1.3"])


@pytest.fixture
def bench(tmp_path: Path, plan: Plan) -> tuple[Judging, Journal]:
    journal = open_journal(tmp_path, plan)
    return Judging(JournalRecorder(journal), CATALOGUE), journal


def see(journal: Journal, device: Device, key: str, number: int = 0) -> None:
    """A device that presents this key, with all that makes its services known."""
    if device.id not in journal.state.devices:
        journal.append(ev.DeviceSeen(device=device))
    (address,) = device.addresses
    place = {"address": address, "port": 443}
    facts = (
        PortScan(transport="tcp", address=address, list_name="t", tested="1-65535", open=(443,)),
        Service(transport="tcp", protocol="http", tls=True, **place),
        TlsService(
            **place,
            versions=(TlsVersion(name="TLSv1.2", reply=Reply.ACCEPTED),),
            suites=(),
            chain=(replace(CERTIFICATE, key_sha256=key),),
            chain_complete=True,
        ),
    )
    for n, fact in enumerate(facts):
        observation = Observation(
            id=f"{device.id}#{number + n}",
            device=device.id,
            collector="t",
            at=1.0,
            fact=fact,
            proof=(EvidenceRef(sha256=f"{device.addresses[0]:>064}"),),
        )
        journal.append(ev.Observed(observation=observation))


def said(journal: Journal, device: Device) -> Outcome:
    (found,) = (
        f for f in journal.state.findings.values() if f.check == CHECK and f.device == device.id
    )
    return found.answer.outcome


def finish(judging: Judging, journal: Journal, device: Device) -> None:
    judging.final(device.id)
    journal.append(ev.DeviceDone(device=device.id))


def test_the_first_is_judged_again_when_the_second_has_its_key(
    bench: tuple[Judging, Journal],
) -> None:
    judging, journal = bench
    see(journal, ONE, "aa")
    finish(judging, journal, ONE)
    assert said(journal, ONE) is Outcome.INCONCLUSIVE
    see(journal, TWO, "aa")
    judging.early(TWO.id)
    assert said(journal, ONE) is said(journal, TWO) is Outcome.VIOLATED
    assert ONE.id in journal.state.devices_done
    verdict = journal.state.verdicts["en303645-v3.1.3", CATALOGUE[0].edition, "5.4-4", ONE.id]
    assert verdict.status is not Status.PASS
    assert f"{CHECK}|{ONE.id}|tcp {ONE.addresses[0]}:443" in verdict.findings
    finish(judging, journal, TWO)
    judging.together()
    assert said(journal, ONE) is said(journal, TWO) is Outcome.VIOLATED


def test_it_is_withdrawn_when_the_second_has_another_key_after_all(
    bench: tuple[Judging, Journal],
) -> None:
    judging, journal = bench
    for device in (ONE, TWO):
        see(journal, device, "aa")
        finish(judging, journal, device)
    assert said(journal, ONE) is Outcome.VIOLATED
    see(journal, TWO, "bb", number=10)
    finish(judging, journal, TWO)
    assert said(journal, ONE) is said(journal, TWO) is Outcome.INCONCLUSIVE


def test_the_last_word_counts_the_devices_that_came_later(bench: tuple[Judging, Journal]) -> None:
    judging, journal = bench
    for device, key in ((ONE, "aa"), (TWO, "bb"), (THREE, "cc")):
        see(journal, device, key)
        finish(judging, journal, device)
    judging.together()
    entries = journal.state.seq
    judging.together()
    assert journal.state.seq == entries, "nothing new was to be said"
    for device in (ONE, TWO, THREE):
        (found,) = (
            f for f in journal.state.findings.values() if f.check == CHECK and f.device == device.id
        )
        assert "any of the 2 others" in found.answer.summary


def test_judging_again_compares_too(bench: tuple[Judging, Journal]) -> None:
    _, journal = bench
    for device in (ONE, TWO):
        see(journal, device, "aa")
    state = rejudge(journal.state, CATALOGUE)
    found = [f.answer.outcome for f in state.findings.values() if f.check == CHECK]
    assert found.count(Outcome.VIOLATED) == 2


def test_two_interfaces_of_one_device_are_not_held_against_it(
    bench: tuple[Judging, Journal],
) -> None:
    judging, journal = bench
    see(journal, ONE, "aa")
    see(journal, replace(TWO, mac=None), "aa")
    for device in (ONE, TWO):
        finish(judging, journal, device)
        assert said(journal, device) is Outcome.INCONCLUSIVE


def test_a_check_that_cannot_be_imported_is_a_finding_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = registry.check_function

    def broken(check: CheckId) -> registry.CheckFunction:
        if check == CHECK:
            raise ImportError("no such module")
        return usual(check)

    monkeypatch.setattr(registry, "check_function", broken)
    plan = Plan(name="t", summary="", catalogues=(), tcp_ports="quick")
    recorder = JournalRecorder(open_journal(tmp_path, plan))
    judging = Judging(recorder, CATALOGUE)
    judging.prepare(Given(network=True, image=True))
    judging.final(DEVICE.id)
    (answer,) = [f.answer for f in recorder.state.findings.values() if f.check == CHECK]
    assert answer.outcome is Outcome.ERROR
    assert "no such module" in answer.summary
