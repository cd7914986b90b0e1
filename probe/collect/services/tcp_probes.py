"""What is said to a TCP service to make it say what it is. Bytes only, no I/O.

Every request is read-only and is the protocol's own "who are you": nothing is logged in to, written or
started.
"""

import struct

from probe.collect.services.debug import REQUESTS
from probe.collect.services.udp.infrastructure import sip_options
from probe.collect.services.udp.names import dns_version

NONCE = bytes(range(0x41, 0x61))
"""Fixed, so that two runs send the same bytes; nothing here is a secret."""


def tls_hello() -> bytes:
    """A TLS 1.2 ClientHello that any TLS stack answers, if only with an alert (RFC 5246)."""
    suites = bytes.fromhex(
        "c02b c02f c02c c030 cca9 cca8 c009 c013 c00a c014 009c 009d 002f 0035 000a 00a8 c0a8 00ff"
    )
    extensions = bytes.fromhex("000a 0008 0006 001d 0017 0018  000b 0002 0100") + bytes.fromhex(
        "000d 0012 0010 0403 0503 0603 0804 0401 0501 0601 0201"
    )
    body = b"\x03\x03" + NONCE + b"\0" + struct.pack("!H", len(suites)) + suites + b"\x01\0"
    body += struct.pack("!H", len(extensions)) + extensions
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack("!H", len(handshake)) + handshake


def mqtt_connect() -> bytes:
    """CONNECT without credential, MQTT 3.1.1: every broker answers with a CONNACK (section 3.2)."""
    body = b"\0\x04MQTT\x04\x02\0\x0a" + b"\0\x05probe"
    return bytes((0x10, len(body))) + body


def adb_connect() -> bytes:
    """CNXN of the Android debug bridge: answered by CNXN (open), AUTH or STLS."""
    payload = b"host::\0"
    command = int.from_bytes(b"CNXN", "little")
    head = (command, 0x01000000, 4096, len(payload), sum(payload), command ^ 0xFFFFFFFF)
    return struct.pack("<6I", *head) + payload


def dns_over_tcp() -> bytes:
    query = dns_version(NONCE)
    return struct.pack("!H", len(query)) + query


MODBUS_IDENTIFY = bytes.fromhex("7072 0000 0005 01 2b0e0100")
"""Read Device Identification, basic (function 43/14); 7072 is the transaction id."""
MODBUS_UNITS = (1, 255, 0)
"""The usual unit, the one for a device without units behind it, and the one that some take for it."""


def modbus_read(unit: int) -> bytes:
    """Read two holding registers (function 3), and never more: nothing is written."""
    return bytes.fromhex("7073 0000 0006") + bytes((unit,)) + bytes.fromhex("03 0000 0002")


PROBES: dict[str, bytes] = {
    # HTTP/1.0 without Host: servers answer it, and Redis does not take it for an attack.
    "http": b"GET / HTTP/1.0\r\n\r\n",
    "tls": tls_hello(),
    "newline": b"\r\n\r\n",
    "mqtt": mqtt_connect(),
    "redis": b"PING\r\n",
    "rtsp": b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "modbus": MODBUS_IDENTIFY,
    "dns": dns_over_tcp(),
    "adb": adb_connect(),
    **REQUESTS,
    "sip": sip_options(NONCE).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP"),
    # X.224 connection request with a negotiation request for TLS and CredSSP ([MS-RDPBCGR] 2.2.1.1).
    "rdp": bytes.fromhex("03000013 0ee00000000000 0100080003000000"),
    "memcached": b"version\r\n",
    "xmpp": b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='device.invalid' "
    b"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
    # SearchRequest of the root DSE, which every server shows to everybody (RFC 4512 section 5.1).
    "ldap": bytes.fromhex(
        "3025 020171 6320 0400 0a0100 0a0100 020100 020105 010100 870b6f626a656374436c617373 3000"
    ),
    # StartupMessage of a version that does not exist: an error comes before any login is begun.
    "postgresql": bytes.fromhex("00000008 00ff00ff"),
    "amqp": b"AMQP\x00\x00\x09\x00",
}

EXPECTED: dict[int, str] = {
    **dict.fromkeys((443, 4443, 8443, 9443, 10443, 7443, 20443, 8883, 5061, 322, 992, 8009), "tls"),
    **dict.fromkeys((802, 990, 993, 995, 465, 853, 636, 2376, 5671, 6443, 4843, 62078), "tls"),
    **dict.fromkeys((1883, 1884), "mqtt"),
    **dict.fromkeys((554, 8554, 5554, 10554), "rtsp"),
    **dict.fromkeys((6379, 6380, 6381), "redis"),
    **dict.fromkeys((1234, 2345, 2159, 2331, 3333), "gdb"),
    **dict.fromkeys((2542, 2543), "xvc"),
    6666: "openocd_tcl",
    5005: "jdwp",
    502: "modbus",
    53: "dns",
    5555: "adb",
    5060: "sip",
    3389: "rdp",
    11211: "memcached",
    5222: "xmpp",
    **dict.fromkeys((389, 3268), "ldap"),
    **dict.fromkeys((5432, 5433), "postgresql"),
    5672: "amqp",
}
"""Which probe comes first on a port; what the service is, its answer says."""

SPEAKS_FIRST = frozenset(
    (
        21,
        22,
        23,
        24,
        25,
        26,
        110,
        143,
        587,
        873,
        1534,
        2121,
        2222,
        2223,
        2323,
        2333,
        3306,
        4444,
        5900,
        5901,
        9999,
        19021,
    )
)
"""Ports whose usual service greets first: the greeting is awaited longer."""

PRINTS = range(9100, 9108)
"""Raw print ports: whatever is said there comes out on paper, so that nothing is said."""
GENERIC = ("tls", "http", "newline")
FURTHER = (
    *("mqtt", "rtsp", "redis", "modbus", "dns", "adb", "gdb", "sip", "rdp", "memcached"),
    *("xmpp", "ldap", "postgresql", "amqp", "xvc", "openocd_tcl", "jdwp"),
)
INSIDE_TLS = ("http", "newline", "mqtt", "rtsp", "redis", "sip")


def order(port: int) -> tuple[str, ...]:
    """The probes that are tried first on a port, each once, the expected one before the others.

    None on a raw print port.
    """
    return () if port in PRINTS else tuple(dict.fromkeys((EXPECTED.get(port, "http"), *GENERIC)))


def further(port: int) -> tuple[str, ...]:
    """The rarer protocols, for a port that nothing in ``order`` made speak intelligibly."""
    tried = order(port)
    return tuple(name for name in FURTHER if name not in tried)


def order_inside_tls(port: int) -> tuple[str, ...]:
    inner = {8883: "mqtt", 322: "rtsp", 5061: "sip", 853: "dns", 802: "modbus"}.get(port, "http")
    return tuple(dict.fromkeys((inner, *INSIDE_TLS)))
