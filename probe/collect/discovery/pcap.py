"""One captured frame as a pcap file, so that the evidence opens in the tools people have."""

import struct

MEDIA_TYPE = "application/vnd.tcpdump.pcap"
ETHERNET = 1


def one_frame(frame: bytes, at: float) -> bytes:
    """A little-endian pcap file (version 2.4) with ``frame`` captured at Unix time ``at``."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, ETHERNET)
    seconds = int(at)
    micros = int((at - seconds) * 1e6)
    return head + struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame
