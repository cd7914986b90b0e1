"""The short plan: which versions, any weak suite, which certificate, in about a dozen hellos."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from probe.collect.answers import NoAnswer
from probe.collect.tls import suites
from probe.collect.tls.codec import Alert, Version
from probe.collect.tls.handshake import PROTOCOLS, Finished
from probe.collect.tls.interview import Interview, Settled
from probe.collect.tls.learned import (
    KINDS,
    Learned,
    Question,
    about_suites,
)
from probe.collect.tls.suites import PHASE_OUT, WEAK
from probe.collect.tls.traits import OWN_PRIME
from probe.collect.tls.versions import Versions
from probe.model.tls import Reply

if TYPE_CHECKING:
    from probe.collect.tls.renegotiation import Renegotiated

PSK = "psk"
Finish = Callable[[str | None, tuple[str, ...]], Awaitable[Finished]]
"""Finishes a handshake under a server name, with protocols for ALPN; raises NoAnswer."""
Renegotiate = Callable[[str | None], Awaitable["Renegotiated"]]
"""Asks for a second handshake under a server name; raises NoAnswer."""
MoreQuestions = Callable[["Survey"], Awaitable[None]]


class Survey(Versions):
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
        self.after_first: Callable[[Learned], None] = lambda _: None
        """Called when the device's own pace is known."""
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
        self.after_first(self)
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
