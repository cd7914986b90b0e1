"""What the plain progress says, and what it does not say twice."""

import pytest

from probe.cli.follow import Narrator
from probe.model import event as ev
from probe.model.device import Attribute, Device
from probe.model.fact import Observation
from probe.model.firmware import ImageLayer, LayerKind
from probe.model.ids import DeviceId, JobId
from probe.model.job import Job
from probe.model.state import RunState
from probe.tui.view import doing

KETTLE = Device(id=DeviceId("ip-198.51.100.7"), addresses=("198.51.100.7",))


@pytest.fixture
def narrator() -> Narrator:
    return Narrator(RunState())


def test_a_device_is_told_once_and_again_with_a_new_address(narrator: Narrator) -> None:
    told = ["device 198.51.100.7: 198.51.100.7"]
    assert narrator.lines(ev.DeviceSeen(device=KETTLE)) == told
    assert narrator.lines(ev.DeviceSeen(device=KETTLE)) == []
    more = Device(id=KETTLE.id, addresses=("198.51.100.7", "2001:db8::7"))
    assert narrator.lines(ev.DeviceSeen(device=more)) == [f"{told[0]}, 2001:db8::7"]


def test_the_same_warning_twice_is_two_warnings(narrator: Narrator) -> None:
    note = ev.Noted(level="warning", text="the helper is slow")
    assert narrator.lines(note) == narrator.lines(note) == ["warning: the helper is slow"]


def test_a_name_with_an_escape_sequence_stays_text(narrator: Narrator) -> None:
    rude = Device(
        id=KETTLE.id,
        addresses=KETTLE.addresses,
        attributes=(Attribute(name="model", value="\x1b[2Jkettle", source="mDNS"),),
    )
    [line] = narrator.lines(ev.DeviceSeen(device=rude))
    assert "\x1b" not in line


def test_an_image_that_is_read_for_minutes_is_no_silence() -> None:
    state = RunState()
    job = Job(id=JobId("firmware/d/1"), device=KETTLE.id, collector="firmware", title="image x")
    layer = ImageLayer(
        image="1",
        place="0/1",
        format="squashfs\x1b[2J",
        kind=LayerKind.FILE_SYSTEM,
        name="root",
        offset=64,
        size=1000,
        sha256="2",
    )
    seen = Observation(
        id="firmware/d/1#1", device=KETTLE.id, collector="firmware", at=2.0, fact=layer, proof=()
    )
    events = [ev.DeviceSeen(device=KETTLE), ev.JobKnown(job=job), ev.JobStarted(job=job.id)]
    told = []
    for seq, event in enumerate([*events, ev.Observed(observation=seen)], 1):
        state.apply(ev.Entry(seq=seq, at=1.0, event=event))
        told += Narrator(state).lines(event)
    assert told[1:] == [
        "198.51.100.7: image x: being read",
        "198.51.100.7: layer 0/1, squashfs·[2J, 1000 bytes",
    ]
    assert doing(state, job) == "1 layers, 1 facts: image x"
