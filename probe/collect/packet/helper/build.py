"""The frames that the helper sends, built by scapy. Imported lightly: 40 MB, not scapy.all's 72."""

import ipaddress
import socket
import sys
import types

import scapy.main

# Vendor names are looked up in our own table. Without this, importing scapy reads 0.9 MB of its own
# into 20 MB of memory and writes a cache into the home directory of whoever runs the probe.
scapy.main.SCAPY_CACHE_FOLDER = None
_no_vendors = types.ModuleType("scapy.libs.manuf")
_no_vendors.DATA = ""  # type: ignore[attr-defined]
sys.modules.setdefault("scapy.libs.manuf", _no_vendors)

from scapy.layers.inet import IP, UDP  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    ICMPv6EchoRequest,
    ICMPv6MLQuery2,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrHopByHop,
    RouterAlert,
)
from scapy.layers.l2 import ARP, Ether  # noqa: E402

BROADCAST = "ff:ff:ff:ff:ff:ff"
ALL_NODES = "ff02::1"


def arp_request(mac: str, sender: str, target: str, to: str = BROADCAST) -> bytes:
    """Who has ``target``. ``sender`` 0.0.0.0 makes it a probe (RFC 5227)."""
    return bytes(
        Ether(dst=to, src=mac)
        / ARP(op=1, hwsrc=mac, psrc=sender, hwdst="00:00:00:00:00:00", pdst=target)
    )


def retarget(request: bytes, target: str) -> bytes:
    """The same ARP request for another address: a sweep need not build each frame anew."""
    return request[:38] + socket.inet_aton(target) + request[42:]


def dhcp_inform(mac: str, source: str, to_mac: str, to: str, transaction: bytes) -> bytes:
    """DHCPINFORM (RFC 2131 section 3.4) of a host that has its address: nothing is allocated."""
    head = b"\x01\x01\x06\0" + transaction[:4] + bytes(4) + socket.inet_aton(source) + bytes(12)
    hardware = bytes.fromhex(mac.replace(":", ""))
    options = bytes.fromhex("63825363 350108 370103 ff")
    message = head + hardware + bytes(10 + 64 + 128) + options
    return bytes(
        Ether(dst=to_mac, src=mac)
        / IP(src=source, dst=to, ttl=1)
        / UDP(sport=68, dport=67)
        / message.ljust(300, b"\0")
    )


def multicast_mac(group: str) -> str:
    """RFC 2464 section 7."""
    return "33:33:" + ":".join(f"{b:02x}" for b in ipaddress.IPv6Address(group).packed[12:])


def solicitation(mac: str, source: str, target: str, to: str = "") -> bytes:
    """A neighbour solicitation, to the solicited-node group or to the MAC ``to`` alone."""
    low = int(ipaddress.IPv6Address(target)) & 0xFFFFFF
    group = str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("ff02::1:ff00:0")) | low))
    return bytes(
        Ether(dst=to or multicast_mac(group), src=mac)
        / IPv6(src=source, dst=target if to else group, hlim=255)
        / ICMPv6ND_NS(tgt=target)
        / ICMPv6NDOptSrcLLAddr(lladdr=mac)
    )


def echo_all(mac: str, source: str) -> bytes:
    """An echo request to all nodes; the source decides which of their addresses answers."""
    return bytes(
        Ether(dst=multicast_mac(ALL_NODES), src=mac)
        / IPv6(src=source, dst=ALL_NODES, hlim=1)
        / ICMPv6EchoRequest(id=0x5BD, seq=1, data=b"secure-by-design")
    )


def mld_query(mac: str, source: str) -> bytes:
    """An MLDv2 general query (RFC 3810 section 5.1): hop limit 1, router alert, link-local source."""
    return bytes(
        Ether(dst=multicast_mac(ALL_NODES), src=mac)
        / IPv6(src=source, dst=ALL_NODES, hlim=1)
        / IPv6ExtHdrHopByHop(options=[RouterAlert()])
        # mrd in milliseconds: answers spread over one second. QQIC: we do not mean to stay querier.
        / ICMPv6MLQuery2(mladdr="::", mrd=1000, QRV=2, QQIC=125)
    )


def advertisement(mac: str, source: str, prefix: str, *, valid: int, preferred: int) -> bytes:
    """A router advertisement for ``prefix`` with router lifetime 0: nobody gets a default route."""
    network = ipaddress.IPv6Network(prefix)
    return bytes(
        Ether(dst=multicast_mac(ALL_NODES), src=mac)
        / IPv6(src=source, dst=ALL_NODES, hlim=255)
        / ICMPv6ND_RA(routerlifetime=0, M=0, O=0)
        / ICMPv6NDOptPrefixInfo(
            prefix=str(network.network_address),
            prefixlen=64,
            L=1,
            A=1,
            validlifetime=valid,
            preferredlifetime=preferred,
        )
        / ICMPv6NDOptSrcLLAddr(lladdr=mac)
    )
