"""The interface as the kernel tells it, and the EUI-64 rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.packet.eui64 import eui64_address, mac_of
from probe.collect.packet.interface import interface_facts, interface_names
from probe.errors import Exit, ProbeError


def test_loopback_is_known():
    facts = interface_facts("lo")
    assert facts.loopback
    assert facts.index >= 1
    assert "127.0.0.1" in facts.own
    assert "127.0.0.0/8" in facts.networks


def test_wrong_name_tells_the_nearest():
    with pytest.raises(ProbeError) as caught:
        interface_facts("loo")
    assert "'loo'" in caught.value.what
    assert "lo" in caught.value.next_step
    assert caught.value.exit_code is Exit.USAGE


def test_hostile_name_is_cut():
    with pytest.raises(ProbeError) as caught:
        interface_facts("x" * 500)
    assert len(str(caught.value)) < 300
    assert "lo" in interface_names()


def test_eui64_as_in_rfc_4291():
    assert eui64_address("fe80::/64", "34:56:78:9a:bc:de") == "fe80::3656:78ff:fe9a:bcde"
    assert mac_of("fe80::3656:78ff:fe9a:bcde") == "34:56:78:9a:bc:de"
    assert mac_of("2001:db8::1") is None


@given(st.binary(min_size=6, max_size=6))
def test_eui64_is_reversible(raw):
    mac = raw.hex(":")
    assert mac_of(eui64_address("2001:db8:0:1::/64", mac)) == mac
