"""The short plan: which versions, any weak suite, which certificate, in about a dozen hellos."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from probe.collect.answers import NoAnswer
from probe.collect.tls import suites
from probe.collect.tls.codec import Alert, Version
from probe.collect.tls.codec.hello import SMALL_SUITES
from probe.collect.tls.exchange import Met, Reaction
from probe.collect.tls.handshake import PROTOCOLS, Finished
from probe.collect.tls.interview import Interview, Settled
from probe.collect.tls.learned import (
    KINDS,
    LEGACY,
    Learned,
    Question,
    about_suites,
    certificates_of,
    chosen_version,
    speaks_about,
)
from probe.collect.tls.suites import PHASE_OUT, WEAK, Offers
from probe.collect.tls.traits import CURIOUS, OWN_PRIME
from probe.model.tls import Reply

if TYPE_CHECKING:
    from probe.collect.tls.renegotiation import Renegotiated

PSK = "psk"
Finish = Callable[[str | None, tuple[str, ...]], Awaitable[Finished]]
"""Finishes a handshake under a server name, with protocols for ALPN; raises NoAnswer."""
Renegotiate = Callable[[str | None], Awaitable["Renegotiated"]]
"""Asks for a second handshake under a server name; raises NoAnswer."""
MoreQuestions = Callable[["Survey"], Awaitable[None]]


class Survey(Learned):
    """The questions of the short plan, most telling first, and what was learned from them."""

    def __init__(self, interview: Interview) -> None:
        super().__init__(interview)
        self.further_names: tuple[str, ...] = ()
        """Server names to be tried after the first, before none at all."""
        self.more: tuple[MoreQuestions, ...] = ()
        """Asked when versions and suites are known."""
        self.finish: Finish | None = None
        self.finished: Finished | None = None
        self.not_finished = ""
        """Why there is no finished handshake, or none at the first try."""
        self.handshakes = 0
        self.renegotiate: Renegotiate | None = None
        self.renegotiated: Renegotiated | None = None
        self.not_renegotiated = ""
        """Why nothing came of it."""

    async def carry_out(self, server_name: str | None = None) -> None:
        """``server_name`` is a name that the device gave itself; no name is sent when it is refused."""
        interview = self.interview
        for name in dict.fromkeys((server_name, *self.further_names, None)):
            interview.server_name = name
            await self._versions(Version.TLS13)
            await self._newest_below(Version.TLS12)
            if not self._name_refused():
                await self._versions_with_psk()
            if interview.control is not None:
                break
        await self._barely(Version.TLS12)
        await self._versions(Version.TLS11, Version.TLS10, Version.SSL3, Version.SSL2)
        await self._versions_with_psk()
        if interview.control is not None:
            await self._suites()
            await self._finish()
            await self._second_round()
            await self._versions_with_psk()
            for questions in self.more:
                await questions(self)
            await self._renegotiate()
            await self._check_refusals()

    # --- one question ------------------------------------------------------------------------

    async def ask(self, question: Question) -> Settled:
        """Ask what is beside versions and suites, and settle it at once."""
        if (known := self.answers.get(question)) is not None:
            return known
        settled = await self._ask(question)
        if settled.reply is Reply.NO_ANSWER:
            settled = await self.interview.ask_again(
                question.version,
                question.offers,
                settled,
                to_the_end=question.to_the_end,
                terms=question.terms,
            )
            self.answers[question] = settled
        return settled

    async def _ask(self, question: Question) -> Settled:
        version, offers = question.version, question.offers
        in_clear = version < Version.TLS13
        no_chain = in_clear and not certificates_of(self.interview.reactions)
        whole = in_clear and offers in (suites.ordinary(version), suites.psk(version))
        curious = whole and version > Version.SSL3 and self._may_be_curious(offers)
        settled = await self.interview.ask(
            version,
            offers,
            to_the_end=question.to_the_end or no_chain,
            terms=CURIOUS if curious else question.terms,
        )
        self.answers[question] = settled
        return settled

    def _may_be_curious(self, offers: Offers) -> bool:
        """Until one such hello was answered, well or badly, with more than that the version is wrong."""
        told = [r for r in self.interview.reactions if r.hello.terms.curious]
        about_the_offer = [r for r in told if not r.refuses_version]
        if any(offers[0] == r.hello.suites for r in about_the_offer):
            return False
        return all(self._aside(r) for r in about_the_offer) and len(about_the_offer) < 2

    def _aside(self, reaction: Reaction) -> bool:
        """Whether a hello that met this may do with PSK suites, unchanged otherwise."""
        refused = reaction.refuses_offer and not reaction.refuses_version
        return refused and reaction.hello.terms.curious

    # --- versions ----------------------------------------------------------------------------

    async def _versions(self, *versions: Version) -> None:
        for version in versions:
            if not self.hello_at(version):
                await self._ask(Question((version,), version, self._offers_for(version)))

    def _offers_for(self, version: Version) -> Offers:
        """A service for pre-shared keys only is asked for the rare SSL 3.0 with both in one hello."""
        newest = next(iter(self.accepted_below_tls13()), None)
        whole = newest and self.answer_to(newest, suites.ordinary(newest))
        if version is Version.SSL3 and whole and about_suites(whole):
            return suites.with_psk(version)
        return suites.ordinary(version)

    async def _newest_below(self, version: Version) -> None:
        """Refused, a hello may be asking for too much, or without the PSK suites that are wanted."""
        if self.hello_at(version):
            return
        question = Question((version,), version, suites.ordinary(version))
        first = await self._asked_once(question)
        left = first.reply is Reply.NO_ANSWER and first.reaction is not None
        if not (left and first.reaction and self._aside(first.reaction)):
            return
        with_psk = Question((version,), version, suites.psk(version))
        chosen = await self._asked_once(with_psk)
        if chosen.reply is Reply.ACCEPTED:
            await self._with_the_rest(question, first)
            return
        del self.answers[with_psk]
        await self._ask(question)

    async def _asked_once(self, question: Question) -> Settled:
        """In one form only: what is set aside is not yet put in other terms."""
        self.interview.set_aside = self._aside
        try:
            return await self._ask(question)
        finally:
            self.interview.set_aside = lambda _: False

    async def _with_the_rest(self, question: Question, first: Settled) -> None:
        """The same hello was accepted with PSK suites: so it was about the suites. Are there more?"""
        rest = question.offers[1:]
        if rest:
            settled = await self.interview.ask(question.version, rest)
            if settled.reply is not Reply.REFUSED:
                self.answers[question] = settled
                return
        self.answers[question] = replace(first, reply=Reply.REFUSED)

    async def _barely(self, version: Version) -> None:
        """Nothing was answered: with the extensions of RFC 5246 only, a stack may dare to."""
        interview = self.interview
        unheard = interview.control is None and not interview.hopeless
        met = {r.met for r in interview.reactions}
        if not unheard or self.refused(version) or Met.GARBAGE in met or met == {Met.UNREACHABLE}:
            return
        interview.bare = True
        offers = (suites.ordinary(version)[0][:SMALL_SUITES],)
        settled = await self._ask(Question((version,), version, offers))
        interview.bare = settled.reply is Reply.ACCEPTED

    async def _versions_with_psk(self) -> None:
        """A refusal of the suites says nothing about a version that is open to PSK suites only."""
        doubtful = [v for v in LEGACY if self._psk_is_open(v)]
        while doubtful:
            # A newer version that is spoken is spoken with PSK suites too, if there are any.
            spoken = [v for v in LEGACY if v > max(doubtful) and self.hello_at(v)]
            version = next((v for v in spoken if not self._psk_asked(v)), max(doubtful))
            settled = await self._ask(Question(tuple(doubtful), version, suites.psk(version)))
            # A version offered is the highest allowed: below the chosen one nothing is known.
            chosen = chosen_version(settled) or Version.SSL3
            doubtful = [v for v in doubtful if v < chosen]

    def _psk_asked(self, version: Version) -> bool:
        return self.answer_to(version, suites.psk(version)) is not None

    def _psk_is_open(self, version: Version) -> bool:
        """The ordinary suites were refused, and no offer of PSK suites has told about the version."""
        about = [(q, s) for q, s in self.answers.items() if version in q.topics]
        ordinary = [s for q, s in about if q.offers == suites.ordinary(version)]
        with_psk = [s for q, s in about if q.offers == suites.psk(q.version)]
        told = any(speaks_about(s, version) for s in with_psk)
        return not (self.hello_at(version) or told) and any(map(about_suites, ordinary))

    def _name_refused(self) -> bool:
        return any(r.alert == Alert.UNRECOGNIZED_NAME for r in self.interview.reactions)

    # --- suites ------------------------------------------------------------------------------

    async def _suites(self) -> None:
        legacy = self.newest_legacy()
        if legacy is not None:
            await self._kind(WEAK, legacy)
        if self.hello_at(Version.TLS13) and self.about(WEAK).reply is not Reply.ACCEPTED:
            await self._ask(Question((WEAK,), Version.TLS13, suites.weak_tls13()))
        if legacy is not None:
            # Last, because it is often accepted and then confirms the refusals before it.
            await self._kind(PHASE_OUT, legacy)

    async def _kind(self, kind: str, legacy: Version) -> None:
        """Without and with pre-shared keys, as far as it is not known from the whole of them."""
        offers = KINDS[kind](legacy)
        if not self._is_known(kind, legacy):
            reads = kind == PHASE_OUT and legacy > Version.SSL3
            question = Question((kind,), legacy, offers, to_the_end=reads)
            if (
                await self._ask(replace(question, terms=OWN_PRIME) if reads else question)
            ).reply is (Reply.ACCEPTED):
                return
        if await self._takes_psk(legacy) and self.about(kind).reply is not Reply.ACCEPTED:
            await self._ask(Question((kind,), legacy, KINDS[kind](legacy, psk=True)))

    def _is_known(self, kind: str, legacy: Version) -> bool:
        """From the whole of the ordinary suites."""
        whole = self.answer_to(legacy, suites.ordinary(legacy))
        return whole is not None and about_suites(whole)

    async def _takes_psk(self, legacy: Version) -> bool:
        """Whether it may: refused all together, those of a kind are refused too."""
        settled = self.answer_to(legacy, suites.psk(legacy))
        if settled is None:
            settled = await self._ask(Question((PSK,), legacy, suites.psk(legacy)))
        return settled.reply is not Reply.REFUSED and not settled.unclear

    # --- settling ----------------------------------------------------------------------------

    async def _second_round(self) -> None:
        """Settle what is open: only now is there a control hello for every question."""
        again: dict[Question, Settled] = {}
        for question, first in list(self.answers.items()):
            settled = all(self.about(t).reply is Reply.ACCEPTED for t in question.topics)
            replaced = question.topics == (PSK,) and self._psk_kinds_known(question.version)
            if first.reply is not Reply.NO_ANSWER or settled or replaced:
                continue
            above = next((s for q, s in again.items() if _allows(q, question, s)), None)
            if above is not None and first.unclear:
                detail = f"{first.detail}, and again when a newer version was the highest allowed"
                self.answers[question] = replace(above, detail=detail)
                continue
            again[question] = await self.interview.ask_again(
                question.version, question.offers, first
            )
            self.answers[question] = again[question]

    def _psk_kinds_known(self, version: Version) -> bool:
        asked = {q.offers for q in self.answers}
        return all(
            offers(version, psk=True) in asked or self.about(kind).reply is Reply.ACCEPTED
            for kind, offers in KINDS.items()
        )

    def may_renegotiate(self) -> bool:
        """Below TLS 1.3 and with a suite that needs no key known before."""
        below = [v for v in self.accepted_below_tls13() if v > Version.SSL3]
        return self.renegotiate is not None and bool(below) and not self.refuses_ordinary_suites()

    async def _renegotiate(self) -> None:
        """Its first handshake, finished, is a control as well."""
        if self.renegotiate is None or not self.may_renegotiate():
            return
        await self.interview.turn()
        self.handshakes += 1
        try:
            found = await self.renegotiate(self.interview.server_name)
        except NoAnswer as error:
            self.not_renegotiated = f"not tried: the connection for it met {error}"
            return
        if found.finished:
            self.interview.finished_a_handshake()
        self.renegotiated = found

    async def _finish(self) -> None:
        """A handshake in TLS 1.3, which hides certificate and ticket; it is a control as well."""
        if self.finish is None or not self.hello_at(Version.TLS13):
            return
        for protocols in (PROTOCOLS, ()):  # an old stack may choke on ALPN
            await self.interview.turn()
            self.handshakes += 1
            try:
                self.finished = await self.finish(self.interview.server_name, protocols)
            except NoAnswer as error:
                self.not_finished = f"the handshake for the certificate met {error}"
            else:
                self.interview.finished_a_handshake()
                return

    async def _check_refusals(self) -> None:
        """A refusal counts only if the device still accepts, after it, what it accepted before."""
        if not list(self._doubtful()):
            return
        await self.interview.control_works()
        for question, settled in list(self._doubtful()):
            detail = f"{settled.detail}; after that even a hello that had worked met no answer"
            self.answers[question] = replace(settled, reply=Reply.NO_ANSWER, detail=detail)

    def _doubtful(self) -> Iterable[tuple[Question, Settled]]:
        for question, settled in self.answers.items():
            # That alert is about the fallback signal, whatever else may ail the device.
            plain = settled.reaction and settled.reaction.alert == Alert.INAPPROPRIATE_FALLBACK
            refused = settled.reply is Reply.REFUSED and not plain
            if refused and not self.interview.answered_after(settled):
                yield question, settled


def _allows(newer: Question, older: Question, settled: Settled) -> bool:
    """The question about a newer version, refused, would have been accepted in the older one too."""
    versions = newer.version > older.version > Version.SSL3
    same = newer.offers == older.offers and older.topics == (older.version,)
    return versions and same and settled.reply is Reply.REFUSED
