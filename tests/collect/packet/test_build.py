"""Frames that leave: their fields, read by the dissector and by hand."""

import socket

from probe.collect.discovery import dhcp
from probe.collect.packet.helper import build, dissect

MAC = "02:00:5e:00:53:02"


def test_arp_request_and_its_retargeted_copy():
    frame = build.arp_request(MAC, "198.51.100.2", "198.51.100.9")
    assert frame[:6] == b"\xff" * 6
    assert frame[38:42] == socket.inet_aton("198.51.100.9")
    other = build.retarget(frame, "198.51.100.10")
    assert other == build.arp_request(MAC, "198.51.100.2", "198.51.100.10")


def test_solicitation_goes_to_the_group_or_to_one():
    target = "fe80::200:5eff:fe00:530b"
    frame = build.solicitation(MAC, "fe80::1", target)
    assert frame[:6].hex(":") == "33:33:ff:00:53:0b"
    assert frame[21] == 255  # hop limit, RFC 4861 section 7.1.1
    assert socket.inet_ntop(socket.AF_INET6, frame[62:78]) == target
    alone = build.solicitation(MAC, "fe80::1", target, "00:00:5e:00:53:0b")
    assert alone[:6].hex(":") == "00:00:5e:00:53:0b"


def test_mld_query_has_router_alert_and_hop_limit_one():
    frame = build.mld_query(MAC, "fe80::1")
    assert frame[20] == 0  # hop-by-hop first
    assert frame[21] == 1
    assert b"\x05\x02\x00\x00" in frame[54:62]  # router alert for MLD, RFC 2711
    assert frame[62] == 130


def test_advertisement_never_offers_a_default_route():
    frame = build.advertisement(MAC, "fe80::1", "fd12:3456:5bd::/64", valid=60, preferred=30)
    assert frame[54] == 134
    assert frame[60:62] == b"\0\0"  # router lifetime
    assert dissect.router_prefixes(frame) == ("fd12:3456:5bd::/64",)


def test_vendor_database_of_scapy_is_not_loaded():
    import sys

    assert not getattr(sys.modules["scapy.libs.manuf"], "DATA", "")


def test_dhcp_inform_asks_and_allocates_nothing(frames):
    frame = build.dhcp_inform(
        frames.PROBE, "198.51.100.2", build.BROADCAST, "255.255.255.255", b"abcd"
    )
    assert frame[:14] == b"\xff" * 6 + frames.ethernet(0x0800, b"", frames.PROBE)[6:14]
    assert (frame[23], frame[34:38]) == (17, b"\x00\x44\x00\x43")
    message = frame[42:]
    assert (message[:3], message[4:8], message[12:16]) == (b"\x01\x01\x06", b"abcd", b"\xc63d\x02")
    assert dhcp.parse_options(message)[53] == b"\x08"
