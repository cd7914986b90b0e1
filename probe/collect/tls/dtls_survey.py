"""The short plan for a DTLS service: the same questions, of three versions instead of five."""

from dataclasses import replace

from probe.collect.tls import suites
from probe.collect.tls.codec import Version
from probe.collect.tls.codec.dtls import LABELS
from probe.collect.tls.exchange import Met
from probe.collect.tls.survey import Question, Survey
from probe.model.tls import TlsSuiteGroup, TlsVersion


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
        by_name = {fact.name: fact for fact in super().version_facts()}
        return tuple(
            replace(
                by_name[version.label], name=name, detail=_in_dtls(by_name[version.label].detail)
            )
            for version, name in LABELS.items()
        )

    def group_facts(self) -> tuple[TlsSuiteGroup, ...]:
        return tuple(replace(f, detail=_in_dtls(f.detail)) for f in super().group_facts())


def _in_dtls(text: str) -> str:
    """Versions in a sentence by their DTLS names."""
    for version, name in LABELS.items():
        text = text.replace(version.label, name)
    return text
