"""The short plan for a DTLS service: the same questions, of three versions instead of five."""

from dataclasses import replace

from probe.collect.tls import suites
from probe.collect.tls.codec import Version
from probe.collect.tls.codec.dtls import LABELS
from probe.collect.tls.exchange import Met
from probe.collect.tls.learned import Question
from probe.collect.tls.survey import Survey
from probe.model.tls import TlsService, TlsVersion


class DtlsSurvey(Survey):
    """What most devices speak comes first: a silent service is then found out with the fewest hellos."""

    async def carry_out(self, server_name: str | None = None) -> None:
        """``server_name``, a name the device gave itself, is sent only when nothing else works."""
        interview = self.interview
        await self._versions(Version.TLS12)
        if all(r.met is Met.UNREACHABLE for r in interview.reactions):
            return
        await self._psk(Version.TLS12)
        if interview.control is None and interview.heard and server_name:
            interview.server_name = server_name
            await self._version(Version.TLS12)
        await self._version(Version.TLS11)
        await self._version(Version.TLS13)
        if interview.control is not None:
            await self._suites()
            await self._second_round()
            for questions in self.more:
                await questions(self)
            await self._check_refusals()

    async def _version(self, version: Version) -> None:
        await self._versions(version)
        await self._psk(version)

    async def _psk(self, version: Version) -> None:
        """PSK suites alone in a hello of their own; some stacks refuse other suites by silence."""
        if version < Version.TLS13 and not self.accepted(version):
            await self._ask(Question((version,), version, suites.psk(version)))

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
