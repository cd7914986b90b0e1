"""The command to measure again can be pasted into a shell as it is."""

import shlex
from dataclasses import replace

from probe.model.again import command_again
from probe.model.device import Attribute, Device
from probe.model.ids import DeviceId, RunId
from probe.model.plan import OwnCredential, Permission, Plan
from probe.model.run import GivenImage, Run, Scope

RUN = Run(
    id=RunId("r"),
    started_at=1.0,
    scope=Scope(interface="eth1; reboot", networks=()),
    plan=Plan(name="quick", summary="", catalogues=(), tcp_ports="quick"),
)


def test_it_names_interface_address_and_plan() -> None:
    lamp = Device(id=DeviceId("x"), addresses=("198.51.100.11", "2001:db8::11"))
    words = shlex.split(command_again(RUN, lamp), comments=True)
    assert words == [
        *("probe", "run", "-i", "eth1; reboot", "--target", "198.51.100.11"),
        *("--plan", "quick"),
    ]


def test_a_device_without_an_address_is_looked_for() -> None:
    nameless = Device(id=DeviceId("x"))
    assert "--target" not in command_again(RUN, nameless)
    assert command_again(RUN, nameless) == command_again(RUN, None)


def test_it_does_nothing_that_was_forbidden_and_leaves_out_nothing_that_was_asked() -> None:
    lamp = Device(id=DeviceId("x"), addresses=("198.51.100.11",))
    plan = replace(
        RUN.plan,
        catalogues=("psti", "cra"),
        tcp_ports="22,80-90",
        logins=False,
        permits=(Permission.TLS_ATTACKS, Permission.SNMP_WRITE),
        second_source="198.51.100.3",
        router_advertisement=True,
        credentials=(OwnCredential(id="a", protocols=("ssh",), username="a", password="b"),),
    )
    images = (GivenImage(address="198.51.100.11", path="/tmp/a b.bin", sha256="0" * 64),)
    run = replace(RUN, plan=plan, images=images, keys=("/tmp/k.pem",))
    command, _, left = command_again(run, lamp).partition("  # and ")
    assert shlex.split(command)[6:] == [
        *("--firmware", "198.51.100.11=/tmp/a b.bin", "--key", "/tmp/k.pem", "--plan", "quick"),
        *("--ports", "22,80-90", "--no-logins", "--permit", "tls-attacks", "--permit"),
        *("snmp-write", "--second-source", "198.51.100.3", "--router-advertisement"),
        *("-c", "psti", "-c", "cra"),
    ]
    assert left == "--authorised-by WHO, --credentials FILE"
    assert "--no-logins" not in command_again(RUN, lamp)


def test_of_an_image_it_is_the_command_with_its_keys() -> None:
    image = Device(
        id=DeviceId("x"),
        attributes=(
            Attribute(name="image", value="0" * 64, source="operator"),
            Attribute(name="name", value="a.bin", source="operator"),
        ),
    )
    run = replace(RUN, keys=("k.pem",), plan=replace(RUN.plan, catalogues=("cra",), logins=False))
    assert command_again(run, image).endswith(" --key k.pem -c cra")
    assert "--key" not in command_again(replace(run, keys=()), image)
