"""The list of runs says the same as the whole journals do, without reading them."""

from collections import Counter
from pathlib import Path

import pytest

from probe.model.device import Device
from probe.model.event import DeviceSeen, Found, Judged, RunStarted, StatusChanged
from probe.model.evidence import Coverage
from probe.model.finding import Finding, violated
from probe.model.ids import CheckId, DeviceId, RequirementId, RunId
from probe.model.plan import Plan
from probe.model.run import Run, RunStatus, Scope
from probe.model.verdict import Status, Verdict
from probe.store import journal as module
from probe.store.journal import Journal, RunReader
from probe.store.store import Store
from probe.store.summaries import summaries

LAMP = DeviceId("ip-198.51.100.11")
PLAN = Plan(name="quick", summary="", catalogues=("psti",), tcp_ports="quick")
TRIED = Coverage(tried="asked", times=1, deadline_s=1.0)


def verdict(requirement: str, status: Status) -> Judged:
    return Judged(
        verdict=Verdict(
            catalogue="psti",
            edition="1",
            requirement=RequirementId(requirement),
            device=LAMP,
            status=status,
            reason="r",
            settle=("s",),
        )
    )


def recorded(store: Store, run: str, *events) -> None:
    journal = Journal(store, RunId(run))
    scope = Scope(interface="eth1", networks=("198.51.100.0/24",))
    journal.begin(RunStarted(run=Run(id=RunId(run), started_at=1.0, scope=scope, plan=PLAN)))
    for event in events:
        journal.append(event)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path))
    lamp = Device(id=LAMP, addresses=("198.51.100.11",))
    answer = violated("device", "It is open.", TRIED)
    recorded(
        made,
        "20260101-000000-aaaa",
        DeviceSeen(device=lamp),
        DeviceSeen(device=lamp),
        Found(finding=Finding(check=CheckId("exposure/telnet"), device=LAMP, answer=answer)),
        verdict("1", Status.FAIL),
        verdict("2", Status.INCONCLUSIVE),
        verdict("2", Status.PASS),
        StatusChanged(status=RunStatus.FINISHED),
    )
    recorded(made, "20260102-000000-bbbb", StatusChanged(status=RunStatus.RUNNING))
    return made


def test_the_list_says_what_the_journals_say(store: Store) -> None:
    made = {s.id: s for s in summaries(store)}
    assert list(made) == ["20260102-000000-bbbb", "20260101-000000-aaaa"]
    for run, summary in made.items():
        reader = RunReader(store, RunId(run))
        reader.poll()
        assert summary.status is reader.status()
        assert summary.devices == len(reader.state.devices)
        assert summary.counts == Counter(v.status for v in reader.state.verdicts.values())
        assert (summary.interface, summary.plan) == ("eth1", "quick")
    assert made["20260101-000000-aaaa"].counts == {Status.FAIL: 1, Status.PASS: 1}


def test_a_run_whose_process_is_gone_is_interrupted_and_a_living_one_is_not(store: Store) -> None:
    assert summaries(store)[0].status is RunStatus.INTERRUPTED
    lock = store.lock(RunId("20260102-000000-bbbb"))
    assert lock.acquire()
    assert summaries(store)[0].status is RunStatus.RUNNING
    lock.release()


def test_no_journal_is_read_whole_for_the_list(store: Store, monkeypatch) -> None:
    monkeypatch.setattr(module, "entries_after", lambda *_: pytest.fail("it was read whole"))
    assert len(summaries(store)) == 2
