"""The raw sockets. Filters in the kernel keep frames away that nobody would look at."""

import ctypes
import socket
import struct

ETH_P_ALL = 0x0003
SO_ATTACH_FILTER = 26
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING = 1, 1, 6, 23

Line = tuple[int, int, str, str]
"""Code, constant, label when true, label when false; an empty label is the next line."""
LD, LDH, LDB, LDX_MSH, LDH_X = 0x20, 0x28, 0x30, 0xB1, 0x48
JEQ, JSET, RET = 0x15, 0x45, 0x06


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def neighbour_socket(index: int, name: str) -> socket.socket:
    """Sees ARP, ICMPv6, IGMP and the multicast protocols by which devices show themselves."""
    sock = _open(name, _assemble(_neighbour_filter()))
    # Promiscuous, because MLD reports and mirrored frames are addressed to others.
    request = struct.pack("IHH8s", index, PACKET_MR_PROMISC, 0, b"")
    sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)
    return sock


def traffic_socket(name: str, own_mac: str) -> socket.socket:
    """Sees unicast frames that are neither from nor to ``own_mac``."""
    return _open(name, _assemble(_others_filter(bytes.fromhex(own_mac.replace(":", "")))))


def dropped(sock: socket.socket) -> int:
    """Frames that the kernel dropped since the last call, for want of room (packet(7))."""
    statistics = sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
    return int(struct.unpack("II", statistics)[1])


def _open(name: str, program: bytes) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        sock.setblocking(False)
        # The filter first, then the binding: no unfiltered frame ever queues.
        buffer = ctypes.create_string_buffer(program, len(program))
        fprog = _Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_char_p))
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(fprog))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        try:
            sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        except OSError:
            pass  # before Linux 4.20: own frames are recognised by their source MAC instead
        sock.bind((name, ETH_P_ALL))
    except BaseException:
        sock.close()
        raise
    return sock


def _neighbour_filter() -> dict[str, list[Line]]:
    ports = [(JEQ, port, "accept", "") for port in (5353, 1900, 67, 68, 546, 547)]
    return {
        "": [
            (LDH, 12, "", ""),
            (JEQ, 0x0806, "accept", ""),
            (JEQ, 0x0800, "ipv4", ""),
            (JEQ, 0x86DD, "ipv6", "drop"),
        ],
        "ipv4": [
            (LDB, 23, "", ""),
            (JEQ, 2, "accept", ""),
            (JEQ, 17, "", "drop"),
            (LDH, 20, "", ""),
            (JSET, 0x1FFF, "drop", ""),
            (LDX_MSH, 14, "", ""),
            (LDH_X, 16, "", ""),
            (JEQ, 0, "drop", "ports"),
        ],
        "ipv6": [
            (LDB, 20, "", ""),
            (JEQ, 58, "accept", ""),
            (JEQ, 0, "accept", ""),
            (JEQ, 17, "", "drop"),
            (LDH, 56, "", ""),
        ],
        "ports": ports,
        "drop": [(RET, 0, "", "")],
        "accept": [(RET, 0xFFFF, "", "")],
    }


def _others_filter(mac: bytes) -> dict[str, list[Line]]:
    high, low = struct.unpack("!HI", mac)
    return {
        "": [
            (LDB, 0, "", ""),
            (JSET, 1, "drop", ""),
            (LD, 2, "", ""),
            (JEQ, low, "", "source"),
            (LDH, 0, "", ""),
            (JEQ, high, "drop", ""),
        ],
        "source": [
            (LD, 8, "", ""),
            (JEQ, low, "", "accept"),
            (LDH, 6, "", ""),
            (JEQ, high, "drop", "accept"),
        ],
        "drop": [(RET, 0, "", "")],
        "accept": [(RET, 0x40000, "", "")],
    }


def _assemble(blocks: dict[str, list[Line]]) -> bytes:
    """Classic BPF: each jump as the number of lines to skip."""
    lines = [line for block in blocks.values() for line in block]
    start, at = {}, 0
    for label, block in blocks.items():
        start[label] = at
        at += len(block)
    code = bytearray()
    for number, (operation, constant, yes, no) in enumerate(lines):
        skip_yes = start[yes] - number - 1 if yes else 0
        skip_no = start[no] - number - 1 if no else 0
        code += struct.pack("=HBBI", operation, skip_yes, skip_no, constant)
    return bytes(code)
