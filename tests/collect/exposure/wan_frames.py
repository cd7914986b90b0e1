"""Writes which kinds of frame this end sends on an interface, and to whom: ``wan_frames.py IF FILE``."""

import json
import signal
import socket
import struct
import sys

PACKET_OUTGOING = 4
KINDS = {1: "icmp", 6: "tcp", 17: "udp"}


def named(frame: bytes) -> str:
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0806:
        return f"arp {socket.inet_ntoa(frame[38:42])}"
    if kind == 0x0800:
        return f"{KINDS.get(frame[23], frame[23])} {socket.inet_ntoa(frame[30:34])}"
    # The kernel's own router solicitations and MLD reports are no doing of the probe.
    return "" if kind == 0x86DD and frame[20] in (0, 58) else f"{kind:#06x}"


def main(interface: str, file: str) -> None:
    seen: set[str] = set()

    def end(*_: object) -> None:
        with open(file, "w") as out:
            json.dump(sorted(seen - {""}), out)
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as sock:
        sock.bind((interface, 3))
        while True:
            frame, (_, _, direction, _, _) = sock.recvfrom(2048)
            if direction == PACKET_OUTGOING:
                seen.add(named(frame))


main(*sys.argv[1:])
