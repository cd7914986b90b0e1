"""Interface identifier classes, and honesty where one look does not tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.discovery.iid import iid_class
from probe.model.observation import IidClass

MAC = "00:00:5e:00:53:0b"
EUI = "2001:db8::200:5eff:fe00:530b"
OPAQUE, OTHER = "2001:db8::a1b2:c3d4:e5f6:1789", "2001:db8::51e7:9c02:77aa:fe01"


@pytest.mark.parametrize(
    ("address", "others", "methods", "expected"),
    [
        ("fe80::200:5eff:fe00:530b", (), (), IidClass.EUI64),
        (EUI, (), (), IidClass.EUI64),
        ("2001:db8::3656:78ff:fe9a:bcde", (), (), IidClass.EUI64),
        ("2001:db8::5", (), (), IidClass.LOW_BYTE),
        ("2001:db8::1:5", (), (), IidClass.UNKNOWN),
        ("2001:db8::1:5", (), ("dhcpv6",), IidClass.DHCPV6),
        ("2001:db8::c633:640b", ("198.51.100.11",), (), IidClass.EMBEDDED_IPV4),
        ("2001:db8::198:51:100:11", ("198.51.100.11",), (), IidClass.EMBEDDED_IPV4),
        ("2001:db8::5efe:c633:640b", (), (), IidClass.EMBEDDED_IPV4),
        ("fe80::a1b2:c3d4:e5f6:1789", (), (), IidClass.STABLE_OPAQUE),
        (OPAQUE, ("fe80::a1b2:c3d4:e5f6:1789",), (), IidClass.STABLE_OPAQUE),
        (OPAQUE, (EUI,), (), IidClass.TEMPORARY),
        (OPAQUE, (), (), IidClass.UNKNOWN),
        (OPAQUE, (OTHER,), (), IidClass.UNKNOWN),
    ],
)
def test_classes(address, others, methods, expected):
    found, reason = iid_class(address, MAC, (address, *others), methods)
    assert found is expected
    assert reason


def test_unknown_says_what_would_settle_it():
    _, reason = iid_class(OPAQUE, MAC, (OTHER,))
    assert "several" in reason
    assert "watch" in reason


def test_eui64_of_another_mac_says_so():
    _, reason = iid_class("2001:db8::3656:78ff:fe9a:bcde", MAC)
    assert "34:56:78:9a:bc:de" in reason


@given(
    st.ip_addresses(v=6).map(str), st.none() | st.just(MAC), st.lists(st.ip_addresses().map(str))
)
def test_every_address_has_a_class_with_a_reason(address, mac, others):
    found, reason = iid_class(address, mac, others)
    assert isinstance(found, IidClass)
    assert reason
