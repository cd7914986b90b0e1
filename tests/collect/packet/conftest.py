"""Frames written by hand, so that builder and dissector are not tested against each other only."""

import socket
import struct
from types import SimpleNamespace

import pytest

DEVICE, PROBE = "00:00:5e:00:53:0b", "02:00:5e:00:53:02"


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ethernet(kind: int, body: bytes, source: str = DEVICE, to: str = PROBE) -> bytes:
    return mac(to) + mac(source) + struct.pack("!H", kind) + body


def arp(op: int, sender: str, target: str, source: str = DEVICE, hardware: str = "") -> bytes:
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, op)
    a, b = socket.inet_aton(sender), socket.inet_aton(target)
    return ethernet(0x0806, head + mac(hardware or source) + a + mac(PROBE) + b, source)


def ipv4(protocol: int, payload: bytes, source: str, to: str, fragment: int = 0) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0)
    return ethernet(0x0800, head + socket.inet_aton(source) + socket.inet_aton(to) + payload)


def udp(source_port: int, port: int, data: bytes, source: str = "198.51.100.11") -> bytes:
    segment = struct.pack("!HHHH", source_port, port, 8 + len(data), 0) + data
    return ipv4(17, segment, source, "224.0.0.251")


def ipv6(following: int, payload: bytes, source: str, hops: int = 255) -> bytes:
    a, b = socket.inet_pton(10, source), socket.inet_pton(10, "ff02::1")
    head = struct.pack("!IHBB", 6 << 28, len(payload), following, hops)
    return ethernet(0x86DD, head + a + b + payload)


def tcp(
    client: tuple[str, int],
    server: tuple[str, int],
    seq: int,
    ack: int,
    data: bytes = b"",
    flags: int = 0x18,
    macs: tuple[str, str] = (DEVICE, "00:00:5e:00:53:01"),
) -> bytes:
    head = struct.pack("!HHIIBBHHH", client[1], server[1], seq, ack, 0x50, flags, 0, 0, 0)
    whole = 40 + len(data)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, whole, 1, 0, 64, 6, 0)
    ip += socket.inet_aton(client[0]) + socket.inet_aton(server[0])
    return ethernet(0x0800, ip + head + data, macs[0], macs[1])


@pytest.fixture
def frames() -> SimpleNamespace:
    """The functions of this file."""
    return SimpleNamespace(
        DEVICE=DEVICE,
        PROBE=PROBE,
        ethernet=ethernet,
        arp=arp,
        ipv4=ipv4,
        udp=udp,
        ipv6=ipv6,
        tcp=tcp,
    )
