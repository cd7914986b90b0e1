"""The service that is tested: the hello it takes, whether it is well, and the conversations with it."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from probe.collect.session import DeviceSession
from probe.collect.tls import suites
from probe.collect.tls.attacks.masking import masked
from probe.collect.tls.attacks.talk import DatagramTalk, StreamTalk, Talk
from probe.collect.tls.codec import PLAIN, ClientHello, Version
from probe.collect.tls.codec.dtls import LABELS
from probe.collect.tls.exchange import Met, exchange
from probe.collect.tls.interview import Interview, Say, Settled
from probe.collect.tls.suites import Offers
from probe.collect.wire import Transcript
from probe.model.evidence import EvidenceRef, Proof
from probe.model.tls import AttackReply, Reply, TlsService

MOST_HELLOS = 200
LEAST_PATIENCE_S, MOST_PATIENCE_S = 2.0, 8.0
RECOVERY_S = (1.0, 3.0, 6.0)
"""Pauses before a service that does not answer is asked again, so that a restart is seen as one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attack showed."""

    reply: AttackReply
    detail: str


Attack = Callable[["Target"], Awaitable[Outcome]]


def no_answer(detail: str) -> Outcome:
    return Outcome(AttackReply.NO_ANSWER, detail)


class Target:
    """One service below TLS 1.3. ``hello`` is known after ``find_hello``."""

    def __init__(self, session: DeviceSession, fact: TlsService) -> None:
        self.session, self.fact = session, fact
        say: Say
        if fact.transport == "udp":
            from probe.collect.tls.dtls import DtlsExchange

            say = DtlsExchange(session, fact.address, fact.port)
        else:
            say = partial(exchange, session, fact.address, fact.port)
        self.interview = Interview(say, os.urandom, most_hellos=MOST_HELLOS)
        self.interview.server_name = fact.server_name or None
        self._hello: ClientHello | None = None
        self._kept: list[EvidenceRef] = []
        self._told = 0

    # --- what it takes -----------------------------------------------------------------------

    async def find_hello(self) -> Settled:
        """A hello below TLS 1.3 that meets a ServerHello: what all else is built on."""
        version = _newest(self.fact)
        settled = await self.interview.ask(version, suites.ordinary(version))
        if settled.reply is not Reply.ACCEPTED:
            with_psk = await self.interview.ask(version, suites.psk(version))
            settled = with_psk if with_psk.reply is Reply.ACCEPTED else settled
        if settled.reply is Reply.ACCEPTED and settled.reaction is not None:
            self._hello = settled.reaction.hello
        return settled

    @property
    def hello(self) -> ClientHello:
        """The hello that was found, with a random of its own each time."""
        assert self._hello is not None
        return replace(self._hello, random=os.urandom(32))

    async def accepts(self, offers: Offers) -> Settled:
        """Whether it chooses one of the suites; a refusal is confirmed as ever."""
        version = self.hello.version
        settled = await self.interview.ask(version, offers)
        if settled.reply is Reply.NO_ANSWER:
            settled = await self.interview.ask_again(version, offers, settled, terms=PLAIN)
        return settled

    # --- how it is ---------------------------------------------------------------------------

    async def is_well(self) -> bool:
        """Whether a hello that worked still does, now."""
        return await self.interview.control_works()

    async def comes_back(self) -> bool:
        """The same, with the time that a restart takes."""
        for pause in RECOVERY_S:
            if await self.is_well():
                return True
            await asyncio.sleep(pause)
        return await self.is_well()

    @property
    def patience(self) -> float:
        """Seconds of silence that are awaited: several times what its slowest answer took."""
        answered = [r.seconds for r in self.interview.reactions if r.met is Met.HELLO]
        return min(MOST_PATIENCE_S, max(LEAST_PATIENCE_S, 4 * max(answered, default=0.0)))

    # --- conversations -----------------------------------------------------------------------

    @asynccontextmanager
    async def talk(self, what: str) -> AsyncIterator[Talk]:
        """A conversation for an attack that needs no keys, over whichever transport."""
        if self.fact.transport == "udp":
            async with self._over_datagrams(what) as talk:
                yield talk
        else:
            async with self.stream(what) as stream:
                yield stream

    @asynccontextmanager
    async def stream(self, what: str) -> AsyncIterator[StreamTalk]:
        """One connection; raises NoAnswer when there is none. ``what`` it is for goes on record."""
        await self.interview.turn()
        address, port = self.fact.address, self.fact.port
        async with self.session.connect(address, port, within=self.patience) as wire:
            talk = StreamTalk(wire, self.patience)
            try:
                yield talk
            finally:
                self._keep(talk, what)

    @asynccontextmanager
    async def _over_datagrams(self, what: str) -> AsyncIterator[DatagramTalk]:
        await self.interview.turn()
        async with self.session.datagrams(self.fact.address, self.fact.port) as wire:
            talk = DatagramTalk(wire, self.patience)
            try:
                yield talk
            finally:
                await talk.release()
                self._keep(talk, what)

    def _keep(self, talk: Talk, what: str) -> None:
        if talk.start is None:
            data = talk.transcript.to_bytes()
        else:
            data = masked(talk.transcript, talk.start, talk.shown)
        self.keep(data, what)

    def keep(self, data: bytes, what: str) -> None:
        kept = self.session.keep(data, media_type=Transcript.media_type, caption=what)
        self._kept.append(kept)

    def take_proof(self) -> tuple[Proof, ...]:
        """Everything on record since it was last asked for."""
        reactions = self.interview.reactions[self._told :]
        self._told = len(self.interview.reactions)
        found = (*(r.proof for r in reactions), *self._kept)
        self._kept = []
        return tuple(dict.fromkeys(found))


def _newest(fact: TlsService) -> Version:
    """The newest version below 1.3 that it accepts; raises ValueError when there is none."""
    labels = LABELS if fact.transport == "udp" else {v: v.label for v in Version}
    accepted = {v.name for v in fact.versions if v.reply is Reply.ACCEPTED}
    below = [v for v, label in labels.items() if label in accepted and v < Version.TLS13]
    return max(v for v in below if v is not Version.SSL2)
