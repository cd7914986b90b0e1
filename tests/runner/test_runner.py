"""The run as a whole, with a scripted discovery and scripted collectors on loopback."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.errors import ProbeError
from probe.model import event as ev
from probe.model.device import Device
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.finding import Finding, violated
from probe.model.ids import CheckId
from probe.model.observation import Announced, NotMeasured, Service
from probe.model.run import RunStatus
from probe.runner import runner, worker
from probe.runner.runner import Runner
from probe.store.errors import StoreError, explained
from probe.store.journal import Journal

from .conftest import DEVICE, Scripted, open_journal

TRIED = Coverage(tried="asked", times=1, deadline_s=1.0)
MORE = replace(DEVICE, addresses=("127.0.0.1", "127.0.0.2"))
OTHER = Device(id=DEVICE.id.replace("1", "9"), addresses=("127.0.0.9",))  # type: ignore[arg-type]
Script = Callable[["Found"], object]


class Found:
    """Stands for Discovery: what it finds is in the hands of the test."""

    script: Script

    def __init__(self, link, plan, on_device, observe, keep) -> None:
        self.active_done = asyncio.Event()
        self.on_device, self.observe = on_device, observe

    async def run(self) -> None:
        try:
            await type(self).script(self)
            self.active_done.set()
            await asyncio.Event().wait()
        finally:
            self.active_done.set()

    def settled(self, device) -> None:
        pass


class EveryAddress:
    """One job for each address of the device."""

    name = "every"

    def __init__(self, work=None) -> None:
        self.work = work

    def tasks(self, dut: Dut, plan):
        for address in dut.device.addresses:
            yield from Scripted("every", (address, self.work or self._at(address))).tasks(dut, plan)

    def _at(self, address: str):
        async def work(session: DeviceSession) -> None:
            fact = Service(transport="tcp", address=address, port=80, protocol="http")
            session.observe(fact, TRIED)

        return work


@pytest.fixture
def journal(tmp_path: Path, plan) -> Journal:
    return open_journal(tmp_path, replace(plan, listen_s=0.6))


@pytest.fixture
def go(monkeypatch, journal: Journal):
    """``await go(script, collector)`` runs to the end; gives the events of this sitting."""

    async def run(script: Script, collector=None, journal: Journal = journal) -> list[ev.Event]:
        Found.script = script
        monkeypatch.setattr(runner, "Discovery", Found)
        monkeypatch.setattr(runner, "_collectors", lambda: [collector or EveryAddress()])
        events: list[ev.Event] = []
        write = journal.append

        def append(event: ev.Event) -> ev.Entry:
            events.append(event)
            return write(event)

        monkeypatch.setattr(journal, "append", append)
        await asyncio.wait_for(Runner(journal, None).run(), 20)
        return events

    return run


async def nothing(found: Found) -> None:
    pass


async def one(found: Found) -> None:
    found.on_device(DEVICE)


def jobs(journal: Journal) -> list[str]:
    return [job.rpartition("/")[2] for job in journal.state.job_finished]


async def until(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110 - a journal rings no bell
        await asyncio.sleep(0.05)


async def test_an_address_that_shows_after_the_device_was_done_is_measured_too(
    go, journal: Journal
) -> None:
    async def script(found: Found) -> None:
        found.on_device(DEVICE)
        found.on_device(OTHER)
        found.active_done.set()
        await until(lambda: DEVICE.id in journal.state.devices_done)
        found.on_device(MORE)
        assert DEVICE.id not in journal.state.devices_done

    async def slow(session: DeviceSession) -> None:
        if session.dut.device.id == OTHER.id:
            await until(lambda: "127.0.0.2" in jobs(journal))

    await go(script, EveryAddress(slow))
    assert journal.state.status is RunStatus.FINISHED
    assert sorted(jobs(journal)) == ["127.0.0.1", "127.0.0.2", "127.0.0.9"]
    assert journal.state.complete()


async def test_what_is_heard_after_the_device_was_done_is_judged_too(go, journal: Journal) -> None:
    async def script(found: Found) -> None:
        found.on_device(DEVICE)
        found.on_device(OTHER)
        found.active_done.set()
        await until(lambda: DEVICE.id in journal.state.devices_done)
        said = Announced(via="mdns", name="kettle", kind="_http._tcp", port=80, attributes=())
        found.observe(DEVICE.id, said, TRIED)
        said_it.set()

    async def slow(session: DeviceSession) -> None:
        if session.dut.device.id == OTHER.id:
            await said_it.wait()

    said_it = asyncio.Event()
    events = await go(script, EveryAddress(slow))
    late = next(
        i
        for i, e in enumerate(events)
        if isinstance(e, ev.Observed)
        and said_it.is_set()
        and isinstance(e.observation.fact, Announced)
    )
    assert ev.DeviceDone(device=DEVICE.id) in events[late:]
    assert journal.state.complete()


async def test_a_broken_discovery_is_told_once_and_the_run_ends_resumable(
    go, journal: Journal
) -> None:
    async def script(found: Found) -> None:
        found.on_device(DEVICE)
        raise ValueError("a hostile prefix")

    events = await go(script)
    notes = [e.text for e in events if isinstance(e, ev.Noted) and "Discovery ended" in e.text]
    assert len(notes) == 1
    assert journal.state.status is RunStatus.FAILED
    assert "hostile prefix" in journal.state.status_reason
    assert jobs(journal) == ["127.0.0.1"], "what was found is measured all the same"


async def test_an_interface_that_cannot_be_opened_does_not_hang_the_run(
    go, journal: Journal, monkeypatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise ProbeError("there is no network interface", "Plug it in.")

    monkeypatch.setattr(runner.LinkSession, "open", gone)
    await go(nothing)
    assert journal.state.status is RunStatus.FAILED


async def test_a_device_whose_work_crashed_is_not_done_and_is_taken_up_again(
    go, journal: Journal
) -> None:
    class Broken:
        name = "broken"

        def tasks(self, dut: Dut, plan):
            raise KeyError("surprise")

    await go(one, Broken())
    assert journal.state.status is RunStatus.FAILED
    assert DEVICE.id not in journal.state.devices_done
    assert journal.state.findings, "it is judged as it stands"
    await go(one)
    assert journal.state.status is RunStatus.FINISHED
    assert journal.state.complete()


def again(journal: Journal) -> Journal:
    taken_up = Journal(journal.store, journal.run)
    taken_up.replay()
    return taken_up


async def test_a_full_disk_ends_the_run(go, journal: Journal) -> None:
    def full(event: ev.Event) -> ev.Entry:
        if isinstance(event, ev.JobFinished):
            raise explained("store", "database or disk is full")
        return write(event)

    write = journal.append
    journal.append = full  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        await go(one)


async def test_what_failed_is_tried_again_by_a_resumed_run(go, journal: Journal) -> None:
    async def reset(session: DeviceSession) -> None:
        raise NoAnswer(Why.RESET, "reset by peer")

    await go(one, EveryAddress(reset))
    assert journal.state.status is RunStatus.FINISHED
    assert not journal.state.complete()
    store = journal.store
    taken_up, lock = worker._taken_up(store, journal.run)
    lock.release()
    await go(one, journal=taken_up)
    state = taken_up.state
    assert not [
        o
        for o in state.observations.values()
        if isinstance(o.fact, NotMeasured) and o.collector == "every"
    ]
    assert [f.ok for f in state.job_finished.values()] == [True]
    with pytest.raises(ProbeError, match="nothing to resume"):
        worker._taken_up(store, journal.run)


async def test_an_address_of_an_earlier_sitting_does_not_disappear(go, journal: Journal) -> None:
    journal.append(ev.DeviceSeen(device=MORE))
    taken_up = again(journal)
    await go(one, journal=taken_up)
    assert taken_up.state.devices[DEVICE.id].addresses == MORE.addresses
    assert sorted(jobs(taken_up)) == ["127.0.0.1", "127.0.0.2"]


async def test_a_device_that_was_not_seen_again_is_worked_on_all_the_same(
    go, journal: Journal
) -> None:
    taken_up = again(journal)
    await go(nothing, journal=taken_up)
    assert jobs(taken_up) == ["127.0.0.1"]
    assert taken_up.state.complete()


async def test_an_early_finding_that_no_longer_holds_is_withdrawn(go, journal: Journal) -> None:
    early = Finding(
        check=CheckId("exposure/unidentified_services"),
        device=DEVICE.id,
        answer=violated("tcp 127.0.0.1:9000", "Every probe was tried.", TRIED),
    )

    async def script(found: Found) -> None:
        journal.append(ev.Found(finding=early))
        found.on_device(DEVICE)

    await go(script)
    assert early.id not in journal.state.findings
    assert journal.state.findings


async def test_a_paused_run_begins_new_devices_behind_a_closed_gate(go, journal: Journal) -> None:
    store, run = journal.store, journal.run
    sent: list[str] = []

    async def script(found: Found) -> None:
        await asyncio.sleep(0.05)  # commands from before the run's own time are not obeyed
        store.command(run, "pause")
        await until(lambda: journal.state.status is RunStatus.PAUSED)
        found.on_device(DEVICE)
        await asyncio.sleep(0.3)
        assert sent == []
        store.command(run, "resume")

    async def sends(session: DeviceSession) -> None:
        await session.budget.packet()
        sent.append(session.job)

    await go(script, EveryAddress(sends))
    assert journal.state.status is RunStatus.FINISHED
    assert len(sent) == 1


async def test_a_stop_that_came_before_the_first_look_is_obeyed(go, journal: Journal) -> None:
    journal.store.command(journal.run, "stop")

    async def waits(session: DeviceSession) -> None:
        await asyncio.sleep(60)

    events = await go(one, EveryAddress(waits))
    assert [e.status for e in events if isinstance(e, ev.StatusChanged)][-1] is RunStatus.STOPPED


async def test_a_command_to_an_earlier_sitting_is_not_obeyed_again(go, journal: Journal) -> None:
    journal.store.command(journal.run, "stop")
    again = Journal(journal.store, journal.run)
    again.replay()
    events = await go(one, journal=again)
    assert [e.status for e in events if isinstance(e, ev.StatusChanged)][-1] is RunStatus.FINISHED
