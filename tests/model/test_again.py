"""The command to measure again can be pasted into a shell as it is."""

import shlex

from probe.model.again import command_again
from probe.model.device import Device
from probe.model.ids import DeviceId, RunId
from probe.model.plan import Plan
from probe.model.run import Run, Scope

RUN = Run(
    id=RunId("r"),
    started_at=1.0,
    scope=Scope(interface="eth1; reboot", networks=()),
    plan=Plan(name="quick", summary="", catalogues=(), tcp_ports="quick"),
)


def test_it_names_interface_address_and_plan() -> None:
    lamp = Device(id=DeviceId("x"), addresses=("198.51.100.11", "2001:db8::11"))
    words = shlex.split(command_again(RUN, lamp))
    assert words == [
        *("probe", "run", "-i", "eth1; reboot", "--target", "198.51.100.11"),
        *("--plan", "quick"),
    ]


def test_a_device_without_an_address_is_looked_for() -> None:
    nameless = Device(id=DeviceId("x"))
    assert "--target" not in command_again(RUN, nameless)
    assert command_again(RUN, nameless) == command_again(RUN, None)
