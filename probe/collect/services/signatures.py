"""Recognises a TCP service by the bytes it sent. Pure, bounded, and total: any input has an answer.

The signatures come from protocol texts and from what daemons in the laboratory answered.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from probe.collect.services.debug import debugger
from probe.collect.services.tcp_probes import NONCE
from probe.model.text import clean


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a service is. ``protocol`` ``tls`` means: look inside."""

    protocol: str
    product: str = ""
    version: str = ""
    reason: str = ""
    open_access: str = ""
    """What this very answer gave without a credential."""
    refused: bool = False
    """This very answer refused to serve without a credential."""


LOOK_AT = 4096
_PRODUCT = re.compile(r"([A-Za-z][A-Za-z_-]{1,30}?)[ /_-]{1,2}\[?[vV]?(\d+(?:\.\w{1,12}){1,4})")
_SSH = re.compile(r"SSH-[\d.]{1,5}-([A-Za-z][A-Za-z.]{1,30}?)[_ -]?(\d[\w.]{0,20})?(?:[\s_-]|$)")
_LOGIN = re.compile(rb"(?i)(?:login|user ?name|user|account|password) ?: ?\s*$")
_SHELL = re.compile(rb"(?:^|\n|\r)(?:[\w.@:~/ -]{0,60}|\[[^\]\n]{1,60}\])[#$] $")
_CWMP = re.compile(rb"(?i)realm=[^\r\n]{0,80}(?:cwmp|tr-?0?69|connection.?request|homegateway)")
CWMP_PORTS = (7547, 7548)
_SERVER = re.compile(rb"(?im)^server:[ \t]*([^\r\n]{1,200})")


def product_of(text: str) -> tuple[str, str]:
    """Product and version out of a banner, empty strings when it has none."""
    found = _PRODUCT.search(text)
    return (found[1], found[2]) if found else ("", "")


def recognise(data: bytes) -> Match | None:
    """The service that sent ``data``, None when nothing is recognised."""
    data = data[:LOOK_AT]
    for look in _LOOKS:
        found = look(data)
        if found is not None:
            return found
    return None


def as_called(match: Match, data: bytes, port: int) -> Match:
    """The same match, or one for the TR-069 connection request that an HTTP answer belongs to.

    It is HTTP with nothing to see (TR-069 section 3.2.2): its realm tells, or the port registered for it
    when that has no page. A page on that port stays a web service.
    """
    if match.protocol != "http":
        return match
    status = data[9:12]
    bare = port in CWMP_PORTS and status in (b"401", b"403", b"404", b"405", b"501")
    if bare or (status == b"401" and _CWMP.search(data[:LOOK_AT])):
        return replace(match, protocol="cwmp", reason="TR-069 connection request")
    return match


def _tls(data: bytes) -> Match | None:
    if len(data) >= 5 and data[0] in (0x15, 0x16) and data[1] == 3 and data[2] <= 4:
        return Match(protocol="tls", reason="TLS " + ("alert" if data[0] == 0x15 else "handshake"))
    return None


def _ssh(data: bytes) -> Match | None:
    # Other lines may come before the identification (RFC 4253 section 4.2).
    start = 0 if data.startswith(b"SSH-") else data.find(b"\nSSH-") + 1
    if not data[start:].startswith(b"SSH-"):
        return None
    line = clean(data[start:].partition(b"\n")[0])
    found = _SSH.match(line)
    product, version = (found[1], found[2] or "") if found else ("", "")
    return Match(protocol="ssh", product=product, version=version, reason="SSH identification")


def _status_line(data: bytes) -> Match | None:
    for start, protocol in ((b"HTTP/", "http"), (b"RTSP/", "rtsp"), (b"SIP/2.0 ", "sip")):
        if data.startswith(start):
            server = _SERVER.search(data)
            text = clean(server[1]) if server else ""
            name, _, rest = text.partition("/")
            version = rest.split(" ")[0] if rest else ""
            reason = f"{start.decode().rstrip('/ ')} status line"
            if " " in name:
                name, version = product_of(text)
                name = name or text
            return Match(protocol=protocol, product=name, version=version, reason=reason)
    if re.match(rb"(?is)\s*<(?:!doctype html|html)", data):
        return Match(protocol="http", reason="an HTML page without a status line (HTTP/0.9)")
    return None


