"""The journal folded: what is taken back, what is open again, what another sitting tries."""

from dataclasses import replace

from probe.model import event as ev
from probe.model.access import CandidateResult, LoginAttempt, LoginResult, LoginTest
from probe.model.device import Device
from probe.model.evidence import Coverage
from probe.model.finding import Finding, Owner, inconclusive, satisfied, violated
from probe.model.ids import CheckId, DeviceId, JobId
from probe.model.observation import NotMeasured, Observation, Service
from probe.model.run import Job
from probe.model.state import RunState

KETTLE, LAMP = DeviceId("ip-192.0.2.1"), DeviceId("ip-192.0.2.2")
TRIED = Coverage(tried="asked", times=1, deadline_s=1.0)
JOB = Job(id=JobId("tls/ip-192.0.2.1/443"), device=KETTLE, collector="tls", title="TLS")


def folded(*events: ev.Event) -> RunState:
    state = RunState()
    for device in (KETTLE, LAMP):
        take(state, ev.DeviceSeen(device=Device(id=device, addresses=(device[3:],))))
    return take(state, *events)


def take(state: RunState, *events: ev.Event) -> RunState:
    for event in events:
        state.apply(ev.Entry(seq=state.seq + 1, at=1.0, event=event))
    return state


def found(device: DeviceId, answer) -> ev.Found:
    return ev.Found(finding=Finding(check=CheckId("exposure/x"), device=device, answer=answer))


def seen(number: int, fact, device: DeviceId = KETTLE) -> ev.Observed:
    return ev.Observed(
        observation=Observation(
            id=f"{JOB.id}#{number}",
            device=device,
            collector="tls",
            at=1.0,
            fact=fact,
            proof=(TRIED,),
        )
    )


SERVICE = Service(transport="tcp", address="192.0.2.1", port=443, protocol="tls")
GAP = NotMeasured(collector="tls", subject="TLS", reason="reset", owner="device", settle="Again.")
FAILED = ev.JobFinished(job=JOB.id, ok=False, reason="reset", owner=Owner.DEVICE)


def test_the_last_assessment_is_all_that_holds_of_a_device() -> None:
    early = found(KETTLE, violated("tcp 9000", "Every probe was tried.", TRIED))
    left = found(KETTLE, inconclusive("old", "Stopped.", owner=Owner.OPERATOR, settle="Resume it."))
    last = found(KETTLE, satisfied("device", "All were recognised.", TRIED))
    other = found(LAMP, violated("tcp 23", "Open.", TRIED))
    state = folded(early, left, other, last)
    assert len(state.findings) == 4
    take(state, ev.Assessed(device=KETTLE, findings=(last.finding.id,)))
    assert set(state.findings) == {last.finding.id, other.finding.id}


def test_a_done_device_is_open_again_when_more_is_known() -> None:
    more = Device(id=KETTLE, addresses=("192.0.2.1", "2001:db8::1"))
    doubt = Device(id=KETTLE, addresses=("192.0.2.1",), unproven=("2001:db8::1",))
    for news in (ev.DeviceSeen(device=more), ev.DeviceSeen(device=doubt), seen(1, SERVICE)):
        state = folded(ev.DeviceDone(device=KETTLE), ev.DeviceDone(device=LAMP))
        assert state.complete()
        take(state, news)
        assert state.devices_done == {LAMP}
        assert not state.complete()


def test_the_same_device_with_other_words_stays_done() -> None:
    state = folded(ev.DeviceDone(device=KETTLE))
    take(state, ev.DeviceSeen(device=Device(id=KETTLE, mac="02:00:00:00:00:01")))
    assert state.devices_done == {KETTLE}


def test_a_job_that_is_open_again_takes_its_gap_back_and_keeps_its_facts() -> None:
    state = folded(
        ev.JobKnown(job=JOB), ev.JobStarted(job=JOB.id), seen(1, SERVICE), seen(2, GAP), FAILED
    )
    take(state, ev.DeviceDone(device=KETTLE), ev.DeviceDone(device=LAMP))
    assert state.failed_jobs() == [JOB.id]
    assert not state.complete()
    take(state, ev.JobReopened(job=JOB.id))
    assert [o.fact for o in state.observations.values()] == [SERVICE]
    assert state.failed_jobs() == []
    assert state.running_jobs() == []
    assert state.devices_done == {LAMP}


BEGUN = (ev.JobKnown(job=JOB), ev.JobStarted(job=JOB.id))
REOPENED = ev.JobReopened(job=JOB.id)


def kept(state: RunState) -> list[object]:
    return [o.fact for o in state.observations.values()]


def test_what_a_job_recorded_counts_until_it_begins_again() -> None:
    state = folded(*BEGUN, seen(1, SERVICE), seen(2, GAP), FAILED, REOPENED)
    assert kept(state) == [SERVICE]
    take(state, ev.JobStarted(job=JOB.id))
    assert kept(state) == []


def test_an_attempt_that_was_broken_off_by_the_link_counts_at_no_time() -> None:
    assert kept(folded(*BEGUN, seen(1, SERVICE), REOPENED)) == []


def test_a_job_begun_again_after_a_kill_begins_anew() -> None:
    other = replace(SERVICE, port=8443)
    state = folded(*BEGUN, seen(1, SERVICE), seen(2, other), ev.JobStarted(job=JOB.id))
    assert kept(state) == []
    assert kept(take(state, seen(1, other))) == [other]


def test_another_job_whose_name_begins_alike_keeps_its_facts() -> None:
    near = replace(seen(1, SERVICE).observation, id=f"{JOB.id}3#1")
    state = folded(*BEGUN, ev.Observed(observation=near), ev.JobStarted(job=JOB.id))
    assert kept(state) == [SERVICE]


def test_the_log_of_attempts_and_a_proved_login_outlast_their_job() -> None:
    sent = LoginAttempt(
        transport="tcp",
        address="192.0.2.1",
        port=23,
        protocol="telnet",
        method="password",
        purpose="default",
        username="root",
        password="root",
        tier="generic",
        source="list",
        result=LoginResult.ACCEPTED,
        proved=True,
        detail="",
        seconds=0.1,
    )
    taken = CandidateResult(
        username="root",
        password="root",
        tier="generic",
        source="list",
        result=LoginResult.ACCEPTED,
        proved=True,
    )
    proved = LoginTest(
        transport="tcp",
        address="192.0.2.1",
        port=23,
        protocol="telnet",
        tls=False,
        method="password",
        without_credential=LoginResult.REFUSED,
        random_credential=LoginResult.REFUSED,
        candidates=(taken,),
    )
    held = replace(proved, candidates=(replace(taken, result=LoginResult.REFUSED, proved=False),))
    any_taken = replace(proved, random_credential=LoginResult.ACCEPTED)
    first = (seen(1, sent), seen(2, proved), seen(3, held), seen(4, any_taken))
    for again in ((REOPENED, BEGUN[1]), (BEGUN[1],), (FAILED, REOPENED, BEGUN[1])):
        state = folded(*BEGUN, *first, *again, seen(1, SERVICE))
        assert kept(state) == [sent, proved, SERVICE]
        # A third attempt takes nothing of the first one's log.
        take(state, BEGUN[1], seen(1, sent))
        assert kept(state) == [sent, proved, sent]
        assert len({o.id for o in state.observations.values()}) == 3
