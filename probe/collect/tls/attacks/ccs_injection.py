"""CCS injection (CVE-2014-0224): is a ChangeCipherSpec accepted before there are keys?

A right stack refuses it at once, with unexpected_message. A faulty one switches to keys made of nothing,
without a word, and the same record sent again then fails as an encrypted one.
"""

from enum import Enum

from probe.collect.tls.attacks.messages import CHANGE_CIPHER_SPEC, plain_finished
from probe.collect.tls.attacks.talk import Heard
from probe.collect.tls.attacks.target import Outcome, Target, no_answer
from probe.collect.tls.codec.numbers import Content
from probe.collect.tls.exchange import Met
from probe.model.tls import AttackReply

UNEXPECTED_MESSAGE, BAD_RECORD_MAC, DECRYPTION_FAILED = 10, 20, 21
FAILED_AS_ENCRYPTED = (BAD_RECORD_MAC, DECRYPTION_FAILED)
LONGER = 3.0
"""The second time it is waited so much longer: a slow refusal of the first record must not count."""


class _Seen(Enum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REFUSED_IF_TWICE = "refused if twice"
    UNCLEAR = "unclear"


async def ccs_injection(target: Target) -> Outcome:
    """Raises NoAnswer when no connection comes about."""
    first, words = await _try(target, target.patience)
    if first is _Seen.REFUSED:
        return Outcome(AttackReply.NOT_VULNERABLE, words)
    if first is _Seen.UNCLEAR:
        return no_answer(words)
    if not await target.is_well():
        return no_answer(f"{words}; after that even a hello that had worked met no ServerHello")
    second, again = await _try(target, LONGER * target.patience)
    if first is not second:
        return no_answer(f"it answered in two ways: {words}; then {again}")
    if second is _Seen.ACCEPTED:
        return Outcome(AttackReply.VULNERABLE, f"{again}, twice")
    return Outcome(AttackReply.NOT_VULNERABLE, f"{again}, twice, while a control hello worked")


async def _try(target: Target, patience: float) -> tuple[_Seen, str]:
    async with target.stream("ChangeCipherSpec before the keys") as talk:
        heard = await talk.greet(target.hello)
        if heard.met is not None or talk.flight.hello is None or talk.flight.encrypted:
            return _Seen.UNCLEAR, f"the hello met {heard}"
        await talk.say(Content.CHANGE_CIPHER_SPEC, CHANGE_CIPHER_SPEC)
        heard = await talk.hear(patience)
        if heard.met is not Met.SILENT:
            return _first(heard)
        await talk.say(Content.CHANGE_CIPHER_SPEC, CHANGE_CIPHER_SPEC)
        heard = await talk.hear(patience)
        if heard.alert in FAILED_AS_ENCRYPTED:
            text = (
                "it took a ChangeCipherSpec before the keys without a word, and met the next record"
            )
            return _Seen.ACCEPTED, f"{text} with {heard}, as one that is encrypted"
        if heard.met is Met.SILENT:
            await talk.say(Content.HANDSHAKE, plain_finished())
            heard = await talk.hear(patience)
        if heard.alert == UNEXPECTED_MESSAGE:
            text = (
                "it passed over a ChangeCipherSpec before the keys and went on reading plain text"
            )
            return _Seen.REFUSED, f"{text}: {heard}"
        return (
            _Seen.UNCLEAR,
            f"a ChangeCipherSpec before the keys met silence, what followed {heard}",
        )


def _first(heard: Heard) -> tuple[_Seen, str]:
    """The reaction to the first record."""
    words = f"a ChangeCipherSpec before the keys met {heard}"
    if heard.alert == UNEXPECTED_MESSAGE:
        return _Seen.REFUSED, words
    if heard.alert is not None and heard.alert not in FAILED_AS_ENCRYPTED:
        return _Seen.REFUSED_IF_TWICE, words
    return (_Seen.REFUSED_IF_TWICE if heard.met is Met.ENDED else _Seen.UNCLEAR), words
