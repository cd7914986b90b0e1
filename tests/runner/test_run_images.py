"""Images in a run on the network: stop and pause are heard at once, and no other file is examined instead."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from probe.cli.images import images_of
from probe.errors import ProbeError
from probe.model import event as ev
from probe.model.device import Device
from probe.model.fact import NotMeasured
from probe.model.finding import Outcome
from probe.model.firmware import ImageSurvey
from probe.model.ids import RunId
from probe.model.run import GivenImage, RunStatus, Scope
from probe.runner import firmware_reader, runner, worker
from probe.runner.runner import Runner
from probe.store.journal import Journal
from probe.store.lock import RunLock

from .conftest import DEVICE, open_journal
from .test_runner import EveryAddress, Found, one

CONTENT = bytes(range(256)) * 20
LOOPBACK = Scope(interface="lo", networks=("127.0.0.0/8",))
OTHER = Device(id=DEVICE.id.replace("1", "9"), addresses=("127.0.0.9",))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _scripted(monkeypatch) -> None:
    async def both(found: Found) -> None:
        await one(found)
        found.on_device(OTHER)

    Found.script = staticmethod(both)  # type: ignore[assignment]
    monkeypatch.setattr(runner, "Discovery", Found)
    monkeypatch.setattr(runner, "_collectors", lambda: [EveryAddress()])


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def given(tmp_path: Path, plan) -> Callable[..., Journal]:
    """``given((address, path), …)``: the journal of a run with these images, and one of no device."""

    def build(*images: tuple[str, Path]) -> Journal:
        from firmware_checks.examine import opened

        journal = open_journal(
            tmp_path / "store", replace(plan, listen_s=0.1, catalogues=("psti",))
        )
        known = []
        for address, path in images:
            with opened(path) as (found, _):
                known.append(GivenImage(address=address, path=str(path), sha256=found.sha256))
        assert journal.state.run is not None
        journal.append(ev.RunStarted(run=replace(journal.state.run, images=tuple(known))))
        return journal

    return build


async def go(journal: Journal) -> None:
    await asyncio.wait_for(Runner(journal, None).run(), 20)


def again(journal: Journal) -> Journal:
    """What another process would read of the run."""
    other = Journal(journal.store, journal.run)
    other.replay()
    return other


def surveys(journal: Journal) -> list[tuple[str, str]]:
    """Device and image of everything that was examined to its end."""
    found = [o for o in journal.state.observations.values() if isinstance(o.fact, ImageSurvey)]
    return sorted((o.device, o.fact.image) for o in found)  # type: ignore[attr-defined]


def gaps(journal: Journal) -> list[str]:
    facts = [o.fact for o in journal.state.observations.values()]
    return [f.reason for f in facts if isinstance(f, NotMeasured) and f.collector == "firmware"]


def endless(*_: object, **__: object) -> None:
    while True:
        sum(range(1000))


def readers() -> list[int]:
    """Living processes that were forked from this one; a server of other tests has a command of its own."""
    found, mine = [], Path("/proc/self/cmdline").read_bytes()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            same = (folder / "cmdline").read_bytes() == mine
        except OSError:
            continue
        if same and int(fields[1]) == os.getpid() and fields[0] != "Z":
            found.append(int(folder.name))
    return found


def used(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


async def being_read(journal: Journal) -> None:
    while not any(j.collector == "firmware" for j in journal.state.running_jobs()):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def test_a_stop_is_heard_while_an_image_is_read(image, given, monkeypatch) -> None:
    journal = given(("127.0.0.1", image))
    with monkeypatch.context() as slow:
        slow.setattr(firmware_reader, "examine", endless)
        task = asyncio.create_task(go(journal))
        await being_read(journal)
        assert readers()
        journal.store.command(journal.run, "stop")
        began = time.monotonic()
        await task
    assert time.monotonic() - began < 1.5
    assert not readers()
    assert journal.state.status is RunStatus.STOPPED
    resumed = again(journal)
    await go(resumed)
    assert resumed.state.status is RunStatus.FINISHED
    assert len(surveys(resumed)) == 1
    assert resumed.state.complete()


async def test_a_paused_run_reads_no_further(image, given, monkeypatch) -> None:
    journal = given(("127.0.0.1", image))
    monkeypatch.setattr(firmware_reader, "examine", endless)
    task = asyncio.create_task(go(journal))
    await being_read(journal)
    (reader,) = readers()
    journal.store.command(journal.run, "pause")
    while journal.state.status is not RunStatus.PAUSED:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    before = used(reader)
    await asyncio.sleep(0.4)
    assert used(reader) == before
    journal.store.command(journal.run, "resume")
    while used(reader) == before:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    journal.store.command(journal.run, "pause")
    await asyncio.sleep(0.5)
    journal.store.command(journal.run, "stop")
    await task
    assert journal.state.status is RunStatus.STOPPED
    assert not readers(), "one that stands still is ended too"


def test_time_stands_still_for_a_reader_that_is_held(image) -> None:
    from firmware_checks.examine import opened
    from firmware_checks.reading import Keys

    with opened(image) as (found, _):
        reader = firmware_reader.started(image, found, DEVICE, Keys())
    clock = firmware_reader._clock(os.getppid(), reader.paused)
    until = reader.until
    reader.hold()
    time.sleep(0.3)
    reader.go_on()
    assert time.monotonic() - clock() == pytest.approx(0.3, abs=0.1)
    assert reader.until - until == pytest.approx(0.3, abs=0.1)
    reader.process.join(5)
    assert reader.process.exitcode == 0


async def test_several_images_of_a_device_and_one_of_several_devices(image, given) -> None:
    second = image.with_name("second.bin")
    second.write_bytes(CONTENT[::-1])
    journal = given(("127.0.0.1", image), ("127.0.0.1", second), ("127.0.0.9", image))
    await go(journal)
    assert journal.state.status is RunStatus.FINISHED
    assert [device for device, _ in surveys(journal)] == [DEVICE.id, DEVICE.id, OTHER.id]
    assert len(journal.state.devices[DEVICE.id].images) == 2
    assert journal.state.complete()


@pytest.mark.parametrize("how", ["changed", "gone"])
async def test_an_image_that_is_not_there_as_it_was_is_told(how: str, image, given) -> None:
    journal = given(("127.0.0.1", image))
    if how == "gone":
        image.unlink()
    else:
        image.write_bytes(CONTENT[1:])
    await go(journal)
    word = {"changed": "not the file that the run was given", "gone": "No such file"}[how]
    assert [word in reason for reason in gaps(journal)] == [True]
    assert any(word in n.text for _, n in journal.state.notes if n.level == "error")
    assert not surveys(journal), "another file is not examined instead"
    said = [f.answer for f in journal.state.findings.values() if f.check.startswith("firmware/")]
    assert {a.outcome for a in said} == {Outcome.INCONCLUSIVE}
    image.write_bytes(CONTENT)
    resumed = again(journal)
    await go(resumed)
    assert len(surveys(resumed)) == 1
    assert not gaps(resumed), "the gap is taken back"
    assert resumed.state.complete()


async def test_the_image_of_nobody_stands_alone_and_is_asked_nothing(image, given) -> None:
    journal = given(("127.0.0.77", image))
    await go(journal)
    alone = [d for d in journal.state.devices.values() if d.is_image_only]
    assert len(alone) == 1
    assert [device for device, _ in surveys(journal)] == [alone[0].id]
    # Killed before its device was done: it is no device on the network in the next sitting either.
    journal.state.devices_done.discard(alone[0].id)
    journal.append(ev.JobReopened(job=firmware_reader.job_of(alone[0], alone[0].images[0])))
    resumed = again(journal)
    await go(resumed)
    assert resumed.state.complete()
    about = {o.collector for o in resumed.state.observations.values() if o.device == alone[0].id}
    assert about == {"firmware"}


async def test_the_age_of_the_advisories_is_in_this_report_too(image, given) -> None:
    journal = given(("127.0.0.1", image))
    await go(journal)
    assert any("the table that comes with the probe" in n.text for _, n in journal.state.notes)


def test_a_reader_does_not_hold_the_lock_of_a_dead_run(image, tmp_path: Path, monkeypatch) -> None:
    """And it ends by itself when nobody listens any more."""
    from firmware_checks.examine import opened
    from firmware_checks.reading import Keys

    def asks_the_time(*_: object, clock, **__: object) -> None:
        while True:
            clock()

    monkeypatch.setattr(firmware_reader, "examine", asks_the_time)
    told, tell = os.pipe()
    run = os.fork()
    if run == 0:
        assert RunLock(tmp_path / "lock").acquire()
        with opened(image) as (found, _):
            reader = firmware_reader.started(image, found, DEVICE, Keys())
        os.write(tell, str(reader.process.pid).encode())
        time.sleep(60)
    pid = int(os.read(told, 20))
    time.sleep(0.3)
    lock = RunLock(tmp_path / "lock")
    assert lock.held()
    os.kill(run, 9)
    os.waitpid(run, 0)
    assert not lock.held()
    until = time.monotonic() + 3
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    os.close(told)
    os.close(tell)


async def test_the_signals_of_the_run_are_not_those_of_its_readers(
    image, given, monkeypatch
) -> None:
    journal = given(("127.0.0.1", image))
    monkeypatch.setattr(firmware_reader, "examine", endless)
    task = asyncio.create_task(worker._run(journal, RunLock(image.with_name("lock")), None))
    await being_read(journal)
    await asyncio.sleep(0.2)
    (reader,) = readers()
    os.kill(reader, 15)
    await asyncio.wait_for(task, 5)
    assert journal.store.commands_after(RunId(journal.run), 0) == []
    assert ["signal 15" in reason for reason in gaps(journal)] == [True]


@pytest.mark.parametrize("path", ["/tmp", "/dev/null", "/nowhere"])
def test_what_is_no_file_is_one_clear_refusal(path: str) -> None:
    with pytest.raises(ProbeError, match="cannot be examined"):
        images_of((f"127.0.0.1={path}",), LOOPBACK)
    with pytest.raises(ProbeError, match="ADDRESS=FILE"):
        images_of((f"kettle={path}",), LOOPBACK)
