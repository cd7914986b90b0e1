"""Network infrastructure: DHCP server, TFTP, NTP, SNMPv3 discovery, IKE, SIP, IPMI."""

import struct

from probe.collect.services.udp.names import header_lines
from probe.collect.services.udp.probe import Heard, UdpProbe
from probe.model.text import clean


def dhcp_inform(nonce: bytes) -> bytes:
    """DHCPINFORM (RFC 2131 section 3.4), which allocates nothing.

    The answer goes to port 68, which only root may bind: from here it can only be told whether the
    server port is closed. That there is a server is heard by discovery, through the packet helper.
    """
    head = struct.pack("!4B4sHH", 1, 1, 6, 0, nonce[:4], 0, 0)
    hardware = b"\x02" + nonce[4:9]
    options = bytes.fromhex("63825363 350108 370103 ff")
    return head + b"\0" * 16 + hardware + b"\0" * (10 + 64 + 128) + options


def parse_dhcp(answer: bytes, request: bytes) -> Heard | None:
    """A BOOTREPLY with our transaction id."""
    if len(answer) < 240 or answer[0] != 2 or answer[4:8] != request[4:8]:
        return None
    return Heard(reason="DHCP reply")


def tftp_read(nonce: bytes) -> bytes:
    """RRQ of a name that no server has (RFC 1350): every server answers with an error."""
    return b"\0\x01probe-" + nonce[:6].hex().encode() + b"\0octet\0"


def parse_tftp(answer: bytes, request: bytes) -> Heard | None:
    """ERROR is a server without the file; DATA would be a server that serves anything."""
    del request
    if len(answer) < 4 or answer[0] != 0:
        return None
    if answer[1] == 5:
        text = clean(answer[4:].rstrip(b"\0"), 80)
        return Heard(banner=text, reason=f"TFTP error {answer[3]}")
    if answer[1] == 3:
        return Heard(reason="TFTP data", open_access=("a file of a random name",))
    return None


def ntp_client(nonce: bytes) -> bytes:
    """A client packet, version 4 (RFC 5905 section 7.3); the nonce stands for the transmit time."""
    return b"\x23" + b"\0" * 39 + nonce[:8]


def parse_ntp(answer: bytes, request: bytes) -> Heard | None:
    """A server packet that echoes our transmit timestamp."""
    if len(answer) < 48 or answer[0] & 7 not in (4, 5) or answer[24:32] != request[40:48]:
        return None
    return Heard(banner=f"stratum {answer[1]}", reason=f"NTP version {answer[0] >> 3 & 7} reply")


def ber(tag: int, *parts: bytes) -> bytes:
    """One BER value with a definite length of at most 127 bytes."""
    content = b"".join(parts)
    return bytes((tag, len(content))) + content


def snmp_discovery(nonce: bytes) -> bytes:
    """SNMPv3 engine discovery (RFC 3414 section 4): answered without any credential."""
    message_id = ber(2, b"\x01" + nonce[:3])
    usm = ber(0x30, ber(4), ber(2, b"\0"), ber(2, b"\0"), ber(4), ber(4), ber(4))
    pdu = ber(0xA0, ber(2, b"\x01" + nonce[3:6]), ber(2, b"\0"), ber(2, b"\0"), ber(0x30))
    return ber(
        0x30,
        ber(2, b"\x03"),
        ber(0x30, message_id, ber(2, b"\x00\xff\xe3"), ber(4, b"\x04"), ber(2, b"\x03")),
        ber(4, usm),
        ber(0x30, ber(4), ber(4), pdu),
    )


def ber_next(data: bytes, at: int = 0) -> tuple[int, bytes, int] | None:
    """``(tag, content, end)`` of the value at ``at``; None when it does not fit into ``data``."""
    if at + 2 > len(data):
        return None
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        if not 0 < size <= 3:
            return None
        length, start = int.from_bytes(data[start : start + size], "big"), start + size
    end = start + length
    return (tag, data[start:end], end) if end <= len(data) else None


