"""What listens on an open TCP port, found by what it answers; one connection at a time."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from probe.collect.answers import NoAnswer, Why
from probe.collect.services.debug import SHELL_QUESTION, shell_user
from probe.collect.services.signatures import Match, as_called, recognise
from probe.collect.services.tcp_probes import (
    MODBUS_READ,
    PROBES,
    SPEAKS_FIRST,
    further,
    order,
    order_inside_tls,
)
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.device import endpoint
from probe.model.evidence import EvidenceRef
from probe.model.finding import Owner
from probe.model.observation import OpenAccess, Service
from probe.model.text import clean

BANNER_S = 0.3
LONG_BANNER_S = 3.0
ANSWER_S = 1.2
CONNECT_S = 3.0
READ_LIMIT = 4096
KEEP = 512
COMMON, ALL = "common", "all"
"""Values of ``Service.asked``."""


@dataclass(slots=True)
class _Talk:
    """One service under identification."""

    session: DeviceSession
    address: str
    port: int
    tls: bool = False
    proofs: list[EvidenceRef] = field(default_factory=list)
    first: bytes = b""
    """The first bytes that were heard, whatever they were."""
    troubles: list[str] = field(default_factory=list)
    broke_off: bool = False
    """Not every probe was sent: a connection or a TLS session did not come about."""
    conversations: int = 0
    resets: int = 0
    """How many of the conversations the device tore down."""

    @property
    def to_the_end(self) -> bool:
        """Every probe was sent, and resets were not all that it ever met."""
        return not self.broke_off and (bool(self.first) or self.resets < self.conversations)

    async def say(self, *requests: bytes, banner: float = BANNER_S) -> bytes:
        """One connection: listen, then say one thing after the other. The last answer counts.

        Raises NoAnswer when the connection does not come about; trouble on it is only noted.
        """
        heard = b""
        where = endpoint("tcp", self.address, self.port)
        async with self.session.connect(self.address, self.port, within=CONNECT_S) as wire:
            self.conversations += 1
            try:
                if self.tls:
                    await wire.start_tls(within=5.0)
                heard = await _listen(wire, banner) if banner else b""
                if not (heard and recognise(heard)):
                    for request in requests:
                        await wire.send(request)
                        heard = await wire.recv_until(_complete, limit=READ_LIMIT, within=ANSWER_S)
                        if not heard:
                            self.troubles.append(f"{Why.ENDED}: closed without an answer")
            except NoAnswer as error:
                self.troubles.append(f"{error.why}: {error.detail}")
                self.resets += error.why is Why.RESET
            finally:
                caption = f"identification of {where}" + (" inside TLS" if self.tls else "")
                self.proofs.append(self.session.keep_transcript(wire.transcript, caption))
        self.first = self.first or heard[:KEEP]
        return heard


async def identify(session: DeviceSession, address: str, port: int) -> None:
    """Record one Service, ``unknown`` with a reason when nothing was recognised, and its OpenAccess."""
    talk = _Talk(session, address, port)
    banner = LONG_BANNER_S if port in SPEAKS_FIRST else BANNER_S
    try:
        match, heard = await _ask(talk, order(port), banner)
        if match is not None and _wants_tls(match, heard):
            inside = _Talk(session, address, port, tls=True, proofs=talk.proofs)
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
    talk = _Talk(session, address, port)
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


async def _record(talk: _Talk, match: Match | None, heard: bytes) -> None:
    session, address, port = talk.session, talk.address, talk.port
    match = match and as_called(match, heard, port)
    proofs = list(talk.proofs if match is None else talk.proofs[-2:])
    given, refused = await _access(talk, match) if match is not None else ("", False)
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


async def _ask(talk: _Talk, probes: Iterable[str], banner: float) -> tuple[Match | None, bytes]:
    """Probe after probe until something is recognised; a greeting is awaited once, at the start."""
    heard = b""
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


async def _listen(wire: Wire, within: float) -> bytes:
    """What the service says by itself, nothing when it waits to be asked."""
    try:
        return await wire.recv_until(_complete, limit=READ_LIMIT, within=within)
    except NoAnswer as error:
        if error.why is Why.SILENT:
            return b""
        raise


def _complete(data: bytes) -> bool:
    """Whether enough came to recognise by: whole headers of a response, else one whole line."""
    if data.startswith((b"HTTP/", b"RTSP/", b"SIP/")):
        return b"\r\n\r\n" in data
    match = recognise(data)
    if match is None:
        return False
    if match.protocol == "telnet":
        # The prompt comes some time after the negotiation, and often a banner with it.
        return data.rstrip().endswith((b":", b">", b"#", b"$"))
    return b"\n" in data or len(data) >= 64 or match.protocol in ("tls", "mqtt", "rdp", "shell")


def _service(talk: _Talk, match: Match | None, heard: bytes) -> Service:
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


def _not_reached(talk: _Talk, error: NoAnswer) -> None:
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


async def _access(talk: _Talk, match: Match) -> tuple[str, bool]:
    """What the service gives to somebody without a credential, and whether it refused to.

    Each by one read-only question, on a connection of its own where the first answer did not tell.
    """
    try:
        if match.protocol == "vnc":
            return await _vnc(talk)
        if match.protocol == "rtsp":
            return await _rtsp(talk)
        if match.protocol == "shell":
            return await _shell(talk), False
        if match.protocol == "modbus" and not match.open_access:
            again = recognise(await talk.say(MODBUS_READ, banner=0.0))
            return (again.open_access if again is not None else "", False)
    except NoAnswer as error:
        talk.troubles.append(str(error))
    return match.open_access, match.refused


async def _vnc(talk: _Talk) -> tuple[str, bool]:
    """Security type 1 is "None" (RFC 6143 section 7.1.2)."""
    async with talk.session.connect(talk.address, talk.port, within=CONNECT_S) as wire:
        try:
            await wire.recv_until(lambda d: b"\n" in d, limit=12, within=ANSWER_S)
            await wire.send(b"RFB 003.008\n")
            kinds = await wire.recv_until(
                lambda d: bool(d) and len(d) > d[0], limit=256, within=ANSWER_S
            )
        finally:
            talk.proofs.append(talk.session.keep_transcript(wire.transcript, "VNC security types"))
    offered = kinds[1 : 1 + kinds[0]] if kinds and kinds[0] < 32 else b""
    what = "the screen, keyboard and pointer (security type None)" if 1 in offered else ""
    return what, bool(offered)


async def _shell(talk: _Talk) -> str:
    """A prompt may be painted: only a shell does the sum. Nothing is changed by it."""
    async with talk.session.connect(talk.address, talk.port, within=CONNECT_S) as wire:
        try:
            # Some print the prompt at once, some wait for a line.
            await _listen(wire, ANSWER_S)
            await wire.send(SHELL_QUESTION)
            heard = await wire.recv_until(
                lambda d: shell_user(d) is not None, limit=READ_LIMIT, within=ANSWER_S
            )
        finally:
            talk.proofs.append(talk.session.keep_transcript(wire.transcript, "a sum for the shell"))
    user = shell_user(heard)
    if user is None:
        return ""
    return "a command shell as root" if user == "0" else "a command shell"


async def _rtsp(talk: _Talk) -> tuple[str, bool]:
    """DESCRIBE of the root: a session description without a credential is a picture without one."""
    host = f"[{talk.address}]" if ":" in talk.address else talk.address
    request = f"DESCRIBE rtsp://{host}:{talk.port}/ RTSP/1.0\r\nCSeq: 2\r\n\r\n".encode()
    heard = await talk.say(request, banner=0.0)
    given = _status_ok(heard) and (b"v=0" in heard or b"application/sdp" in heard.lower())
    return ("the description of a media stream" if given else ""), heard[8:12] == b" 401"


def _status_ok(heard: bytes) -> bool:
    """Whether an RTSP response has status 200."""
    return heard[:5] == b"RTSP/" and heard[8:12] == b" 200"
