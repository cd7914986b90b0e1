"""What one received frame shows about a neighbour. Pure, bounded, standard library only.

scapy dissects at a few thousand frames a second; every frame of the link comes through here.
"""

import ipaddress
import struct
from dataclasses import dataclass

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
ICMPV6, HOP_BY_HOP, UDP, IGMP = 58, 0, 17, 2
ECHO_REPLY, MLD_REPORT1, MLD_DONE, RS, RA, NS, NA, MLD_REPORT2 = (
    129,
    131,
    132,
    133,
    134,
    135,
    136,
    143,
)
DHCP_CLIENT, DHCP_SERVER = 68, 67
BY_PORT = {5353: "mdns", 1900: "ssdp", 546: "dhcpv6", 547: "dhcpv6"}
NOBODY = "00:00:00:00:00:00"


@dataclass(frozen=True, slots=True)
class Seen:
    """A neighbour in a frame. ``address`` is empty when only the MAC is shown."""

    method: str
    mac: str
    address: str = ""


def mac_text(raw: bytes) -> str:
    return ":".join(f"{b:02x}" for b in raw)


def sighting(frame: bytes) -> Seen | None:
    """The neighbour that ``frame`` shows, or None for everything else, however malformed."""
    if len(frame) < 14 or frame[6] & 1:
        return None
    (kind,) = struct.unpack_from("!H", frame, 12)
    source, body = mac_text(frame[6:12]), frame[14:]
    if source == NOBODY:
        return None
    if kind == ARP:
        return _arp(body)
    if kind == IPV4:
        return _ipv4(source, body)
    if kind == IPV6:
        return _ipv6(source, body)
    return None


def _arp(body: bytes) -> Seen | None:
    if len(body) < 28 or body[:6] != b"\x00\x01\x08\x00\x06\x04":
        return None
    (operation,) = struct.unpack_from("!H", body, 6)
    mac, sender, target = mac_text(body[8:14]), body[14:18], body[24:28]
    if mac == NOBODY or body[8] & 1 or operation not in (1, 2):
        return None
    if sender == b"\0\0\0\0":
        # RFC 5227 section 2.1.1: a probe; the address is wanted, not owned.
        return Seen("arp-probe", mac)
    address = _unicast4(sender)
    if not address:
        return None
    if sender == target:
        return Seen("arp-announcement", mac, address)
    return Seen("arp" if operation == 2 else "arp-request", mac, address)


def _ipv4(mac: str, body: bytes) -> Seen | None:
    header = (body[0] & 15) * 4 if body else 0
    if header < 20 or len(body) < header or body[0] >> 4 != 4:
        return None
    (fragment,) = struct.unpack_from("!H", body, 6)
    if fragment & 0x1FFF:
        return None
    address = _unicast4(body[12:16])
    if body[9] == IGMP:
        return Seen("igmp", mac, address) if address else None
    if body[9] != UDP or len(body) < header + 8:
        return None
    source, destination = struct.unpack_from("!HH", body, header)
    if (source, destination) == (DHCP_CLIENT, DHCP_SERVER):
        return _dhcp(mac, body[header + 8 :])
    if (source, destination) == (DHCP_SERVER, DHCP_CLIENT):
        return Seen("dhcp-server", mac, address) if address else None
    method = BY_PORT.get(destination) or BY_PORT.get(source)
    return Seen(method, mac, address) if method and address else None


def _dhcp(mac: str, payload: bytes) -> Seen | None:
    # RFC 2131 section 2: op 1, Ethernet, chaddr. A relayed message shows the relay's MAC: not taken.
    if (
        len(payload) < 240
        or payload[:3] != b"\x01\x01\x06"
        or payload[236:240] != b"\x63\x82\x53\x63"
    ):
        return None
    if mac_text(payload[28:34]) != mac:
        return None
    return Seen("dhcp", mac, _unicast4(payload[12:16]))


def _ipv6(mac: str, body: bytes) -> Seen | None:
    if len(body) < 40 or body[0] >> 4 != 6:
        return None
    following, hops, offset = body[6], body[7], 40
    address = _unicast6(body[8:24])
    if following == HOP_BY_HOP and len(body) >= 48:
        following, offset = body[40], 40 + (body[41] + 1) * 8
    payload = body[offset:]
    if following == ICMPV6 and payload:
        return _icmpv6(mac, address, hops, payload)
    if following == UDP and len(payload) >= 8:
        source, destination = struct.unpack_from("!HH", payload)
        method = BY_PORT.get(destination) or BY_PORT.get(source)
        return Seen(method, mac, address) if method and address else None
    return None


def _icmpv6(mac: str, address: str, hops: int, payload: bytes) -> Seen | None:
    kind = payload[0]
    if kind in (MLD_REPORT1, MLD_DONE, MLD_REPORT2):
        # RFC 3810 section 5.2.13: a report may come from :: before the link-local address is formed.
        return Seen("mld", mac, address)
    if kind == ECHO_REPLY:
        return Seen("echo", mac, address) if address else None
    if hops != 255:
        return None  # RFC 4861 section 7.1: came through a router, so no neighbour
    if kind in (RS, RA):
        return Seen("rs" if kind == RS else "ra", mac, address) if address else None
    if kind not in (NS, NA) or len(payload) < 24:
        return None
    target = _unicast6(payload[8:24])
    if kind == NA:
        return Seen("na", mac, target) if target else None
    if address:
        return Seen("ns", mac, address)
    # RFC 4862 section 5.4.2: duplicate address detection, sent from ::.
    return Seen("dad", mac, target) if target else None


def router_prefixes(frame: bytes) -> tuple[str, ...] | None:
    """The on-link prefixes of a router advertisement, or None when ``frame`` is not one."""
    seen = sighting(frame)
    if seen is None or seen.method != "ra":
        return None
    offset = 14 + 40 + (0 if frame[20] == ICMPV6 else (frame[55] + 1) * 8)
    options, found = frame[offset + 16 :], []
    while len(options) >= 8 and options[1]:
        size = options[1] * 8
        # RFC 4861 section 4.6.2; the L flag is the highest bit of the fourth byte.
        if options[0] == 3 and size == 32 and len(options) >= 32 and options[3] & 0x80:
            length = min(options[2], 128)
            found.append(str(ipaddress.IPv6Network((options[16:32], length), strict=False)))
        options = options[size:]
    return tuple(found[:8])


def _unicast4(raw: bytes) -> str:
    # Octets: 0/8 is "this network", 127/8 loopback, from 224 multicast and reserved.
    return str(ipaddress.IPv4Address(raw)) if 0 < raw[0] < 224 and raw[0] != 127 else ""


def _unicast6(raw: bytes) -> str:
    ip = ipaddress.IPv6Address(raw)
    bad = ip.is_multicast or ip.is_unspecified or ip.is_loopback or ip.ipv4_mapped
    return "" if bad else str(ip)
