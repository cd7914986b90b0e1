"""What the answers to the short plan say: about each version, about weak suites, and about what is not known."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from probe.collect.tls import suites
from probe.collect.tls.codec import PLAIN, Terms, Version
from probe.collect.tls.exchange import Met, Reaction
from probe.collect.tls.interview import Interview, Settled
from probe.collect.tls.suites import PHASE_OUT, WEAK, Offers, name_of
from probe.model.tls import Reply, TlsSuiteGroup, TlsVersion

LEGACY = (Version.TLS12, Version.TLS11, Version.TLS10, Version.SSL3)
KINDS = {WEAK: suites.weak, PHASE_OUT: suites.phase_out}
NOT_ASKED = Settled(reply=Reply.NO_ANSWER, reaction=None, detail="not asked")
NO_LEGACY = Settled(
    reply=Reply.REFUSED, reaction=None, detail="no version below TLSv1.3 is accepted"
)


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


class Learned:
    """The answers, and the facts that follow from them."""

    def __init__(self, interview: Interview) -> None:
        self.interview = interview
        self.answers: dict[Question, Settled] = {}

    def accepted(self, version: Version) -> bool:
        return self.hello_at(version) is not None

    def refused(self, version: Version) -> bool:
        return self.about(version).reply is Reply.REFUSED

    def accepted_below_tls13(self) -> list[Version]:
        """Newest first."""
        return [v for v in LEGACY if self.hello_at(v)]

    def only_tls13(self) -> bool:
        return self.accepted(Version.TLS13) and all(self.refused(v) for v in LEGACY)

    def answer_about(self, topic: str) -> Settled | None:
        """To a question that was asked about this topic alone."""
        return next((s for q, s in self.answers.items() if q.topics == (topic,)), None)

    def refuses_ordinary_suites(self) -> bool:
        """Every offer without pre-shared keys was refused, in every version."""
        asked = [s for q, s in self.answers.items() if q.offers == suites.ordinary(q.version)]
        return bool(asked) and all(s.reply is Reply.REFUSED for s in asked)

    def hello_at(self, version: Version) -> Reaction | None:
        """A ServerHello of that version, whatever was asked when it came."""
        hellos = (r for r in self.interview.reactions if r.met is Met.HELLO)
        return next((r for r in hellos if r.server_hello.version == version), None)

    def newest_legacy(self) -> Version | None:
        """What to offer suites below TLS 1.3 at; None when all those versions are refused."""
        accepted = next((v for v in LEGACY if self.hello_at(v)), None)
        refused = all(self.about(v).reply is Reply.REFUSED for v in LEGACY)
        return accepted or (None if refused else Version.TLS12)

    def answer_to(self, version: Version, offers: Offers) -> Settled | None:
        """To the question that offered just this."""
        found = (s for q, s in self.answers.items() if (q.version, q.offers) == (version, offers))
        return next(found, None)

    def about(self, topic: Version | str) -> Settled:
        """Accepted before unknown before refused, over all questions about the topic."""
        if isinstance(topic, Version) and (shown := self.hello_at(topic)):
            return Settled(reply=Reply.ACCEPTED, reaction=shown, detail=shown.detail)
        found = [s for q, s in self.answers.items() if topic in q.topics]
        if isinstance(topic, Version):
            found = [_about_version(s, topic) for s in found if speaks_about(s, topic)]
        elif (newest := self.newest_legacy()) is None:
            found.append(NO_LEGACY)
        elif topic in KINDS:
            found += self._by_family(topic, newest)
        order = (Reply.ACCEPTED, Reply.NO_ANSWER, Reply.REFUSED)
        return min(found, key=lambda s: order.index(s.reply), default=NOT_ASKED)

    def _by_family(self, kind: str, newest: Version) -> Iterable[Settled]:
        """What the suites without and with pre-shared keys, each offered whole, say about their kinds."""
        asked = {q.offers for q in self.answers if q.version == newest}
        whole = self.answer_to(newest, suites.ordinary(newest))
        if KINDS[kind](newest) not in asked and whole is not None and not chosen_version(whole):
            # Nothing of it was wanted, or nothing was heard: with this part of it, it is the same.
            yield whole
        with_psk = self.answer_to(newest, suites.psk(newest))
        if KINDS[kind](newest, psk=True) not in asked and with_psk is not None:
            yield _about_kind(kind, with_psk)

    def version_facts(self) -> tuple[TlsVersion, ...]:
        facts = []
        for version in Version:
            settled = self.about(version)
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
        return tuple(_group_fact(kind, self.about(kind)) for kind in KINDS)


def certificates_of(reactions: list[Reaction]) -> tuple[bytes, ...]:
    """The first chain that was presented in the clear."""
    return next((r.flight.certificates for r in reactions if r.flight.certificates), ())


def other_chains_of(reactions: list[Reaction]) -> tuple[tuple[bytes, ...], ...]:
    """Chains beside the first, one for each leaf that was presented."""
    chains = [r.flight.certificates for r in reactions if r.flight.certificates]
    by_leaf = {chain[0]: chain for chain in chains}
    return tuple(chain for leaf, chain in by_leaf.items() if leaf != chains[0][0])


def chosen_version(settled: Settled) -> Version | None:
    """None when there is no ServerHello."""
    if settled.reply is not Reply.ACCEPTED or settled.reaction is None:
        return None
    return Version(settled.reaction.server_hello.version)


def speaks_about(settled: Settled, version: Version) -> bool:
    """The version offered is the highest allowed: a ServerHello tells nothing about lower ones."""
    chosen = chosen_version(settled)
    return chosen is None or chosen < version


def about_suites(settled: Settled) -> bool:
    """Refused, or nearly, but not because of the version."""
    refused = settled.reply is Reply.REFUSED or settled.unclear
    return refused and settled.reaction is not None and not settled.version_refused


def _about_kind(kind: str, settled: Settled) -> Settled:
    """All PSK suites refused are those of the kind refused; one that was chosen speaks for itself only."""
    if settled.reply is not Reply.ACCEPTED or settled.reaction is None:
        return settled
    suite = suites.table().get(settled.reaction.server_hello.suite)
    return settled if suite is not None and suite.kind == kind else NOT_ASKED


def _about_version(settled: Settled, version: Version) -> Settled:
    """Choosing a lower version refuses the one that was offered."""
    chosen = chosen_version(settled)
    if chosen is None:
        return settled
    detail = f"{chosen.label} was chosen instead of {version.label}"
    return replace(settled, reply=Reply.REFUSED, detail=detail)


def _group_fact(kind: str, settled: Settled) -> TlsSuiteGroup:
    if settled.reply is not Reply.ACCEPTED or settled.reaction is None:
        return TlsSuiteGroup(
            kind=kind, reply=settled.reply, detail=settled.detail, evidence=settled.evidence
        )
    number = settled.reaction.server_hello.suite
    suite = suites.table().get(number)
    return TlsSuiteGroup(
        kind=kind,
        reply=settled.reply,
        chosen=name_of(number),
        detail=suite.reason if suite else "",
        evidence=settled.evidence,
    )