def _greeting(data: bytes) -> Match | None:
    text = clean(data.partition(b"\n")[0])
    if re.match(r"220[ -]", text):
        product, version = product_of(text)
        mail = re.search(r"(?i)smtp|mail", text) and not re.search(
            r"(?i)ftp", text.split("SMTP")[0]
        )
        return Match(
            protocol="smtp" if mail else "ftp",
            product=product,
            version=version,
            reason="220 greeting",
        )
    for pattern, protocol in (
        (r"\* (?:OK|PREAUTH|BYE)\b", "imap"),
        (r"\+OK\b", "pop3"),
        (r"RFB \d{3}\.\d{3}", "vnc"),
        (r"@RSYNCD:", "rsync"),
        (r"421[ -]", "ftp"),
        (r"554[ -].*(?i:smtp)", "smtp"),
        (r"500 .*command", "ftp"),
        (r"INFO \{", "nats"),
    ):
        if re.match(pattern, text):
            # What these two name is the version of the protocol, not of a product.
            named = ("", "") if protocol in ("vnc", "rsync") else product_of(text)
            product, version = named
            return Match(
                protocol=protocol, product=product, version=version, reason=f"{protocol} greeting"
            )
    return None


def _telnet(data: bytes) -> Match | None:
    # IAC and one of WILL, WONT, DO, DONT (RFC 854).
    if re.search(rb"\xff[\xfb-\xfe][\x00-\x2f\xff]", data[:64]):
        return Match(protocol="telnet", reason="Telnet option negotiation")
    if _LOGIN.search(data[-80:]) and not data.startswith(b"\xff\xff"):
        return Match(protocol="telnet", reason="a login prompt without Telnet negotiation")
    if _SHELL.search(data[-100:]):
        return Match(protocol="shell", reason="a shell prompt")
    return None


def _memcached(data: bytes) -> Match | None:
    found = re.match(rb"VERSION (\d[\w.-]{0,20})\r\n", data)
    if found is None:
        return None
    access = "commands (version was answered)"
    return Match(
        protocol="memcached", version=clean(found[1]), reason="version answer", open_access=access
    )


def _redis(data: bytes) -> Match | None:
    if data.startswith(b"+PONG"):
        access = "commands (PING was obeyed)"
        return Match(protocol="redis", reason="PONG", open_access=access)
    if data.startswith((b"-NOAUTH", b"-DENIED", b"-ERR ", b"-WRONGPASS")):
        refused = data.startswith((b"-NOAUTH", b"-DENIED"))
        reason = clean(data.partition(b"\r\n")[0], 60)
        return Match(protocol="redis", reason=reason, refused=refused)
    return None


def _mqtt(data: bytes) -> Match | None:
    if len(data) >= 4 and data[0] == 0x20 and data[1] == 2 and data[2] < 2 and data[3] < 0xA0:
        return Match(protocol="mqtt", reason=f"CONNACK, return code {data[3]}")
    if len(data) >= 5 and data[0] == 0x20 and data[1] == len(data) - 2 and data[2] < 2:
        return Match(protocol="mqtt", reason=f"CONNACK of MQTT 5, reason code 0x{data[3]:02x}")
    return None


def _coap(data: bytes) -> Match | None:
    """CSM, the first message of CoAP over TCP in both directions (RFC 8323 section 5.3)."""
    extended = {13: 1, 14: 2, 15: 4}.get(data[0] >> 4, 0) if data else 0
    if len(data) > 1 + extended and data[0] & 15 == 0 and data[1 + extended] == 0xE1:
        return Match(protocol="coap", reason="CoAP over TCP, CSM")
    return None


def _mysql(data: bytes) -> Match | None:
    if len(data) < 8 or data[3] != 0 or int.from_bytes(data[:3], "little") < 5:
        return None
    if data[4] == 0x0A:
        version, end, _ = data[5:80].partition(b"\0")
        if end and re.fullmatch(rb"[\x20-\x7e]+", version):
            return Match(protocol="mysql", version=clean(version, 60), reason="MySQL handshake")
    if data[4] == 0xFF and re.search(rb"(?i)host .* is (?:not allowed|blocked)", data[:300]):
        return Match(protocol="mysql", reason="MySQL refuses this host")
    return None


