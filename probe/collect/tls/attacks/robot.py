"""ROBOT: does the answer to a client's key exchange tell how the padding inside was?

Five paddings, right and wrong, each over a connection of its own, in a whole flight of the client and in
one that stops after the key. A stack without a fault answers them alike. Where they differ, everything
is asked twice more: only a difference that is the same three times counts, so that chance and load do
not.
"""

import os
from dataclasses import dataclass

from probe.collect.tls import suites
from probe.collect.tls.attacks.messages import (
    CHANGE_CIPHER_SPEC,
    client_key_exchange,
    no_certificate,
)
from probe.collect.tls.attacks.paddings import KINDS, MALFORMED, RsaKey, block, read_key
from probe.collect.tls.attacks.talk import Heard
from probe.collect.tls.attacks.target import Outcome, Target, no_answer
from probe.collect.tls.codec import ClientHello, TlsFormatError, Version
from probe.collect.tls.codec.numbers import Content
from probe.collect.tls.exchange import Met
from probe.collect.tls.suites import MOST_AT_ONCE, Offers
from probe.model.tls import AttackReply, Reply

ROUNDS = 3
FINISHED_BYTES = 64
"""A multiple of every cipher's block, long enough for the initialisation vector and every MAC."""
READ_THE_FINISHED = (20, 21, 51)
"""bad_record_mac, decryption_failed, decrypt_error: the key was used, its padding passed over."""
WHOLE, SHORT = "whole flight", "key exchange alone"

Replies = dict[str, list[Heard]]
"""Kind of padding, and what it met in each round."""


@dataclass(frozen=True, slots=True)
class _Setting:
    target: Target
    hello: ClientHello
    key: RsaKey
    whole: bool
    empty_certificate: bool


def rsa_suites(version: Version) -> Offers:
    """Those with RSA key transport, common ciphers first."""
    table = suites.table()
    wanted = [
        n for offer in suites.ordinary(version) for n in offer if table[n].key_exchange == "RSA"
    ]
    return (tuple(wanted[:MOST_AT_ONCE]),)


async def robot(target: Target) -> Outcome:
    """Raises NoAnswer when a connection does not come about."""
    accepted = await target.accepts(rsa_suites(target.hello.version))
    if accepted.reply is Reply.REFUSED:
        text = f"RSA key transport is refused: {accepted.detail}"
        return Outcome(AttackReply.NOT_APPLICABLE, text)
    if accepted.reply is not Reply.ACCEPTED or accepted.reaction is None:
        return no_answer(f"a hello with RSA key transport only: {accepted.detail}")
    hello = accepted.reaction.hello
    async with target.stream("certificate for RSA key transport") as talk:
        heard = await talk.greet(hello)
        if heard.met is not None:
            return no_answer(f"RSA key transport was accepted, then came {heard}")
        if not talk.flight.certificates:
            return no_answer("RSA key transport was accepted, and no certificate came")
        asks, chain = talk.flight.wants_client_certificate, talk.flight.certificates
    try:
        key = read_key(chain[0])
    except TlsFormatError as error:
        return no_answer(str(error))
    for whole in (True, False):
        found = await _flow(_Setting(target, hello, key, whole, asks))
        if found is not None:
            return found
    text = (
        "five right and wrong paddings were answered alike, in a whole flight and in one cut short"
    )
    return Outcome(AttackReply.NOT_VULNERABLE, text)


async def _flow(setting: _Setting) -> Outcome | None:
    """None when the answers tell nothing about the padding."""
    replies: Replies = {kind: [] for kind in KINDS}
    for number in range(ROUNDS):
        # Another order each time: what comes of load falls on another padding then.
        for kind in (*KINDS[number:], *KINDS[:number]):
            replies[kind].append(await _reply(setting, kind))
        if number == 0 and not _differ(replies):
            return _alike(setting, replies)
        if not await setting.target.is_well():
            text = "answers to right and wrong paddings differed, then a control hello met no ServerHello"
            return no_answer(text)
    return _oracle(setting, replies)


def _differ(replies: Replies) -> bool:
    return len({str(heard) for each in replies.values() for heard in each}) > 1


def _alike(setting: _Setting, replies: Replies) -> Outcome | None:
    heard = next(iter(replies.values()))[0]
    if not setting.whole:
        # Silence is right here: the server waits for the rest.
        fine = heard.met in (Met.SILENT, Met.ALERT, Met.ENDED)
        return None if fine else no_answer(f"every {SHORT} met {heard}")
    if heard.met not in (Met.ALERT, Met.ENDED):
        return no_answer(f"every padding met {heard}")
    if setting.empty_certificate and heard.alert not in READ_THE_FINISHED:
        text = f"it wants a client certificate first: every padding met {heard}"
        return no_answer(text)
    return None


def _oracle(setting: _Setting, replies: Replies) -> Outcome:
    flow = WHOLE if setting.whole else SHORT
    told = {kind: [str(heard) for heard in each] for kind, each in replies.items()}
    if any(len(set(each)) > 1 for each in told.values()):
        text = f"answers to the same padding varied ({flow}), so that a difference shows nothing"
        return no_answer(text)
    met: dict[str, list[str]] = {}
    for kind, each in told.items():
        met.setdefault(each[0], []).append(kind)
    if not any(heard.met in (Met.ALERT, Met.ENDED, None) for e in replies.values() for heard in e):
        return no_answer(f"paddings met nothing but {' or '.join(met)} ({flow})")
    weak = len({told[kind][0] for kind in MALFORMED}) == 1
    strength = "a weak oracle, slow to use" if weak else "a strong oracle"
    listed = "; ".join(f"{answer} for {', '.join(kinds)}" for answer, kinds in met.items())
    text = f"{strength}: {listed} ({flow}, the same {ROUNDS} times)"
    return Outcome(AttackReply.VULNERABLE, text)


async def _reply(setting: _Setting, kind: str) -> Heard:
    """One padding over one connection."""
    target, key = setting.target, setting.key
    async with target.stream(
        f"RSA key exchange, {kind}, {WHOLE if setting.whole else SHORT}"
    ) as talk:
        heard = await talk.greet(setting.hello)
        if heard.met is not None or talk.flight.encrypted:
            return Heard(Met.GARBAGE, detail=f"no handshake: {heard}")
        encrypted = key.encrypt(block(kind, key.size, setting.hello.version))
        messages = no_certificate() if setting.empty_certificate else b""
        messages += client_key_exchange(encrypted, talk.version)
        records = [(Content.HANDSHAKE, messages)]
        if setting.whole:
            records += [
                (Content.CHANGE_CIPHER_SPEC, CHANGE_CIPHER_SPEC),
                (Content.HANDSHAKE, os.urandom(FINISHED_BYTES)),
            ]
        await talk.say_at_once(*records)
        return await talk.hear()
