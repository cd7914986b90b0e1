"""A run over images: whatever a reader dies of, the image is inconclusive, and is taken up again."""

import multiprocessing
import os
import signal
import struct
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec

from firmware_checks.examine import opened
from firmware_checks.reading import Keys
from probe.model.device import Device
from probe.model.event import DeviceDone, DeviceSeen
from probe.model.fact import NotMeasured
from probe.model.finding import Outcome
from probe.model.firmware import ImageSurvey
from probe.model.ids import DeviceId
from probe.model.plan import Plan
from probe.model.run import GivenImage, RunStatus
from probe.runner import firmware_reader, judging
from probe.runner import firmware_steps as steps
from probe.runner.firmware import FirmwareRun
from probe.runner.images import with_images
from probe.store.journal import Journal
from probe.store.store import Store

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


def trees(folder: Path, keys: list[bytes]) -> list[Path]:
    """Images with one file each, a private key."""
    paths = []
    for number, key in enumerate(keys):
        path = folder / f"{number}.cpio"
        files = {"etc/ssl/private/server.key": key, "etc/hostname": b"host%d\n" % number}
        path.write_bytes(archive(files))
        paths.append(path)
    return paths


def archive(files: dict[str, bytes]) -> bytes:
    """A cpio archive (newc: cpio(5))."""
    made = b""
    for number, (name, data) in enumerate([*files.items(), ("TRAILER!!!", b"")], 1):
        raw = name.encode() + b"\0"
        fields = (number, 0o100600, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        made += b"070701" + b"".join(b"%08X" % field for field in fields) + raw
        made += bytes(-len(made) % 4) + data
        made += bytes(-len(made) % 4)
    return made


def new_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())


def keys_told(journal: Journal) -> dict[str, str]:
    state = journal.state
    return {
        state.devices[f.device].label: f.answer.summary
        for f in state.findings.values()
        if f.check == "firmware/private_keys" and f.answer.outcome is Outcome.VIOLATED
    }


def test_what_was_not_compared_before_a_kill_is_compared_by_the_run_that_goes_on(
    tmp_path: Path,
) -> None:
    shared, other = new_key(), new_key()
    paths = trees(tmp_path, [shared, shared, other, shared])
    journal = open_journal(tmp_path / "store", PLAN)
    run = FirmwareRun(journal, Keys(), lambda *_: None)
    list(run.steps(paths, at_once=1))  # all are examined, and it is killed before its last word
    assert "same key" not in keys_told(journal)["0.cpio"]
    again = Journal(Store(str(tmp_path / "store")), journal.run)
    again.replay()
    assert set(examined(again, *paths)) == {f"{n}.cpio: done before" for n in range(4)}
    told = keys_told(again)
    for name in ("0.cpio", "1.cpio", "3.cpio"):
        assert "The same key is in" in told[name], name
    assert "same key" not in told["2.cpio"]
    entries = again.state.seq
    again_and_again = FirmwareRun(again, Keys(), lambda *_: None)
    again_and_again.run(paths)
    assert again.state.seq == entries + 2, "running and finished, and nothing new between"


def test_a_run_that_is_stopped_compares_what_it_has(tmp_path: Path, monkeypatch) -> None:
    shared = new_key()
    paths = trees(tmp_path, [shared] * 3)
    journal = open_journal(tmp_path / "store", PLAN)
    run = FirmwareRun(journal, Keys(), lambda *_: None)
    monkeypatch.setattr(run, "_told_to_stop", lambda: run._done == 2)
    run.run(paths, at_once=1)
    told = keys_told(journal)
    assert len(told) == 2
    assert all("The same key is in" in text for text in told.values())
    assert journal.state.status is RunStatus.STOPPED


def test_each_image_is_judged_a_number_of_times_that_does_not_grow(
    tmp_path: Path, monkeypatch
) -> None:
    judged: list[DeviceId] = []
    usual = judging.assess
    monkeypatch.setattr(
        judging, "assess", lambda dut, *more: judged.append(dut.device.id) or usual(dut, *more)
    )
    shared = new_key()
    paths = trees(tmp_path, [shared] * 4 + [new_key() for _ in range(8)])
    examined(open_journal(tmp_path / "store", PLAN), *paths)
    images = Counter(judged)
    del images[DEVICE.id]
    assert len(images) == 12
    assert max(images.values()) <= 3, "when it is done, compared at the end, and judged again then"


def test_readers_of_many_images_find_their_modules_there(
    image: Path, tmp_path: Path, monkeypatch
) -> None:
    imported: list[int] = []
    monkeypatch.setattr(steps, "import_once", lambda: imported.append(1))
    paths = trees(tmp_path, [new_key() for _ in range(3)])
    list(
        FirmwareRun(open_journal(tmp_path / "a", PLAN), Keys(), lambda *_: None).steps(
            paths[:2], at_once=2
        )
    )
    assert not imported, "one or two begin at once"
    list(
        FirmwareRun(open_journal(tmp_path / "b", PLAN), Keys(), lambda *_: None).steps(
            paths, at_once=2
        )
    )
    assert imported
