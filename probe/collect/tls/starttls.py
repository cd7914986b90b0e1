"""What is said in the clear before TLS begins on a port of another protocol, and what comes back.

Each dialogue is a generator: it gives what to say, gets the reply, and ends when TLS may begin. It knows
no I/O. ``Refusal`` is the service's clear no; anything else that is not a yes stays unknown.
"""

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass

from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.evidence import EvidenceRef
from probe.model.text import clean
from probe.model.tls import Reply

GREETING_S = 8.0
"""Mail servers let strangers wait some seconds for the greeting, to drive away those that cannot."""
REPLY_S = 5.0
LARGEST_REPLY = 16_384


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing to say, nothing for a greeting, and how to know that the reply is whole."""

    say: bytes
    whole: Callable[[bytes], bool]


Dialogue = Generator[Turn, bytes, None]


class Refusal(Exception):
    """The service says that it does not begin TLS."""


class Unclear(Exception):
    """The service says something else, or that it cannot just now."""


# --- the dialogues -------------------------------------------------------------------------------


def _lines(data: bytes) -> bool:
    """A reply with a code on its last line (RFC 5321 section 4.2.1, RFC 959 section 4.2)."""
    return bool(re.search(rb"(?:^|\n)\d{3}(?: [^\n]*|\r?)\n$", data))


def _a_line(data: bytes) -> bool:
    return data.endswith(b"\n")


def _by_code(reply: bytes, ready: bytes) -> None:
    last = reply.rstrip().rpartition(b"\n")[2]
    if last.startswith(ready):
        return
    text = clean(last, 120)
    raise Refusal(text) if last[:1] == b"5" else Unclear(text)


def smtp(name: str) -> Dialogue:
    """RFC 3207."""
    del name
    _by_code((yield Turn(b"", _lines)), b"220")
    _by_code((yield Turn(b"EHLO probe.invalid\r\n", _lines)), b"250")
    _by_code((yield Turn(b"STARTTLS\r\n", _lines)), b"220")


def ftp(name: str) -> Dialogue:
    """RFC 4217 section 4."""
    del name
    greeting = yield Turn(b"", _lines)
    if not greeting.startswith(b"220"):
        raise Unclear(clean(greeting, 120))
    _by_code((yield Turn(b"AUTH TLS\r\n", _lines)), b"234")


def imap(name: str) -> Dialogue:
    """RFC 9051 section 6.2.1."""
    del name
    greeting = yield Turn(b"", _a_line)
    if not greeting.startswith((b"* OK", b"* PREAUTH")):
        raise Unclear(clean(greeting, 120))
    reply = yield Turn(b"a1 STARTTLS\r\n", lambda d: bool(re.search(rb"(?:^|\n)a1 [^\n]*\n$", d)))
    said = reply.rstrip().rpartition(b"\n")[2]
    if not said.startswith(b"a1 OK"):
        raise Refusal(clean(said, 120)) if said[3:6] in (b"NO ", b"BAD") else Unclear(clean(said))


def pop3(name: str) -> Dialogue:
    """RFC 2595 section 4."""
    del name
    greeting = yield Turn(b"", _a_line)
    if not greeting.startswith(b"+OK"):
        raise Unclear(clean(greeting, 120))
    reply = yield Turn(b"STLS\r\n", _a_line)
    if not reply.startswith(b"+OK"):
        text = clean(reply, 120)
        raise Refusal(text) if reply.startswith(b"-ERR") else Unclear(text)


_XMPP_TLS = b"urn:ietf:params:xml:ns:xmpp-tls"


def _features(data: bytes) -> bool:
    ends = (b"</stream:features>", b"<stream:features/>", b"</stream:error>", b"</stream:stream>")
    return any(end in data for end in ends)


def xmpp(name: str) -> Dialogue:
    """RFC 6120 section 5.4. A server talks only to those who know the domain that it serves."""
    opening = (
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
        f"xmlns:stream='http://etherx.jabber.org/streams' to='{name or 'localhost'}' version='1.0'>"
    )
    features = yield Turn(opening.encode("ascii", "replace"), _features)
    if b"stream:features" not in features:
        raise Unclear(clean(features.partition(b"error>")[2] or features, 160))
    if _XMPP_TLS not in features:
        raise Refusal("its stream features do not name STARTTLS")
    reply = yield Turn(b"<starttls xmlns='" + _XMPP_TLS + b"'/>", lambda d: b">" in d)
    if b"<proceed" not in reply:
        text = clean(reply, 120)
        raise Refusal(text) if b"<failure" in reply else Unclear(text)


_LDAP_START = b"1.3.6.1.4.1.1466.20037"
_LDAP_PASSING = {1: "operations error", 51: "busy", 52: "unavailable"}


def ldap(name: str) -> Dialogue:
    """RFC 4511 section 4.14: an extended request with message id 1."""
    del name
    request = b"\x77" + bytes([2 + len(_LDAP_START), 0x80, len(_LDAP_START)]) + _LDAP_START
    message = b"\x02\x01\x01" + request
    reply = yield Turn(b"\x30" + bytes([len(message)]) + message, _ber_whole)
    found = re.match(rb"\x30(?:[\x00-\x7f]|[\x81-\x84].{1,4}?)\x02\x01\x01\x78", reply, re.DOTALL)
    result = re.search(rb"\x0a\x01(.)", reply[found.end() :], re.DOTALL) if found else None
    if result is None:
        raise Unclear(f"hex {reply[:24].hex()}")
    code = result[1][0]
    if code in _LDAP_PASSING:
        raise Unclear(_LDAP_PASSING[code])
    if code:
        raise Refusal(f"result code {code}")


def _ber_whole(data: bytes) -> bool:
    """One element with its length in front (X.690 section 8.1)."""
    if len(data) < 2 or data[0] != 0x30:
        return bool(data) and data[0] != 0x30
    if data[1] < 0x80:
        return len(data) >= 2 + data[1]
    width = data[1] & 0x7F
    return len(data) >= 2 + width + int.from_bytes(data[2 : 2 + width], "big")


def postgresql(name: str) -> Dialogue:
    """SSLRequest, answered by one byte ("SSL Session Encryption" in the protocol's description)."""
    del name
    reply = yield Turn(bytes.fromhex("00000008 04d2162f"), bool)
    if reply[:1] == b"N":
        raise Refusal("it answers the request for TLS with N")
    if reply != b"S":
        raise Unclear(clean(reply, 120) or f"hex {reply[:24].hex()}")


DIALOGUES: dict[str, Callable[[str], Dialogue]] = {
    "smtp": smtp,
    "imap": imap,
    "pop3": pop3,
    "ftp": ftp,
    "xmpp": xmpp,
    "ldap": ldap,
    "postgresql": postgresql,
}


# --- over a connection ---------------------------------------------------------------------------


async def converse(wire: Wire, protocol: str, name: str = "") -> None:
    """Bring the connection to where TLS begins. Raises Refusal, Unclear, NoAnswer."""
    talk = DIALOGUES[protocol](name)
    turn = next(talk)
    while True:
        if turn.say:
            await wire.send(turn.say)
        within = REPLY_S if turn.say else GREETING_S
        reply = await wire.recv_until(turn.whole, limit=LARGEST_REPLY, within=within)
        if not turn.whole(reply):
            raise NoAnswer(Why.SILENT if reply else Why.ENDED, "no whole reply before TLS")
        try:
            turn = talk.send(reply)
        except StopIteration:
            return


async def begin(wire: Wire, protocol: str, name: str = "") -> None:
    """``converse`` on a service that has agreed before: anything but TLS is then no answer."""
    try:
        await converse(wire, protocol, name)
    except (Refusal, Unclear) as error:
        raise NoAnswer(Why.GARBAGE, f"TLS was not begun this time: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Whether the service begins TLS when asked."""

    reply: Reply
    detail: str
    proof: EvidenceRef | None
    why: Why | None = None
    """What was met when there is no answer; None when it was one that is not understood."""


async def ask_to_begin(
    session: DeviceSession, address: str, port: int, protocol: str, name: str = ""
) -> Agreement:
    """One connection, one question, no hello. Raises OutOfScope."""
    try:
        async with session.connect(address, port) as wire:
            why: Why | None = None
            try:
                await converse(wire, protocol, name)
            except Refusal as refusal:
                reply, detail = Reply.REFUSED, str(refusal)
            except Unclear as unclear:
                reply, detail = Reply.NO_ANSWER, str(unclear)
            except NoAnswer as error:
                reply, detail, why = Reply.NO_ANSWER, str(error), error.why
            else:
                reply, detail = Reply.ACCEPTED, ""
            caption = f"request to begin TLS inside {protocol.upper()}: {reply}"
            proof = session.keep_transcript(wire.transcript, caption)
            return Agreement(reply=reply, detail=detail, proof=proof, why=why)
    except NoAnswer as error:
        return Agreement(reply=Reply.NO_ANSWER, detail=str(error), proof=error.proof, why=error.why)
