"""Links, addresses and neighbours from the kernel by rtnetlink: unprivileged, no program needed.

/sys is not used: it shows the network namespace in which it was mounted, not ours.
"""

import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

RTM_NEWLINK, RTM_GETLINK = 16, 18
RTM_NEWADDR, RTM_GETADDR = 20, 22
RTM_NEWROUTE, RTM_GETROUTE = 24, 26
RTM_NEWNEIGH, RTM_GETNEIGH = 28, 30
NLM_F_REQUEST_DUMP = 0x301
NLMSG_ERROR, NLMSG_DONE = 2, 3
IFLA_ADDRESS, IFLA_IFNAME = 1, 3
IFA_ADDRESS, IFA_LOCAL, IFA_FLAGS = 1, 2, 8
NDA_DST, NDA_LLADDR = 1, 2
RTA_OIF, RTA_GATEWAY = 4, 5
IFA_F_TEMPORARY = 0x01
NUD_USABLE = 0x02 | 0x04 | 0x08 | 0x10
"""Reachable, stale, delay, probe: a neighbour that answered at some time."""


@dataclass(frozen=True, slots=True)
class LinkRow:
    index: int
    name: str
    mac: str
    flags: int


@dataclass(frozen=True, slots=True)
class AddressRow:
    index: int
    interface: ipaddress.IPv4Interface | ipaddress.IPv6Interface
    flags: int


@dataclass(frozen=True, slots=True)
class NeighbourRow:
    address: str
    mac: str
    state: int


def links() -> list[LinkRow]:
    """Every network interface of this namespace. Raises OSError when the kernel refuses."""
    found = []
    for body in _dump(RTM_GETLINK, RTM_NEWLINK, struct.pack("=BxHiII", 0, 0, 0, 0, 0)):
        _, _, index, flags = struct.unpack_from("=BxHiI", body)
        attributes = _attributes(body, 16)
        name = attributes.get(IFLA_IFNAME, b"").rstrip(b"\0").decode("utf-8", "replace")
        found.append(LinkRow(index, name, _mac(attributes.get(IFLA_ADDRESS, b"")), flags))
    return found


def addresses() -> list[AddressRow]:
    """Every address of this namespace."""
    found = []
    for body in _dump(RTM_GETADDR, RTM_NEWADDR, struct.pack("=BBBBi", 0, 0, 0, 0, 0)):
        _, prefix, flags, _, index = struct.unpack_from("=BBBBi", body)
        attributes = _attributes(body, 8)
        # On a point-to-point link IFA_ADDRESS is the peer and IFA_LOCAL is ours.
        raw = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS, b"")
        if IFA_FLAGS in attributes:
            (flags,) = struct.unpack("=I", attributes[IFA_FLAGS])
        if len(raw) in (4, 16):
            interface = ipaddress.ip_interface((raw, prefix))
            found.append(AddressRow(index, interface, flags))
    return found


def neighbours(index: int) -> list[NeighbourRow]:
    """What the kernel knows of the neighbours on one interface, usable entries only."""
    found = []
    for body in _dump(RTM_GETNEIGH, RTM_NEWNEIGH, struct.pack("=BxHiHBB", 0, 0, 0, 0, 0, 0)):
        _, _, where, state, _, _ = struct.unpack_from("=BxHiHBB", body)
        attributes = _attributes(body, 12)
        raw, hardware = attributes.get(NDA_DST, b""), attributes.get(NDA_LLADDR, b"")
        if where == index and state & NUD_USABLE and len(raw) in (4, 16) and len(hardware) == 6:
            ip = ipaddress.ip_address(raw)
            if not ip.is_multicast:
                found.append(NeighbourRow(str(ip), _mac(hardware), state))
    return found


def gateways(index: int) -> list[str]:
    """The addresses of the routers that this machine uses over one interface."""
    found: dict[str, None] = {}
    for body in _dump(RTM_GETROUTE, RTM_NEWROUTE, bytes(12)):
        attributes = _attributes(body, 12)
        raw = attributes.get(RTA_GATEWAY, b"")
        if attributes.get(RTA_OIF) == struct.pack("=I", index) and len(raw) in (4, 16):
            found.setdefault(str(ipaddress.ip_address(raw)))
    return list(found)


def _dump(ask: int, answer: int, body: bytes) -> Iterator[bytes]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.settimeout(2.0)
        head = struct.pack("=IHHII", 16 + len(body), ask, NLM_F_REQUEST_DUMP, 1, 0)
        sock.sendto(head + body, (0, 0))
        while True:
            data = sock.recv(1 << 18)
            while len(data) >= 16:
                size, kind, _, _, _ = struct.unpack_from("=IHHII", data)
                if kind == NLMSG_DONE:
                    return
                if kind == NLMSG_ERROR:
                    (code,) = struct.unpack_from("=i", data, 16)
                    raise OSError(-code, os.strerror(-code))
                if kind == answer:
                    yield data[16:size]
                data = data[max(16, (size + 3) & ~3) :]


def _attributes(body: bytes, offset: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while offset + 4 <= len(body):
        size, kind = struct.unpack_from("=HH", body, offset)
        if size < 4:
            break
        found[kind & 0x3FFF] = body[offset + 4 : offset + size]
        offset += (size + 3) & ~3
    return found


def _mac(raw: bytes) -> str:
    return ":".join(f"{b:02x}" for b in raw)
