"""The work on one device: what collectors name is done once, what fails stays unknown with an owner."""

import asyncio
import dataclasses
import socket

import pytest

from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.model import event as ev
from probe.model.evidence import Coverage
from probe.model.finding import Owner
from probe.model.observation import Health, NotMeasured, PortScan, Service
from probe.runner import device_task as module
from probe.runner import health
from probe.store.errors import StoreError, explained
from probe.store.journal import Journal, entries_after

TRIED = Coverage(tried="asked", times=1, deadline_s=1.0)


def facts(journal: Journal, kind: type) -> list:
    return [o.fact for o in journal.state.observations.values() if isinstance(o.fact, kind)]


def saw(port: int):
    async def work(session: DeviceSession) -> None:
        fact = Service(transport="tcp", address="127.0.0.1", port=port, protocol="http")
        session.observe(fact, TRIED)

    return work


async def test_jobs_are_done_in_order_of_priority_and_only_once(device_task, scripted) -> None:
    late = scripted("late", ("a", saw(1)), priority=60)
    early = scripted("early", ("a", saw(2)), ("b", saw(3)), priority=10)
    task, journal = device_task(late, early)
    await task.run()
    assert [f.port for f in facts(journal, Service)] == [2, 3, 1]
    assert all(done.ok for done in journal.state.job_finished.values())
    assert len(journal.state.jobs) == 3


async def test_what_a_job_learns_makes_the_next_job_possible(device_task, scripted) -> None:
    class Chained:
        name = "chained"

        def tasks(self, dut, plan):
            known = len(dut.services())
            if known < 3:
                yield from scripted("chained", (str(known), saw(100 + known))).tasks(dut, plan)

    task, journal = device_task(Chained())
    await task.run()
    assert [f.port for f in facts(journal, Service)] == [100, 101, 102]


async def test_lanes_run_beside_each_other(device_task, scripted) -> None:
    meeting = asyncio.Event()

    async def waits(session: DeviceSession) -> None:
        await asyncio.wait_for(meeting.wait(), 5)

    async def comes(session: DeviceSession) -> None:
        meeting.set()

    task, journal = device_task(
        scripted("scan", ("a", waits), lane="scan"), scripted("ask", ("a", comes))
    )
    await asyncio.wait_for(task.run(), 10)
    assert all(done.ok for done in journal.state.job_finished.values())


async def test_no_answer_is_recorded_with_its_owner(device_task, scripted) -> None:
    async def reset(session: DeviceSession) -> None:
        raise NoAnswer(Why.RESET, "connection reset by peer")

    task, journal = device_task(scripted("tls", ("443", reset)))
    await task.run()
    (missing,) = facts(journal, NotMeasured)
    assert (missing.collector, missing.owner) == ("tls", "device")
    assert missing.settle
    (done,) = journal.state.job_finished.values()
    assert (done.ok, done.owner) == (False, Owner.DEVICE)


async def test_a_defect_of_a_collector_does_not_end_the_run(device_task, scripted) -> None:
    async def broken(session: DeviceSession) -> None:
        raise KeyError("surprise")

    task, journal = device_task(scripted("tls", ("443", broken), ("444", saw(444))))
    await task.run()
    (missing,) = facts(journal, NotMeasured)
    assert missing.owner == "tool"
    assert "KeyError" in missing.reason
    assert len(facts(journal, Service)) == 1
    captions = [e.caption for e in journal.store.evidence_index(journal.run)]
    assert any("what went wrong in tls on 443" in c for c in captions)


async def test_an_address_outside_the_scope_is_a_failed_job_and_no_packet(
    device_task, scripted
) -> None:
    async def astray(session: DeviceSession) -> None:
        async with session.connect("203.0.113.5", 80):
            raise AssertionError

    task, journal = device_task(scripted("web", ("x", astray)))
    await task.run()
    assert "outside the scope" in facts(journal, NotMeasured)[0].reason
    assert task.budget.packets == 0


async def test_a_resumed_run_skips_what_is_done(device_task, scripted) -> None:
    first, journal = device_task(scripted("one", ("a", saw(1))))
    await first.run()
    again = Journal(journal.store, journal.run)
    again.replay()
    second, again = device_task(
        scripted("one", ("a", saw(99))), scripted("two", ("b", saw(2))), journal=again
    )
    await second.run()
    assert [f.port for f in facts(again, Service)] == [1, 2]


