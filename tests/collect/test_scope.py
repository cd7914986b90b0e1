"""No packet goes to an address outside the interface and targets that the operator named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.answers import OutOfScope
from probe.collect.scope import ScopeGuard
from probe.model.run import Scope, WanSide

NETWORK = ScopeGuard(Scope(interface="eth1", networks=("198.51.100.0/24", "2001:db8:1::/64")))


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("198.51.100.7", True),
        ("198.51.101.7", False),
        ("203.0.113.9", False),
        ("2001:db8:1::7", True),
        ("2001:db8:2::7", False),
        ("fe80::1", True),
        ("224.0.0.251", False),
        ("ff02::1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:198.51.100.7", False),
        ("::ffff:169.254.169.254", False),
        ("fe80::1%eth1", True),
        ("fe80::1%eth9", False),
    ],
)
def test_the_networks_of_the_interface_are_the_scope(address: str, inside: bool) -> None:
    assert NETWORK.allows(address) is inside


def test_targets_narrow_the_scope_and_may_lie_elsewhere() -> None:
    guard = ScopeGuard(
        Scope(interface="eth1", networks=("198.51.100.0/24",), targets=("203.0.113.9",))
    )
    assert guard.allows("203.0.113.9")
    assert not guard.allows("198.51.100.7")
    assert not guard.allows("fe80::1")


def test_a_target_brings_the_other_addresses_of_the_same_device_on_the_link_only() -> None:
    guard = ScopeGuard(
        Scope(
            interface="eth1",
            networks=("198.51.100.0/24", "2001:db8:1::/64"),
            targets=("198.51.100.7",),
        )
    )
    known = ("198.51.100.7",)
    assert guard.admit_same_device(known, "fe80::7")
    assert guard.allows("fe80::7")
    assert not guard.admit_same_device(known, "203.0.113.9")
    assert not guard.allows("203.0.113.9")
    assert not guard.admit_same_device(("198.51.100.8",), "fe80::8")


def test_disputed_addresses_are_out_and_bring_nothing_in() -> None:
    guard = ScopeGuard(
        Scope(interface="eth1", networks=("198.51.100.0/24",), targets=("198.51.100.7",))
    )
    assert guard.admit_same_device(("198.51.100.7",), "fe80::7")
    guard.dispute("fe80::7", disputed=True)
    assert not guard.allows("fe80::7")
    assert not guard.admit_same_device(("198.51.100.7",), "fe80::7")
    guard.dispute("fe80::7", disputed=False)
    assert guard.allows("fe80::7")
    guard.dispute("198.51.100.7", disputed=True)
    assert guard.allows("198.51.100.7")  # named by the operator
    assert not guard.allows("fe80::7")
    whole = ScopeGuard(NETWORK.scope)
    whole.dispute("198.51.100.9", disputed=True)
    assert not whole.allows("198.51.100.9")


def test_the_refusal_says_that_nothing_was_sent() -> None:
    with pytest.raises(OutOfScope, match=r"203\.0\.113\.9 is outside the scope.*nothing was sent"):
        NETWORK.check("203.0.113.9")


@given(st.ip_addresses())
def test_allowed_is_on_link_for_every_address_there_is(address: object) -> None:
    text = str(address).partition("%")[0]
    assert NETWORK.allows(text) == NETWORK.on_link(text)


def test_on_the_outside_exactly_the_named_address_passes() -> None:
    side = WanSide(interface="eth2", address="203.0.113.7", device="198.51.100.1")
    for targets in ((), ("198.51.100.1",)):
        networks = ("198.51.100.0/24",)
        guard = ScopeGuard(Scope(interface="eth1", networks=networks, targets=targets, wan=(side,)))
        assert guard.allows("203.0.113.7")
        assert guard.interface_for("203.0.113.7") == "eth2"
        assert not guard.on_link("203.0.113.7")
        for other in ("203.0.113.1", "203.0.113.8", "203.0.113.255", "::ffff:203.0.113.7"):
            assert not guard.allows(other)
        assert guard.interface_for("198.51.100.1") == "eth1"
