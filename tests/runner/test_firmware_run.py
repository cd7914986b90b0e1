"""A run over images: whatever a reader dies of, the image is inconclusive, and is taken up again."""

import multiprocessing
import os
import signal
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.examine import opened
from firmware_checks.reading import Keys
from probe.model.device import Device
from probe.model.event import DeviceDone, DeviceSeen
from probe.model.fact import NotMeasured
from probe.model.finding import Outcome
from probe.model.firmware import ImageSurvey
from probe.model.plan import Plan
from probe.model.run import GivenImage
from probe.runner import firmware_reader
from probe.runner.firmware import FirmwareRun
from probe.runner.images import with_images
from probe.store.journal import Journal

from .conftest import DEVICE, open_journal

HALF = struct.pack("!i", 100) + bytes(10)
"""Of a message in a pipe of multiprocessing: its length, and the first bytes."""
PLAN = Plan(name="t", summary="", catalogues=("psti",), tcp_ports="quick")


def die(*_: object, **__: object) -> None:
    os._exit(9)


def surprise(*_: object, **__: object) -> None:
    raise ValueError("nobody thought of this")


def hunger(*_: object, **__: object) -> None:
    raise MemoryError


def die_in_a_message(
    _image: object, _view: object, recording: Any, *_: object, **__: object
) -> None:
    os.write(recording._recorder._pipe.fileno(), HALF)
    os._exit(9)


def examined(journal: Journal, *paths: Path) -> list[str]:
    told: list[str] = []
    FirmwareRun(journal, Keys(), lambda text, *_: told.append(text)).run(paths)
    return told


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.bin"
    path.write_bytes(bytes(range(256)) * 20)
    return path


@pytest.mark.parametrize(
    ("trouble", "word"),
    [
        (die, "exit code 9"),
        (die_in_a_message, "exit code 9"),
        (surprise, "nobody thought"),
        (hunger, "more memory"),
    ],
)
def test_a_reader_that_breaks_leaves_everything_open(
    trouble, word: str, image: Path, tmp_path: Path, monkeypatch
) -> None:
    journal = open_journal(tmp_path, PLAN)
    with monkeypatch.context() as broken:
        broken.setattr(firmware_reader, "examine", trouble)
        examined(journal, image)
    gaps = [o.fact for o in journal.state.observations.values() if isinstance(o.fact, NotMeasured)]
    assert [word in gap.reason for gap in gaps] == [True]
    said = [f for f in journal.state.findings.values() if f.check.startswith("firmware/")]
    assert {f.answer.outcome for f in said} == {Outcome.INCONCLUSIVE}
    assert all(word in f.answer.summary for f in said)
    told = examined(journal, image)
    assert "image.bin: examined" in told
    facts = [o.fact for o in journal.state.observations.values()]
    assert any(isinstance(fact, ImageSurvey) for fact in facts)
    assert not any(isinstance(fact, NotMeasured) for fact in facts), "the gap is taken back"
    assert examined(journal, image) == ["image.bin: done before"]


def test_nobody_waits_for_the_rest_of_a_message_in_a_pause(image: Path, tmp_path: Path) -> None:
    journal = open_journal(tmp_path, PLAN)
    run = FirmwareRun(journal, Keys(), lambda *_: None)
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process.start()
    with opened(image) as (found, _):
        reader = firmware_reader.started(image, found, DEVICE, Keys())
    reader.process.join()
    reader.process, reader.pipe = process, ours
    run.hold(paused=True)
    reader.hold()
    os.write(theirs.fileno(), HALF)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(5)
    try:
        assert list(run._heard([reader], 0.1)) == []
    finally:
        signal.alarm(0)
        process.kill()
        process.join()


def test_a_device_has_its_image_from_its_first_sight(image: Path, tmp_path: Path) -> None:
    given = GivenImage(address="127.0.0.1", path=str(image), sha256="ab" * 32)
    assert with_images(DEVICE, [given]).images == ("ab" * 32,)
    assert not with_images(DEVICE, [given]).is_image_only
    other = Device(id=DEVICE.id, addresses=("127.0.0.9",))
    assert with_images(other, [given]) is other


def test_the_image_of_a_device_on_the_network_is_judged_with_it(
    image: Path, tmp_path: Path
) -> None:
    journal = open_journal(tmp_path, PLAN)
    journal.append(DeviceSeen(device=DEVICE))
    journal.append(DeviceDone(device=DEVICE.id))
    early = firmware_reader.Early(devices={image: DEVICE})
    list(FirmwareRun(journal, Keys(), lambda *_: None, early).steps([image]))
    assert list(journal.state.devices) == [DEVICE.id]
    assert journal.state.devices[DEVICE.id].images
    families = {f.check.partition("/")[0] for f in journal.state.findings.values()}
    assert {"firmware", "exposure", "declaration"} <= families
    assert DEVICE.id in journal.state.devices_done
