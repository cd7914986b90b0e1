"""The short plan: which versions, any weak suite, which certificate, in about a dozen hellos."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from probe.collect.answers import NoAnswer
from probe.collect.tls import suites
from probe.collect.tls.codec import PLAIN, Alert, Terms, Version
from probe.collect.tls.exchange import Met, Reaction
from probe.collect.tls.handshake import PROTOCOLS, Finished
from probe.collect.tls.interview import Interview, Settled
from probe.collect.tls.suites import PHASE_OUT, WEAK, Offers, name_of
from probe.collect.tls.traits import CURIOUS
from probe.model.tls import Reply, TlsSuiteGroup, TlsVersion

PSK = "psk"
NOT_ASKED = Settled(reply=Reply.NO_ANSWER, reaction=None, detail="not asked")
NO_LEGACY = Settled(
    reply=Reply.REFUSED, reaction=None, detail="no version below TLSv1.3 is accepted"
)
LEGACY = (Version.TLS12, Version.TLS11, Version.TLS10, Version.SSL3)


@dataclass(frozen=True, slots=True)
class Question:
    """Hellos that offer ``offers`` at ``version``, and the topics that a refusal speaks about.

    A topic is a version or a kind of suites. It is refused when every question about it is.
    """

    topics: tuple[Version | str, ...]
    version: Version
    offers: Offers
    terms: Terms = PLAIN
    to_the_end: bool = False
    """Read on after the ServerHello, for certificate and key exchange."""


Finish = Callable[[str | None, tuple[str, ...]], Awaitable[Finished]]
"""Finishes a handshake under a server name, with protocols for ALPN; raises NoAnswer."""
MoreQuestions = Callable[["Survey"], Awaitable[None]]


class Survey:
    """The questions of the short plan, most telling first, and what was learned from them."""

    def __init__(self, interview: Interview) -> None:
        self.interview = interview
        self.answers: dict[Question, Settled] = {}
        self.further_names: tuple[str, ...] = ()
        """Server names to be tried after the first, before none at all."""
        self.more: tuple[MoreQuestions, ...] = ()
        """Asked when versions and suites are known."""
        self.finish: Finish | None = None
        self.finished: Finished | None = None
        self.not_finished = ""
        """Why there is no finished handshake, or none at the first try."""
        self.handshakes = 0

    # --- asking ------------------------------------------------------------------------------

    async def carry_out(self, server_name: str | None = None) -> None:
        """``server_name`` is a name that the device gave itself; no name is sent when it is refused."""
        interview = self.interview
        for name in dict.fromkeys((server_name, *self.further_names, None)):
            interview.server_name = name
            await self._versions(Version.TLS13, Version.TLS12)
            if not self._name_refused():
                await self._versions_with_psk()
            if interview.control is not None:
                break
        await self._versions(Version.TLS11, Version.TLS10, Version.SSL3, Version.SSL2)
        await self._versions_with_psk()
        if interview.control is not None:
            await self._suites()
            await self._second_round()
            await self._versions_with_psk()
            for questions in self.more:
                await questions(self)
            await self._finish()
            await self._check_refusals()

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

    async def _finish(self) -> None:
        """A handshake in TLS 1.3, which hides certificate and ticket; it is a control as well."""
        if self.finish is None or not self._hello_at(Version.TLS13):
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

    async def _ask(self, question: Question) -> Settled:
        in_clear = question.version < Version.TLS13
        no_chain = in_clear and not certificates_of(self.interview.reactions)
        ordinary = in_clear and question.offers == suites.ordinary(question.version)
        curious = ordinary and question.version > Version.SSL3 and self._may_be_curious()
        settled = await self.interview.ask(
            question.version,
            question.offers,
            to_the_end=question.to_the_end or no_chain,
            terms=CURIOUS if curious else question.terms,
        )
        self.answers[question] = settled
        return settled

    def _may_be_curious(self) -> bool:
        """Until one such hello was answered, well or badly, with more than that the version is wrong."""
        told = (r for r in self.interview.reactions if r.hello.terms.curious)
        return all(r.refuses_version for r in told)

    def _name_refused(self) -> bool:
        return any(r.alert == Alert.UNRECOGNIZED_NAME for r in self.interview.reactions)

    async def _versions(self, *versions: Version) -> None:
        for version in versions:
            if not self._hello_at(version):
                await self._ask(Question((version,), version, suites.ordinary(version)))

    async def _versions_with_psk(self) -> None:
        """A refusal of the suites says nothing about a version that is open to PSK suites only."""
        doubtful = [v for v in LEGACY if self._psk_is_open(v)]
        while doubtful:
            # A newer version that is spoken is spoken with PSK suites too, if there are any.
            spoken = [v for v in LEGACY if v > max(doubtful) and self._hello_at(v)]
            version = next((v for v in spoken if not self._psk_asked(v)), max(doubtful))
            settled = await self._ask(Question(tuple(doubtful), version, suites.psk(version)))
            # A version offered is the highest allowed: below the chosen one nothing is known.
            chosen = _chosen_version(settled) or Version.SSL3
            doubtful = [v for v in doubtful if v < chosen]

    def _psk_asked(self, version: Version) -> bool:
        return any(q.version == version and q.offers == suites.psk(version) for q in self.answers)

    def _psk_is_open(self, version: Version) -> bool:
        """The ordinary suites were refused, and no offer of PSK suites has told about the version."""
        about = [(q, s) for q, s in self.answers.items() if version in q.topics]
        ordinary = [s for q, s in about if q.offers == suites.ordinary(version)]
        with_psk = [s for q, s in about if q.offers == suites.psk(q.version)]
        told = any(_speaks_about(s, version) for s in with_psk)
        return not (self._hello_at(version) or told) and any(map(_about_suites, ordinary))

    async def _suites(self) -> None:
        legacy = self._newest_legacy()
        if legacy is not None:
            weak = await self._ask(Question((WEAK,), legacy, suites.weak(legacy)))
            if weak.reply is not Reply.ACCEPTED and await self._takes_psk(legacy):
                await self._ask(Question((WEAK,), legacy, suites.weak(legacy, psk=True)))
        if self._hello_at(Version.TLS13) and self._topic(WEAK).reply is not Reply.ACCEPTED:
            await self._ask(Question((WEAK,), Version.TLS13, suites.weak_tls13()))
        if legacy is not None:
            # Last, because it is often accepted and then confirms the refusals before it.
            await self._ask(Question((PHASE_OUT,), legacy, suites.phase_out(legacy)))

    async def _takes_psk(self, legacy: Version) -> bool:
        """Whether it may: refused all together, the weak among the PSK suites are refused too."""
        asked = [(q, s) for q, s in self.answers.items() if q.offers == suites.psk(legacy)]
        settled = next((s for q, s in asked if q.version == legacy), None)
        if settled is None:
            settled = await self._ask(Question((PSK,), legacy, suites.psk(legacy)))
        return settled.reply is not Reply.REFUSED and not settled.unclear

    def _weak_psk_asked(self, version: Version) -> bool:
        return any(q.offers == suites.weak(version, psk=True) for q in self.answers)

    async def _second_round(self) -> None:
        """Settle what is open: only now is there a control hello for every question."""
        for question, first in list(self.answers.items()):
            settled = all(self._topic(t).reply is Reply.ACCEPTED for t in question.topics)
            replaced = question.topics == (PSK,) and self._weak_psk_asked(question.version)
            if first.reply is Reply.NO_ANSWER and not settled and not replaced:
                again = await self.interview.ask_again(question.version, question.offers, first)
                self.answers[question] = again

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

    # --- what was learned --------------------------------------------------------------------

    def accepted(self, version: Version) -> bool:
        return self._hello_at(version) is not None

    def refused(self, version: Version) -> bool:
        return self._topic(version).reply is Reply.REFUSED

    def accepted_below_tls13(self) -> list[Version]:
        """Newest first."""
        return [v for v in LEGACY if self._hello_at(v)]

    def only_tls13(self) -> bool:
        return self.accepted(Version.TLS13) and all(self.refused(v) for v in LEGACY)

    def answer_about(self, topic: str) -> Settled | None:
        """To a question that was asked about this topic alone."""
        return next((s for q, s in self.answers.items() if q.topics == (topic,)), None)

    def refuses_ordinary_suites(self) -> bool:
        """Every offer without pre-shared keys was refused, in every version."""
        asked = [s for q, s in self.answers.items() if q.offers == suites.ordinary(q.version)]
        return bool(asked) and all(s.reply is Reply.REFUSED for s in asked)

    def version_facts(self) -> tuple[TlsVersion, ...]:
        facts = []
        for version in Version:
            settled = self._topic(version)
            facts.append(
                TlsVersion(
                    name=version.label,
                    reply=settled.reply,
                    detail=settled.detail,
                    evidence=settled.evidence,
                )
            )
        return tuple(facts)

    def group_facts(self) -> tuple[TlsSuiteGroup, ...]:
        return tuple(_group_fact(kind, self._topic(kind)) for kind in (WEAK, PHASE_OUT))

    def _hello_at(self, version: Version) -> Reaction | None:
        """A ServerHello of that version, whatever was asked when it came."""
        hellos = (r for r in self.interview.reactions if r.met is Met.HELLO)
        return next((r for r in hellos if r.server_hello.version == version), None)

    def _topic(self, topic: Version | str) -> Settled:
        """Accepted before unknown before refused, over all questions about the topic."""
        if isinstance(topic, Version) and (shown := self._hello_at(topic)):
            return Settled(reply=Reply.ACCEPTED, reaction=shown, detail=shown.detail)
        found = [s for q, s in self.answers.items() if topic in q.topics]
        if isinstance(topic, Version):
            found = [_about_version(s, topic) for s in found if _speaks_about(s, topic)]
        elif self._newest_legacy() is None:
            found.append(NO_LEGACY)
        if topic == WEAK and (newest := self._newest_legacy()) is not None:
            offers = suites.psk(newest)
            asked = [(q, s) for q, s in self.answers.items() if q.offers == offers]
            if not self._weak_psk_asked(newest):
                found += [_about_weak(s) for q, s in asked if q.version == newest]
        order = (Reply.ACCEPTED, Reply.NO_ANSWER, Reply.REFUSED)
        return min(found, key=lambda s: order.index(s.reply), default=NOT_ASKED)

    def _newest_legacy(self) -> Version | None:
        """What to offer suites below TLS 1.3 at; None when all those versions are refused."""
        accepted = next((v for v in LEGACY if self._hello_at(v)), None)
        refused = all(self._topic(v).reply is Reply.REFUSED for v in LEGACY)
        return accepted or (None if refused else Version.TLS12)


def certificates_of(reactions: list[Reaction]) -> tuple[bytes, ...]:
    """The first chain that was presented in the clear."""
    return next((r.flight.certificates for r in reactions if r.flight.certificates), ())


def other_chains_of(reactions: list[Reaction]) -> tuple[tuple[bytes, ...], ...]:
    """Chains beside the first, one for each leaf that was presented."""
    chains = [r.flight.certificates for r in reactions if r.flight.certificates]
    by_leaf = {chain[0]: chain for chain in chains}
    return tuple(chain for leaf, chain in by_leaf.items() if leaf != chains[0][0])


def _chosen_version(settled: Settled) -> Version | None:
    if settled.reply is not Reply.ACCEPTED or settled.reaction is None:
        return None
    return Version(settled.reaction.server_hello.version)


def _speaks_about(settled: Settled, version: Version) -> bool:
    """The version offered is the highest allowed: a ServerHello tells nothing about lower ones."""
    chosen = _chosen_version(settled)
    return chosen is None or chosen < version


def _about_weak(settled: Settled) -> Settled:
    """All PSK suites refused are the weak ones refused; one that was chosen speaks for itself only."""
    if settled.reply is not Reply.ACCEPTED or settled.reaction is None:
        return settled
    suite = suites.table().get(settled.reaction.server_hello.suite)
    return settled if suite is not None and suite.kind == WEAK else NOT_ASKED


def _about_version(settled: Settled, version: Version) -> Settled:
    """Choosing a lower version refuses the one that was offered."""
    chosen = _chosen_version(settled)
    if chosen is None:
        return settled
    detail = f"{chosen.label} was chosen instead of {version.label}"
    return replace(settled, reply=Reply.REFUSED, detail=detail)


def _about_suites(settled: Settled) -> bool:
    """Refused, or nearly, but not because of the version."""
    refused = settled.reply is Reply.REFUSED or settled.unclear
    return refused and settled.reaction is not None and not settled.version_refused


def _group_fact(kind: str, settled: Settled) -> TlsSuiteGroup:
    if settled.reply is not Reply.ACCEPTED or settled.reaction is None:
        return TlsSuiteGroup(
            kind=kind, reply=settled.reply, detail=settled.detail, evidence=settled.evidence
        )
    number = settled.reaction.server_hello.suite
    suite = suites.table().get(number)
    reason = suite.reason if suite else ""
    return TlsSuiteGroup(
        kind=kind,
        reply=settled.reply,
        chosen=name_of(number),
        detail=reason,
        evidence=settled.evidence,
    )