async def test_a_device_that_stops_answering_is_left_alone(
    device_task, scripted, monkeypatch
) -> None:
    monkeypatch.setattr(health, "PAUSES_S", (0.01, 0.02))
    monkeypatch.setattr(health, "EVERY_S", 0.0)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    port = listener.getsockname()[1]

    async def scan(session: DeviceSession) -> None:
        session.observe(
            PortScan(
                transport="tcp", address="127.0.0.1", list_name="t", tested=str(port), open=(port,)
            ),
            TRIED,
        )

    async def kill(session: DeviceSession) -> None:
        async def dead(*_: object) -> tuple[bool, str]:
            return False, "TCP connect"

        monkeypatch.setattr(task.health, "_answers", dead)

    task, journal = device_task(
        scripted("a-scan", ("1", scan), priority=1),
        scripted("b-kill", ("2", kill), priority=2),
        scripted("c-more", ("3", saw(3)), ("4", saw(4)), priority=3),
    )
    await task.run()
    listener.close()
    assert [h.state for h in facts(journal, Health)] == ["stopped answering", "stopped answering"]
    left = [m.subject for m in facts(journal, NotMeasured)]
    assert left == ["c-more on 3", "c-more on 4"]
    assert facts(journal, Service) == []


async def test_a_device_that_answers_at_the_end_is_recorded_as_answering(
    device_task, scripted
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    async def scan(session: DeviceSession) -> None:
        session.observe(
            PortScan(
                transport="tcp", address="127.0.0.1", list_name="t", tested=str(port), open=()
            ),
            TRIED,
        )

    task, journal = device_task(scripted("scan", ("1", scan)))
    await task.run()
    assert [h.state for h in facts(journal, Health)] == ["answering"]
    assert task.budget.packets >= 1


async def test_a_used_up_time_budget_stops_and_says_so(device_task, scripted) -> None:
    async def slow(session: DeviceSession) -> None:
        session.budget.started -= 10_000

    task, journal = device_task(
        scripted("slow", ("1", slow), priority=1), scripted("next", ("2", saw(2)), priority=2)
    )
    await task.run()
    (missing,) = facts(journal, NotMeasured)
    assert (missing.owner, missing.subject) == ("operator", "next on 2")


async def test_a_full_disk_ends_the_task_and_does_not_make_it_hot(device_task, scripted) -> None:
    task, journal = device_task(scripted("one", ("a", saw(1))), scripted("two", ("b", saw(2))))
    write, tries = journal.append, []

    def full(event: ev.Event) -> ev.Entry:
        if isinstance(event, ev.JobKnown):
            return write(event)
        tries.append(event)
        raise explained("store", "database or disk is full")

    task.bench.recorder.append = full
    with pytest.raises(StoreError, match="disk is full"):
        await asyncio.wait_for(task.run(), 5)
    assert len(tries) < 10


async def test_a_login_is_in_the_journal_before_it_leaves(device_task, scripted) -> None:
    async def logs_in(session: DeviceSession) -> None:
        session.budget.login("telnet tcp/23", "root")
        assert journal.state.budgets[task.device].logins == 1
        raise NoAnswer(Why.RESET, "killed here")

    task, journal = device_task(scripted("login", ("23", logs_in)))
    await task.run()
    second, _ = device_task(scripted("login", ("23", logs_in)), journal=journal)
    assert second.budget.logins == 1
    second.budget.login("telnet tcp/23", "root")
    second.budget.login("telnet tcp/23", "root")
    with pytest.raises(NoAnswer):
        second.budget.login("telnet tcp/23", "root")


async def test_a_job_during_which_the_link_was_down_is_done_again(device_task, scripted) -> None:
    looks = iter([True])

    async def scan(session: DeviceSession) -> None:
        done.append(1)
        if len(done) == 1:
            raise NoAnswer(Why.LOCAL, "Network is down")
        await saw(1)(session)

    done: list[int] = []
    task, journal = device_task(
        scripted("scan", ("1", scan)), disturbed=lambda since: next(looks, False)
    )
    await task.run()
    assert len(done) == 2
    assert [f.port for f in facts(journal, Service)] == [1]
    assert facts(journal, NotMeasured) == []
    assert [f.ok for f in journal.state.job_finished.values()] == [True]


async def test_a_link_that_flaps_for_ever_does_not_keep_the_job_for_ever(
    device_task, scripted
) -> None:
    task, journal = device_task(scripted("one", ("a", saw(1))), disturbed=lambda since: True)
    await asyncio.wait_for(task.run(), 5)
    finished = list(journal.state.job_finished.values())
    assert [(f.ok, f.owner) for f in finished] == [(False, Owner.ENVIRONMENT)]
    assert "each of 4 attempts" in finished[0].reason
    assert facts(journal, Service) == [], "no attempt was heard to its end"
    assert [f.owner for f in facts(journal, NotMeasured)] == ["environment"]


async def test_a_disturbed_attempt_leaves_nothing_beside_the_next_one(
    device_task, scripted
) -> None:
    looks, done = iter([True]), list[int]()

    async def scan(session: DeviceSession) -> None:
        done.append(len(done))
        for port in (1, 2, 3) if len(done) == 1 else (4,):
            await saw(port)(session)
        assert len(facts(journal, Service)) == (3 if len(done) == 1 else 1)

    task, journal = device_task(
        scripted("scan", ("1", scan)), disturbed=lambda since: next(looks, False)
    )
    await task.run()
    assert [f.port for f in facts(journal, Service)] == [4]


async def test_a_killed_attempt_leaves_nothing_beside_that_of_the_next_sitting(
    device_task, scripted
) -> None:
    recorded = asyncio.Event()

    async def for_ever(session: DeviceSession) -> None:
        await saw(1)(session)
        await saw(2)(session)
        recorded.set()
        await asyncio.sleep(60)

    task, journal = device_task(scripted("scan", ("1", for_ever)))
    running = asyncio.create_task(task.run())
    await recorded.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [f.port for f in facts(journal, Service)] == [1, 2]
    read = Journal(journal.store, journal.run)
    read.replay()
    assert [f.port for f in facts(read, Service)] == [1, 2]
    again, _ = device_task(scripted("scan", ("1", saw(9))), journal=read)
    await again.run()
    assert [f.port for f in facts(read, Service)] == [9]


async def test_a_job_given_up_keeps_what_an_earlier_attempt_at_it_recorded(
    device_task, scripted
) -> None:
    async def half(session: DeviceSession) -> None:
        await saw(1)(session)
        raise NoAnswer(Why.RESET, "half way")

    task, journal = device_task(scripted("scan", ("1", half)))
    await task.run()
    for job in journal.state.failed_jobs():
        journal.append(ev.JobReopened(job=job))
    second, _ = device_task(scripted("scan", ("1", half)), journal=journal)
    second._give_up(second._open_tasks())
    assert [f.port for f in facts(journal, Service)] == [1]
    assert ["used up" in f.reason for f in facts(journal, NotMeasured)] == [True]


async def test_the_totals_are_written_while_a_long_job_goes_on(
    device_task, scripted, monkeypatch
) -> None:
    monkeypatch.setattr(module, "TOTALS_EVERY_S", 0.02)
    written: list[int] = []

    async def long(session: DeviceSession) -> None:
        for _ in range(3):
            await session.budget.packet()
            await asyncio.sleep(0.06)
            written.append(journal.state.budgets[task.device].packets)

    task, journal = device_task(scripted("long", ("a", long)))
    await task.run()
    assert written == [1, 2, 3]
    spent = [e for e in entries_after(journal.store, journal.run, 0) if "Budget" in str(e.event)]
    assert len(spent) <= 6, "nothing is written while nothing is sent"


async def test_what_comes_last_waits_for_everything_else(device_task, scripted) -> None:
    done: list[str] = []

    def notes(name: str, wait: float = 0.0):
        async def work(session: DeviceSession) -> None:
            await asyncio.sleep(wait)
            done.append(name)

        return work

    task, _ = device_task(
        scripted(
            "guess", ("1", notes("guess 1")), ("2", notes("guess 2")), priority=1, lane="last"
        ),
        scripted("scan", ("a", notes("scan", 0.2)), lane="scan"),
        scripted("ask", ("a", notes("ask"))),
    )
    await asyncio.wait_for(task.run(), 10)
    assert done == ["ask", "scan", "guess 1", "guess 2"]


async def test_what_comes_last_waits_until_discovery_is_over(device_task, scripted) -> None:
    resting = True

    async def work(session: DeviceSession) -> None:
        assert not resting

    task, journal = device_task(scripted("guess", ("1", work), lane="last"))
    task.bench = dataclasses.replace(task.bench, resting=lambda: resting)
    running = asyncio.create_task(task.run())
    await asyncio.sleep(0.3)
    assert not journal.state.job_finished
    resting = False
    task.wake.set()
    await asyncio.wait_for(running, 10)
    assert [d.ok for d in journal.state.job_finished.values()] == [True]