def parse_snmp(answer: bytes, request: bytes) -> Heard | None:
    """A version 3 message; the engine id names the maker by enterprise number (RFC 3411 section 5)."""
    del request
    outer = ber_next(answer)
    if outer is None or outer[0] != 0x30:
        return None
    parts: list[bytes] = []
    at = 0
    while len(parts) < 3 and (value := ber_next(outer[1], at)) is not None:
        parts.append(value[1])
        at = value[2]
    if len(parts) < 3 or parts[0] != b"\x03":
        return None
    usm = ber_next(parts[2])
    engine = ber_next(usm[1]) if usm is not None else None
    if engine is None or len(engine[1]) < 5:
        return Heard(reason="SNMPv3 report")
    enterprise = int.from_bytes(engine[1][:4], "big") & 0x7FFFFFFF
    return Heard(
        banner=f"engine id {engine[1][:32].hex()}, enterprise {enterprise}",
        reason="SNMPv3 report with the engine id",
    )


def ike_init(nonce: bytes) -> bytes:
    """IKE_SA_INIT with one proposal (RFC 7296): AES-CBC-256, SHA-256, group 14."""
    transforms = (
        bytes.fromhex("0300000c 0100000c 800e0100")
        + bytes.fromhex("03000008 02000005")
        + bytes.fromhex("03000008 0300000c")
        + bytes.fromhex("00000008 0400000e")
    )
    proposal = struct.pack("!BBHBBBB", 0, 0, 8 + len(transforms), 1, 1, 0, 4) + transforms
    sa = struct.pack("!BBH", 34, 0, 4 + len(proposal)) + proposal
    key = struct.pack("!BBHHH", 40, 0, 8 + 256, 14, 0) + nonce * 8
    last = struct.pack("!BBH", 0, 0, 4 + 32) + nonce
    body = sa + key + last
    return nonce[:8] + bytes(8) + struct.pack("!BBBBII", 33, 0x20, 34, 8, 0, 28 + len(body)) + body


def parse_ike(answer: bytes, request: bytes) -> Heard | None:
    """Anything with our initiator SPI: a proposal chosen, or a notification why not."""
    if len(answer) < 28 or answer[:8] != request[:8]:
        return None
    return Heard(reason=f"IKE version {answer[17] >> 4} response")


def sip_options(nonce: bytes) -> bytes:
    """OPTIONS (RFC 3261 section 11): asks what is supported, starts nothing."""
    tag = nonce[:6].hex()
    return (
        "OPTIONS sip:probe@device.invalid SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP probe.invalid;branch=z9hG4bK{tag};rport\r\n"
        f"From: <sip:probe@probe.invalid>;tag={tag}\r\nTo: <sip:probe@device.invalid>\r\n"
        f"Call-ID: {tag}@probe.invalid\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\n"
        "Contact: <sip:probe@probe.invalid>\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def parse_sip(answer: bytes, request: bytes) -> Heard | None:
    """Any SIP status line."""
    del request
    if not answer.startswith(b"SIP/2.0 "):
        return None
    fields = header_lines(answer)
    agent = fields.get("server") or fields.get("user-agent", "")
    product, _, version = agent.partition("/")
    status = clean(answer[8:60].partition(b"\r\n")[0], 40)
    return Heard(product=product, version=version, banner=agent, reason=f"SIP status {status}")


def asf_ping(nonce: bytes) -> bytes:
    """RMCP presence ping (ASF 2.0 section 3.2.4.2)."""
    return bytes.fromhex("0600ff06 000011be 80") + nonce[:1] + b"\0\0"


def parse_asf(answer: bytes, request: bytes) -> Heard | None:
    """Presence pong."""
    del request
    if len(answer) < 12 or answer[0] != 6 or answer[8] != 0x40:
        return None
    return Heard(reason="RMCP presence pong")


PROBES = (
    UdpProbe(protocol="tftp", port=69, build=tftp_read, parse=parse_tftp, any_port=True),
    UdpProbe(protocol="snmp", port=161, build=snmp_discovery, parse=parse_snmp),
    UdpProbe(protocol="ntp", port=123, build=ntp_client, parse=parse_ntp),
    UdpProbe(protocol="sip", port=5060, build=sip_options, parse=parse_sip),
    UdpProbe(protocol="ike", port=500, build=ike_init, parse=parse_ike),
    UdpProbe(protocol="dhcp", port=67, build=dhcp_inform, parse=parse_dhcp),
    UdpProbe(protocol="ipmi", port=623, build=asf_ping, parse=parse_asf),
)
