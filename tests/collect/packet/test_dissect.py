"""What a frame shows, and that no frame can do more than show nothing."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.packet.helper import dissect

LL = "fe80::200:5eff:fe00:530b"


def see(frame):
    seen = dissect.sighting(frame)
    return (seen.method, seen.mac, seen.address) if seen else None


def test_arp_words(frames):
    mac = frames.DEVICE
    assert see(frames.arp(2, "198.51.100.11", "198.51.100.2")) == ("arp", mac, "198.51.100.11")
    assert see(frames.arp(1, "198.51.100.11", "198.51.100.2"))[0] == "arp-request"
    assert see(frames.arp(1, "198.51.100.11", "198.51.100.11"))[0] == "arp-announcement"
    # RFC 5227: a probe wants the address, it does not own it.
    assert see(frames.arp(1, "0.0.0.0", "198.51.100.11")) == ("arp-probe", mac, "")


def test_arp_that_makes_no_sense_shows_nothing(frames):
    assert see(frames.arp(2, "224.0.0.1", "198.51.100.2")) is None
    assert see(frames.arp(2, "127.0.0.1", "198.51.100.2")) is None
    assert see(frames.arp(9, "198.51.100.11", "198.51.100.2")) is None
    assert see(frames.arp(2, "198.51.100.11", "198.51.100.2", hardware="ff:ff:ff:ff:ff:ff")) is None
    assert see(frames.arp(2, "198.51.100.11", "198.51.100.2", source="01:00:5e:00:00:01")) is None


def test_the_arp_sender_counts_and_not_who_forwarded_the_frame(frames):
    frame = frames.arp(2, "198.51.100.11", "198.51.100.2", hardware="00:00:5e:00:53:77")
    assert see(frame) == ("arp", "00:00:5e:00:53:77", "198.51.100.11")


def nd(kind, target):
    import socket

    return struct.pack("!BBHI", kind, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, target)


def test_neighbour_discovery_words(frames):
    mac = frames.DEVICE
    assert see(frames.ipv6(58, nd(136, LL), LL)) == ("na", mac, LL)
    assert see(frames.ipv6(58, nd(135, "fe80::1"), LL)) == ("ns", mac, LL)
    assert see(frames.ipv6(58, nd(135, LL), "::")) == ("dad", mac, LL)
    assert see(frames.ipv6(58, nd(133, LL), LL)) == ("rs", mac, LL)
    assert see(frames.ipv6(58, b"\x81\0\0\0\0\0\0\0", LL)) == ("echo", mac, LL)


def test_neighbour_discovery_through_a_router_is_not_believed(frames):
    assert see(frames.ipv6(58, nd(136, LL), LL, hops=64)) is None


def test_mld_report_behind_a_hop_by_hop_header(frames):
    report = bytes([58, 0, 5, 2, 0, 0, 1, 0]) + bytes([143, 0, 0, 0, 0, 0, 0, 0])
    assert see(frames.ipv6(0, report, LL, hops=1)) == ("mld", frames.DEVICE, LL)
    assert see(frames.ipv6(0, report, "::", hops=1)) == ("mld", frames.DEVICE, "")


@pytest.mark.parametrize(("port", "method"), [(5353, "mdns"), (1900, "ssdp")])
def test_multicast_protocols_by_port(frames, port, method):
    assert see(frames.udp(port, port, b"x")) == (method, frames.DEVICE, "198.51.100.11")
    assert see(frames.udp(40000, 9999, b"x")) is None


def test_dhcp_client_counts_only_for_itself(frames):
    own = bytes.fromhex(frames.DEVICE.replace(":", ""))
    message = b"\x01\x01\x06\0" + bytes(24) + own + bytes(202) + b"\x63\x82\x53\x63\x35\x01\x01\xff"
    assert see(frames.udp(68, 67, message, "0.0.0.0")) == ("dhcp", frames.DEVICE, "")
    relayed = message.replace(own, b"\0\0\x5e\0\x53\x77")
    assert see(frames.udp(68, 67, relayed, "0.0.0.0")) is None


def test_fragments_show_nothing(frames):
    assert (
        see(frames.ipv4(17, b"\x14\xe9\x14\xe9\0\x09\0\0x", "198.51.100.11", "224.0.0.251", 5))
        is None
    )


def test_router_advertisement_prefixes(frames):
    option = (
        struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 60, 30, 0) + bytes.fromhex("20010db8") + bytes(12)
    )
    off_link = (
        struct.pack("!BBBBIII", 3, 4, 64, 0x40, 60, 30, 0) + bytes.fromhex("20010db9") + bytes(12)
    )
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 0, 0, 0) + option + off_link
    frame = frames.ipv6(58, body, LL)
    assert dissect.router_prefixes(frame) == ("2001:db8::/64",)
    assert dissect.router_prefixes(frames.arp(2, "198.51.100.11", "198.51.100.2")) is None


@given(st.binary(max_size=200))
def test_no_bytes_raise(data):
    dissect.sighting(data)
    dissect.router_prefixes(data)


@given(st.sampled_from([b"\x08\x06", b"\x08\x00", b"\x86\xdd"]), st.binary(max_size=400))
def test_no_bytes_behind_a_known_type_raise(kind, data):
    frame = bytes.fromhex("02005e00530200005e00530b") + kind + data
    dissect.sighting(frame)
    dissect.router_prefixes(frame)
