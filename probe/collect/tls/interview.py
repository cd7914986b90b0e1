"""When an answer is believed. A device that resets, stalls or is busy has not refused anything.

Accepted is what a ServerHello says. Refused is an alert that names the reason, or, met twice with a
ServerHello to another hello in between, any alert or an orderly close. Everything else is no answer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from probe.collect.tls.codec import PLAIN, ClientHello, Terms, Version
from probe.collect.tls.codec.hello import SMALL_SUITES
from probe.collect.tls.exchange import Met, Reaction
from probe.model.tls import Reply

FIRST_PATIENCE_S, SECOND_PATIENCE_S, SHORTEST_S, LONGEST_S = 3.0, 5.0, 1.0, 8.0
TRIES_WHEN_TORN = 3
BACK_OFF_S = 0.25
GAP_S = 0.34
"""At most three connections a second once a device has shown that it cannot keep up."""
LONGEST_PAUSE_S = 4.0
WINDOW_S, MOST_IN_WINDOW = 5.0, 16
"""Devices are known that shut their port after 20 connections in 5 s, and that only then show it."""
MOST_HELLOS = 48
MOST_IN_INVENTORY = 300
"""Five versions with fifty suites each are within it."""
STRAINED_S = 0.4
"""A device that was quick and needs so long for an answer is asked slowly from then on."""
UNHEARD_S, UNHEARD_HELLOS, UNHEARD_TORN = 13.0, 10, 20
"""Without any sign of TLS for so long, a service is left alone."""

TORN = (Met.RESET, Met.UNREACHABLE)
CLEAR = (Met.ALERT, Met.ENDED)
"""An end that the device chose, in an orderly way."""


class Say(Protocol):
    """Says one hello; ``exchange`` bound to a session, or a simulation."""

    def __call__(
        self, hello: ClientHello, *, patience: float, to_the_end: bool
    ) -> Awaitable[Reaction]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What is held to be true about one question, and the last reaction it rests on."""

    reply: Reply
    reaction: Reaction | None
    detail: str
    unclear: bool = False
    """No answer yet, but an orderly end: the same once more, and it is a refusal."""

    @property
    def evidence(self) -> tuple[str, ...]:
        """The transcript of that reaction, by its SHA-256."""
        return (self.reaction.proof.sha256,) if self.reaction else ()

    @property
    def version_refused(self) -> bool:
        """Refused with the alert that is about the version, whatever the suites."""
        reaction = self.reaction
        return self.reply is Reply.REFUSED and reaction is not None and reaction.refuses_version


