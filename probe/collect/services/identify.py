"""What listens on an open TCP port, found by what it answers; one connection at a time."""

from collections.abc import Sequence
from dataclasses import replace

from probe.collect.answers import NoAnswer
from probe.collect.services.signatures import Match, as_called, recognise
from probe.collect.services.strangers import access
from probe.collect.services.talk import BANNER_S, KEEP, Talk
from probe.collect.services.tcp_probes import (
    PROBES,
    SPEAKS_FIRST,
    further,
    order,
    order_inside_tls,
)
from probe.collect.session import DeviceSession
from probe.model.device import endpoint
from probe.model.finding import Owner
from probe.model.observation import OpenAccess, Service
from probe.model.text import clean

LONG_BANNER_S = 3.0
COMMON, ALL = "common", "all"
"""Values of ``Service.asked``."""


async def identify(session: DeviceSession, address: str, port: int) -> None:
    """Record one Service, ``unknown`` with a reason when nothing was recognised, and its OpenAccess."""
    talk = Talk(session, address, port)
    banner = LONG_BANNER_S if port in SPEAKS_FIRST else BANNER_S
    try:
        match, heard = await _ask(talk, order(port), banner)
        if match is not None and _wants_tls(match, heard):
            inside = Talk(session, address, port, tls=True, proofs=talk.proofs)
            inner = await _ask(inside, order_inside_tls(port), BANNER_S)
            if inner[0] is not None or match.protocol == "tls" or not inside.troubles:
                talk = inside
                match, heard = inner
    except NoAnswer as error:
        _not_reached(talk, error)
        return
    await _record(talk, match, heard)


async def identify_further(session: DeviceSession, address: str, port: int) -> None:
    """Try the rarer protocols on a port that stayed unknown; records what that makes of its Service."""
    talk = Talk(session, address, port)
    try:
        match, heard = await _ask(talk, further(port), 0.0)
    except NoAnswer as error:
        _not_reached(talk, error)
        return
    if match is not None:
        await _record(talk, match, heard)
        return
    place = ("tcp", address, port)
    before = [
        s.fact
        for s in session.dut.services("unknown")
        if (s.fact.transport, s.fact.address, s.fact.port) == place
    ]
    common = any(s.asked == COMMON for s in before)
    service = _service(talk, None, heard)
    session.observe(
        replace(
            service,
            banner=service.banner or "".join(s.banner for s in before),
            reason=before[0].reason if before and not talk.first else service.reason,
            asked=ALL if common and talk.to_the_end else "",
        ),
        *talk.proofs,
    )


async def _record(talk: Talk, match: Match | None, heard: bytes) -> None:
    session, address, port = talk.session, talk.address, talk.port
    match = match and as_called(match, heard, port)
    proofs = list(talk.proofs if match is None else talk.proofs[-2:])
    given, refused = await access(talk, match) if match is not None else ("", False)
    service = replace(_service(talk, match, heard), refuses_strangers=refused and not given)
    session.observe(service, *proofs, *(p for p in talk.proofs[-1:] if p not in proofs))
    if given:
        fact = OpenAccess(
            transport="tcp",
            address=address,
            port=port,
            protocol=service.protocol,
            what=given,
            write_possible=service.protocol != "rtsp",
        )
        session.observe(fact, talk.proofs[-1])


async def _ask(talk: Talk, probes: Sequence[str], banner: float) -> tuple[Match | None, bytes]:
    """Probe after probe until something is recognised; a greeting is awaited once, at the start."""
    heard = b""
    if not probes:
        heard = await talk.say(banner=banner)
        talk.troubles.append("nothing was said to it, for a raw print port prints that")
        talk.broke_off = True
        return recognise(heard), heard
    for n, name in enumerate(probes):
        try:
            heard = await talk.say(PROBES[name], banner=banner if n == 0 else 0.0)
        except NoAnswer as error:
            if n == 0:
                raise
            talk.troubles.append(f"a further connection met {error.why}")
            talk.broke_off = True
            break
        # An echo gives the question back; some questions look like their answers.
        match = recognise(heard) if heard != PROBES[name] else None
        if match is not None and not (talk.tls and match.protocol == "tls"):
            # A server of streams may speak HTTP only to carry RTSP through (GStreamer does).
            if match.protocol == "http" and b"rtsp" in heard[:KEEP].lower():
                carried = await talk.say(PROBES["rtsp"], banner=0.0)
                if (stream := recognise(carried)) is not None and stream.protocol == "rtsp":
                    return stream, carried
            return match, heard
        if talk.tls and any("TLS" in t for t in talk.troubles):
            talk.broke_off = True
            break
    return None, heard


def _wants_tls(match: Match, heard: bytes) -> bool:
    """TLS, or a web server that says that its port speaks HTTPS only (nginx, Apache, Go)."""
    if match.protocol == "tls":
        return True
    refused = match.protocol == "http" and heard[9:12] == b"400"
    return refused and (b"HTTPS" in heard or b"SSL" in heard)


def _service(talk: Talk, match: Match | None, heard: bytes) -> Service:
    if match is not None:
        return Service(
            transport="tcp",
            address=talk.address,
            port=talk.port,
            protocol=match.protocol,
            tls=talk.tls,
            product=clean(match.product, 80),
            version=clean(match.version, 40),
            banner=_shown(_without_iac(heard)),
            reason=match.reason,
        )
    reason = "it said something that is not known" if talk.first else "it said nothing"
    if talk.troubles:
        reason += f" ({talk.troubles[-1]})"
    return Service(
        transport="tcp",
        address=talk.address,
        port=talk.port,
        protocol="unknown",
        tls=talk.tls,
        banner=_shown(talk.first),
        reason=clean(reason),
        # Inside TLS there is no second round with the rarer protocols.
        asked=(ALL if talk.tls else COMMON) if talk.to_the_end else "",
    )


def _shown(data: bytes) -> str:
    """Text as text, anything else as the first bytes in hexadecimal."""
    printable = sum(32 <= b < 127 or b in b"\r\n\t" for b in data[:KEEP])
    if 10 * printable >= 7 * len(data[:KEEP]):
        return clean(data)
    return f"hex {data[:24].hex()}"


def _without_iac(data: bytes) -> bytes:
    """Telnet commands left out (RFC 854), so that the text can be read."""
    out, at = bytearray(), 0
    while at < len(data):
        if data[at] == 0xFF and at + 1 < len(data):
            at += 3 if 0xFB <= data[at + 1] <= 0xFE else 2
        else:
            out.append(data[at])
            at += 1
    return bytes(out)


def _not_reached(talk: Talk, error: NoAnswer) -> None:
    where = endpoint("tcp", talk.address, talk.port)
    text = f"the port was found open, but a connection to it met: {error.why}"
    proof = talk.session.keep(
        f"{where}: {error}\n".encode(), media_type="text/plain", caption=f"no connection, {where}"
    )
    talk.session.not_measured(
        where,
        text,
        *talk.proofs,
        proof,
        owner=error.owner if error.owner is not Owner.NETWORK else Owner.DEVICE,
        settle="Run again; if the port is open only at times, find out by hand what opens it.",
    )
