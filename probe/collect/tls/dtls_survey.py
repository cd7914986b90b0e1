"""The short plan for a DTLS service: the same questions, of three versions instead of five."""

from dataclasses import replace

from probe.collect.tls import suites
from probe.collect.tls.codec import Version
from probe.collect.tls.codec.dtls import LABELS
from probe.collect.tls.codec.hello import SMALL_SUITES
from probe.collect.tls.dtls import DtlsReaction
from probe.collect.tls.exchange import Met, Reaction
from probe.collect.tls.interview import Settled
from probe.collect.tls.learned import Question
from probe.collect.tls.suites import PHASE_OUT
from probe.collect.tls.survey import Survey
from probe.model.tls import Reply, TlsService, TlsVersion


class DtlsSurvey(Survey):
    """What most devices speak comes first: a silent service is then found out with the fewest hellos."""

    async def carry_out(self, server_name: str | None = None) -> None:
        """``server_name``, a name the device gave itself, is sent only when nothing else works."""
        interview = self.interview
        await self._newest_below(Version.TLS12)
        if all(r.met is Met.UNREACHABLE for r in interview.reactions):
            return
        await self._psk(Version.TLS12)
        if interview.control is None and interview.heard and server_name:
            interview.server_name = server_name
            await self._version(Version.TLS12)
        self.after_first(self)
        await self._version(Version.TLS11)
        await self._version(Version.TLS13)
        if interview.control is not None:
            await self._suites()
            await self._second_round()
            for questions in self.more:
                await questions(self)
            await self._check_refusals()

    async def _version(self, version: Version) -> None:
        if self._silent_without_psk(Version.TLS12):
            await self._psk(version)
        await self._versions(version)
        await self._psk(version)

    async def _psk(self, version: Version) -> None:
        """PSK suites alone in a hello of their own; some stacks refuse other suites by silence."""
        question = Question((version,), version, suites.psk(version))
        ordinary = self.answer_to(version, suites.ordinary(version))
        told = self.accepted(version) or (ordinary is not None and ordinary.version_refused)
        if version < Version.TLS13 and not told and question not in self.answers:
            await self._ask(question)

    def _aside(self, reaction: Reaction) -> bool:
        """A stack known for it gives up without a word when nothing but PSK suites would do."""
        gave_up = isinstance(reaction, DtlsReaction) and reaction.forgot
        return super()._aside(reaction) or (gave_up and reaction.hello.terms.curious)

    async def _with_the_rest(self, question: Question, first: Settled) -> None:
        """After silence, once more in a hello as small as can be: it may have been the size."""
        if first.reaction is None or first.reaction.met is not Met.SILENT:
            await super()._with_the_rest(question, first)
            return
        version, offer = question.version, question.offers[0][:SMALL_SUITES]
        settled = await self.interview.ask(version, (offer,), to_the_end=True)
        if settled.reply is Reply.ACCEPTED:
            self.answers[question] = settled

    def _silent_without_psk(self, version: Version) -> bool:
        with_psk = self.answer_to(version, suites.psk(version))
        ordinary = self.answer_to(version, suites.ordinary(version))
        return (
            with_psk is not None
            and with_psk.reply is Reply.ACCEPTED
            and ordinary is not None
            and ordinary.reply is Reply.NO_ANSWER
        )

    def _is_known(self, kind: str, legacy: Version) -> bool:
        """What is likely among the ordinary suites met silence with all of them; the weak are not likely."""
        silent = kind == PHASE_OUT and self._silent_without_psk(legacy)
        return silent or super()._is_known(kind, legacy)

    def version_facts(self) -> tuple[TlsVersion, ...]:
        spoken = [version.label for version in LABELS]
        return tuple(fact for fact in super().version_facts() if fact.name in spoken)


def in_dtls_terms(fact: TlsService) -> TlsService:
    """The same with every version by its DTLS name."""
    return replace(
        fact,
        versions=tuple(
            replace(v, name=_named(v.name), detail=_named(v.detail)) for v in fact.versions
        ),
        suites=tuple(replace(s, detail=_named(s.detail)) for s in fact.suites),
        lists=tuple(
            replace(x, version=_named(x.version), detail=_named(x.detail)) for x in fact.lists
        ),
        traits=tuple(replace(t, detail=_named(t.detail)) for t in fact.traits),
    )


def _named(text: str) -> str:
    for version, name in LABELS.items():
        text = text.replace(version.label, name)
    return text