class Interview:
    """The hellos said to one service, one after the other, and what may be concluded from them."""

    def __init__(
        self,
        say: Say,
        random: Callable[[int], bytes],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        *,
        most_hellos: int = MOST_HELLOS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._random, self._sleep, self._clock = say, random, sleep, clock
        self._most_hellos = most_hellos
        self.server_name: str | None = None
        self.standing: tuple[tuple[int, bytes], ...] = ()
        """Extensions that this service needs in every hello."""
        self.small = False
        """It answers small hellos only."""
        self.bare = False
        """It answers hellos only that bring no newer extensions."""
        self.set_aside: Callable[[Reaction], bool] = lambda _: False
        """A question that met this is left for later, instead of being put at once in other terms."""
        self.reactions: list[Reaction] = []
        self.control: ClientHello | None = None
        """A hello that met a ServerHello, the kindest of them."""
        self.quick = False
        """It may be asked as fast as the budget lets packets go; see ``pace``."""
        self._largest_answered = (0, 0)
        self._slowest = 0.0
        self._torn = self._torn_in_a_row = 0
        self._connections: list[float] = []
        self._confirmed = 0

    # --- what is known of the service so far -------------------------------------------------

    @property
    def heard(self) -> bool:
        """It has answered something that is TLS."""
        return any(r.met in (Met.HELLO, Met.ALERT) for r in self.reactions)

    @property
    def last_success(self) -> int:
        """Index of the latest reaction that was a ServerHello; -1 before the first."""
        met = [n for n, r in enumerate(self.reactions) if r.met is Met.HELLO]
        return met[-1] if met else -1

    @property
    def hopeless(self) -> bool:
        """Further hellos would only be a burden."""
        if self.heard:
            return len(self.reactions) >= self._most_hellos
        torn = len([r for r in self.reactions if r.met in TORN])
        return (
            sum(r.seconds for r in self.reactions) >= UNHEARD_S
            or torn >= UNHEARD_TORN
            or len(self.reactions) - torn >= UNHEARD_HELLOS
        )

    def answered_after(self, settled: Settled) -> bool:
        """The device accepted something after the reaction that ``settled`` rests on."""
        until = max(self.last_success + 1, self._confirmed)
        return any(r is settled.reaction for r in self.reactions[:until])

    def finished_a_handshake(self) -> None:
        """What came before is confirmed: the device was well and accepted a whole handshake."""
        self._confirmed = len(self.reactions)

    # --- questions ---------------------------------------------------------------------------

    async def ask(
        self,
        version: Version,
        offers: Iterable[tuple[int, ...]],
        *,
        to_the_end: bool = False,
        terms: Terms = PLAIN,
    ) -> Settled:
        """Does the service choose any of the offered suites, at ``version`` or, below 1.3, lower?"""
        return await self._all(version, offers, to_the_end, terms, split=True)

    async def ask_again(
        self,
        version: Version,
        offers: Iterable[tuple[int, ...]],
        first: Settled,
        *,
        to_the_end: bool = False,
        terms: Terms = PLAIN,
    ) -> Settled:
        """Settle what ``ask`` left open, after making sure that the device still accepts something."""
        if not self.answered_after(first) and not await self.control_works():
            detail = f"{first.detail}; after that even a hello that had worked met no ServerHello"
            return replace(first, detail=detail, unclear=False)
        second = await self.ask(version, offers, to_the_end=to_the_end, terms=terms.plain)
        if first.unclear and second.unclear:
            detail = f"{second.detail} twice, while a control hello worked"
            return replace(second, reply=Reply.REFUSED, detail=detail, unclear=False)
        if second.reply is Reply.NO_ANSWER:
            detail = f"{second.detail}, while a control hello worked"
            return replace(second, detail=detail, unclear=False)
        return second

    async def control_works(self) -> bool:
        """Whether the hello that worked before still does."""
        assert self.control is not None
        reaction = await self._patiently(self.control)
        return reaction is not None and reaction.met is Met.HELLO

    async def _all(
        self,
        version: Version,
        offers: Iterable[tuple[int, ...]],
        to_the_end: bool,
        terms: Terms,
        *,
        split: bool,
    ) -> Settled:
        """Accepted when one offer is; refused when every one is."""
        result = Settled(reply=Reply.NO_ANSWER, reaction=None, detail="not asked")
        for number, suites in enumerate(offers):
            settled = await self._offer(version, suites, to_the_end, terms, split)
            if not settled.version_refused:
                terms = terms.plain  # The question has been put.
            if settled.reply is Reply.ACCEPTED or settled.version_refused:
                return settled
            if settled.reply is Reply.NO_ANSWER and not settled.unclear:
                return settled
            result = result if number and result.unclear else settled
        return result

    async def _offer(
        self,
        version: Version,
        suites: tuple[int, ...],
        to_the_end: bool,
        terms: Terms,
        split: bool,
    ) -> Settled:
        hello = ClientHello(
            version=version,
            suites=suites,
            random=b"",
            server_name=self.server_name,
            terms=self._with_standing(terms),
        )
        first = await self._patiently(hello, to_the_end)
        if first is not None and self.set_aside(first):
            return Settled(reply=Reply.NO_ANSWER, reaction=first, detail=first.detail)
        if terms.curious and first is not None and not self._settles_a_curious_hello(first):
            # Whatever it was, it may have been about what an old stack does not know.
            terms = terms.plain
            hello = replace(hello, terms=self._with_standing(terms))
            first = await self._patiently(hello, to_the_end) or first
        if first is not None and first.met is Met.ALERT and self._may_want_key_share(first):
            first = await self._patiently(replace(hello, with_key_share=True)) or first
        if first is None:
            return Settled(reply=Reply.NO_ANSWER, reaction=None, detail="left alone")
        if first.met is Met.HELLO:
            return Settled(reply=Reply.ACCEPTED, reaction=first, detail=first.detail)
        if first.refuses_offer:
            return Settled(reply=Reply.REFUSED, reaction=first, detail=first.detail)
        if split and self._may_be_too_big(first.hello):
            starts = range(0, len(suites), SMALL_SUITES)
            pieces = [suites[start : start + SMALL_SUITES] for start in starts]
            found = await self._all(version, pieces, to_the_end, terms, split=False)
            self.small |= found.reply is Reply.ACCEPTED
            return found
        detail = first.detail if first.met in CLEAR else f"{first.met}: {first.detail}"
        unclear = first.met in CLEAR
        return Settled(reply=Reply.NO_ANSWER, reaction=first, detail=detail, unclear=unclear)

    def _with_standing(self, terms: Terms) -> Terms:
        if self.bare:
            terms = replace(terms.plain, bare=True)
        missing = [(k, v) for k, v in self.standing if k not in dict(terms.extras)]
        return replace(terms, extras=(*terms.extras, *missing)) if missing else terms

    def _settles_a_curious_hello(self, reaction: Reaction) -> bool:
        return reaction.met is Met.HELLO or reaction.refuses_version

    def _may_want_key_share(self, reaction: Reaction) -> bool:
        """Some servers cannot send a HelloRetryRequest and refuse a hello without a key share."""
        is_tls13 = reaction.hello.version is Version.TLS13
        known = self.control is not None and self.control.version is Version.TLS13
        return is_tls13 and not known and not reaction.refuses_version

    def _may_be_too_big(self, hello: ClientHello) -> bool:
        size, suites = self._largest_answered
        proved = hello.size <= size and len(hello.suites) <= suites
        return not (hello.is_small or proved)

    # --- one hello, with patience ------------------------------------------------------------

    async def _patiently(self, hello: ClientHello, to_the_end: bool = False) -> Reaction | None:
        """The reaction to one hello, said again after a pause when it met a reset. None: give up."""
        reaction: Reaction | None = None
        for _ in range(TRIES_WHEN_TORN):
            if self.hopeless:
                break
            await self.turn()
            fresh = replace(hello, random=self._random(32))
            reaction = await self._say(fresh, patience=self._patience(), to_the_end=to_the_end)
            self._learn(reaction)
            if reaction.met not in TORN or hello.version is Version.SSL2:
                # Stacks without SSLv2 often answer its hello with a reset: no sign of distress.
                self._torn_in_a_row = 0
                break
            self._torn += 1
            self._torn_in_a_row += 1
        return reaction

    async def turn(self) -> None:
        """Wait until the device may be bothered with one more connection."""
        if self._torn_in_a_row:
            # Each question begins anew: resets may be the device's way to refuse, not its distress.
            doubled = BACK_OFF_S * 2 ** ((self._torn_in_a_row - 1) % TRIES_WHEN_TORN)
            await self._sleep(min(LONGEST_PAUSE_S, doubled))
        if self._torn:
            await self._sleep(GAP_S)
        now = self._clock()
        self._connections = [t for t in self._connections if t > now - WINDOW_S]
        if len(self._connections) >= MOST_IN_WINDOW and not self.quick:
            until = self._connections[-MOST_IN_WINDOW] + WINDOW_S
            await self._sleep(max(0.0, until - now))
        self._connections.append(self._clock())

    @property
    def has_strained(self) -> bool:
        """It was reset, fell silent, or was not there."""
        return any(r.met in (*TORN, Met.SILENT) for r in self.reactions if not _for_ssl2(r))

    async def say_twice(
        self,
        hello: ClientHello,
        say: Callable[[ClientHello, float], Awaitable[tuple[Reaction, Reaction]]],
    ) -> tuple[Reaction, Reaction]:
        """The reactions to one hello said on two connections at once."""
        for _ in range(2):
            await self.turn()
        fresh = replace(hello, random=self._random(32))
        both = await say(fresh, self._patience())
        for reaction in both:
            self._learn(reaction)
            self._torn += reaction.met in TORN
        return both

    def _learn(self, reaction: Reaction) -> None:
        self.reactions.append(reaction)
        if reaction.met in (*TORN, Met.SILENT) or reaction.seconds > STRAINED_S:
            self.quick = False
        if reaction.met in (Met.HELLO, Met.ALERT):
            self._slowest = max(self._slowest, reaction.seconds)
        if reaction.met is not Met.HELLO:
            return
        hello, (size, suites) = reaction.hello, self._largest_answered
        self._largest_answered = (max(size, hello.size), max(suites, len(hello.suites)))
        # A retry request costs the device no signature: the kindest control.
        if self.control is None or (reaction.server_hello.retry and not hello.with_key_share):
            self.control = hello

    def _patience(self) -> float:
        """Seconds of silence that are awaited: long at first, then by what the device needed."""
        if self._slowest:
            return min(LONGEST_S, max(SHORTEST_S, 4 * self._slowest))
        return SECOND_PATIENCE_S if len(self.reactions) == 1 else FIRST_PATIENCE_S


def _for_ssl2(reaction: Reaction) -> bool:
    """Stacks without SSLv2 often answer its hello with a reset, or not at all."""
    return reaction.hello.version is Version.SSL2
