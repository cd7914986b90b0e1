"""``--wan`` names one gateway's one outer address; all else gets one clear line."""

import ipaddress

import pytest

from probe.cli import wan
from probe.collect.packet import interface
from probe.collect.packet.interface import InterfaceFacts
from probe.errors import ProbeError
from probe.model.again import command_again
from probe.model.device import Device
from probe.model.ids import DeviceId, RunId
from probe.model.plan import Plan
from probe.model.run import Run, Scope, WanSide
from probe.runner.outside import ownerless, with_wan

INSIDE = InterfaceFacts(
    name="eth1",
    index=2,
    mac="02:00:5e:00:53:02",
    ipv4=(ipaddress.IPv4Interface("198.51.100.2/24"),),
)
OUTSIDE = InterfaceFacts(
    name="eth2",
    index=3,
    mac="02:00:5e:00:53:03",
    ipv4=(ipaddress.IPv4Interface("203.0.113.2/24"), ipaddress.IPv4Interface("198.51.100.130/25")),
    ipv6=(ipaddress.IPv6Interface("2001:db8:f::2/64"),),
)
GATEWAY = Device(id=DeviceId("x"), addresses=("198.51.100.1", "fe80::1"))


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "interface_facts", lambda _: OUTSIDE)


@pytest.mark.parametrize(
    ("text", "targets", "address"),
    [
        ("eth2=203.0.113.7", ("198.51.100.1",), "203.0.113.7"),
        ("eth2=203.0.113.7=198.51.100.1", (), "203.0.113.7"),
        ("eth2=2001:DB8:f::7=198.51.100.1", ("198.51.100.9", "198.51.100.1"), "2001:db8:f::7"),
    ],
)
def test_a_side_is_named(text: str, targets: tuple[str, ...], address: str) -> None:
    [side] = wan.wan_sides((text,), INSIDE, targets)
    assert side == WanSide(interface="eth2", address=address, device="198.51.100.1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("eth1=203.0.113.7", "already"),
        ("eth2", "no INTERFACE=ADDRESS"),
        ("eth2=router", "not an IP address"),
        ("eth2=127.0.0.1", "not the outer address"),
        ("eth2=224.0.0.1", "not the outer address"),
        ("eth2=::", "not the outer address"),
        ("eth2=fe80::7", "link-local"),
        ("eth2=192.0.2.7", "no address of a host on eth2"),
        ("eth2=203.0.113.255", "no address of a host on eth2"),
        ("eth2=203.0.113.2", "the probe's own"),
        ("eth2=198.51.100.200", "cannot be told apart"),
        ("eth2=203.0.113.7=198.51.100.9", "no address of a tested device"),
    ],
)
def test_what_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ProbeError, match=says):
        wan.wan_sides((text,), INSIDE, ("198.51.100.1",))


def test_whose_it_is_has_to_be_said_among_many() -> None:
    for targets in ((), ("198.51.100.1", "198.51.100.3")):
        with pytest.raises(ProbeError, match="Whose outside"):
            wan.wan_sides(("eth2=203.0.113.7",), INSIDE, targets)
    with pytest.raises(ProbeError, match="twice"):
        wan.wan_sides(("eth2=203.0.113.7",) * 2, INSIDE, ("198.51.100.1",))


def test_it_becomes_the_last_address_of_the_gateway_alone() -> None:
    side = WanSide(interface="eth2", address="10.0.0.7", device="198.51.100.1")
    known = with_wan(GATEWAY, (side,))
    assert known.addresses == ("198.51.100.1", "fe80::1", "10.0.0.7")
    assert (known.wan, known.lan) == (("10.0.0.7",), GATEWAY.addresses)
    assert min(known.addresses, key=known.rank) == "198.51.100.1"
    # A run that is taken up again merges what it knew, in the order of addresses.
    assert with_wan(known.merged(GATEWAY), (side,)) == known
    lamp = Device(id=DeviceId("y"), addresses=("198.51.100.11",))
    assert with_wan(lamp, (side,)) == lamp
    assert ownerless((side,), (lamp,)) == [side]
    assert not ownerless((side,), (lamp, known))


def test_the_command_to_measure_again_names_it() -> None:
    side = WanSide(interface="eth2", address="203.0.113.7", device="198.51.100.1")
    run = Run(
        id=RunId("r"),
        started_at=1.0,
        scope=Scope(interface="eth1", networks=(), wan=(side,)),
        plan=Plan(name="quick", summary="", catalogues=(), tcp_ports="quick"),
    )
    command = command_again(run, with_wan(GATEWAY, (side,)))
    assert "--target 198.51.100.1 --wan eth2=203.0.113.7=198.51.100.1" in command
