"""What the plain progress says, and what it does not say twice."""

import pytest

from probe.cli.follow import Narrator
from probe.model import event as ev
from probe.model.device import Attribute, Device
from probe.model.ids import DeviceId
from probe.model.state import RunState

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
