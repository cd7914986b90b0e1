"""Which versions a service speaks: the first part of the short plan, and how each question is put."""

from dataclasses import replace

from probe.collect.tls import suites
from probe.collect.tls.codec import Alert, Version
from probe.collect.tls.codec.hello import SMALL_SUITES
from probe.collect.tls.exchange import Met, Reaction
from probe.collect.tls.interview import Settled
from probe.collect.tls.learned import (
    LEGACY,
    Learned,
    Question,
    about_suites,
    certificates_of,
    chosen_version,
    speaks_about,
)
from probe.collect.tls.suites import Offers
from probe.collect.tls.traits import CURIOUS
from probe.model.tls import Reply


class Versions(Learned):
    """Asks about versions, until nothing about them is open that a hello could tell."""

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