def _modbus(data: bytes) -> Match | None:
    if len(data) < 9 or data[:2] not in (b"\x70\x72", b"\x70\x73") or data[2:4] != b"\0\0":
        return None
    function = data[7]
    if function & 0x80:
        return Match(protocol="modbus", reason=f"Modbus exception {data[8]}")
    texts = _modbus_objects(data[13:]) if function == 43 else {}
    given = "two holding registers"
    if function == 43:
        given = "the device identification" if any(texts.values()) else ""
    return Match(
        protocol="modbus",
        product=f"{texts.get(0, '')} {texts.get(1, '')}".strip(),
        version=texts.get(2, ""),
        reason=f"Modbus answer to function {function}",
        open_access=given,
    )


def _modbus_objects(data: bytes) -> dict[int, str]:
    """The objects of an identification: maker 0, product code 1, revision 2 (V1.1b3, section 6.21)."""
    found: dict[int, str] = {}
    at = 1
    for _ in range(min(data[0] if data else 0, 8)):
        if at + 2 > len(data):
            break
        size = data[at + 1]
        found[data[at]] = clean(data[at + 2 : at + 2 + size], 40)
        at += 2 + size
    return found


def _dns(data: bytes) -> Match | None:
    if len(data) >= 14 and data[2:4] == NONCE[:2] and data[4] & 0x80:
        return Match(protocol="dns", reason="DNS response over TCP")
    return None


def _adb(data: bytes) -> Match | None:
    word = data[:4]
    if len(data) < 24 or word not in (b"CNXN", b"AUTH", b"STLS"):
        return None
    return Match(
        protocol="adb",
        product=clean(data[24:], 80) if word == b"CNXN" else "",
        reason=f"Android debug bridge answered {word.decode()}",
        open_access="a command shell (Android debug bridge)" if word == b"CNXN" else "",
        refused=word == b"AUTH",
    )


def _debugger(data: bytes) -> Match | None:
    found = debugger(data)
    if found is None:
        return None
    return Match(
        protocol=found.protocol,
        product=found.product,
        version=found.version,
        reason=found.reason,
        open_access=found.gives,
    )


def _xmpp(data: bytes) -> Match | None:
    if b"<stream:stream" in data[:400] and b"http://etherx.jabber.org/streams" in data:
        return Match(protocol="xmpp", reason="XMPP stream")
    return None


def _ldap(data: bytes) -> Match | None:
    """A message with the id of our request (RFC 4511): an entry, the end of a search, or a notice."""
    found = re.match(
        rb"\x30(?:[\x05-\x7f]|\x81.|\x82..|\x84....)\x02\x01([\x00\x71])([\x64\x65\x78])",
        data,
        re.S,
    )
    if found is None or (found[1] == b"\0") != (found[2] == b"\x78"):
        return None
    return Match(protocol="ldap", reason="LDAP message")


def _postgresql(data: bytes) -> Match | None:
    """ErrorResponse with its fields of severity and code."""
    size = int.from_bytes(data[1:5], "big")
    if data[:1] == b"E" and 8 < size < 4096 and re.match(rb"S(?:FATAL|ERROR)\0", data[5:]):
        return Match(protocol="postgresql", reason="PostgreSQL error response")
    return None


def _amqp(data: bytes) -> Match | None:
    """A broker that does not speak the version offered says which it does."""
    if len(data) >= 8 and re.match(rb"AMQP[\x00-\x03][\x00-\x09]{3}", data):
        return Match(protocol="amqp", reason="AMQP protocol header")
    return None


def _rdp(data: bytes) -> Match | None:
    if len(data) >= 7 and data[:2] == b"\x03\0" and data[5] & 0xF0 == 0xD0:
        return Match(protocol="rdp", reason="X.224 connection confirm")
    return None


_LOOKS: tuple[Callable[[bytes], Match | None], ...] = (
    _tls,
    _ssh,
    _status_line,
    _greeting,
    _modbus,
    _dns,
    _adb,
    _debugger,
    _rdp,
    _xmpp,
    _ldap,
    _postgresql,
    _amqp,
    _redis,
    _memcached,
    _mqtt,
    _coap,
    _mysql,
    _telnet,
)
