"""Properties of a service that take a hello or a handshake of their own to be seen."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from probe.collect.tls import suites
from probe.collect.tls.codec import Version
from probe.collect.tls.codec.numbers import (
    HYBRIDS,
    SHA1_SIGNATURES,
    Alert,
    group_name,
    signature_name,
)
from probe.collect.tls.exchange import Met, Reaction
from probe.collect.tls.handshake import Finished
from probe.collect.tls.key_exchange import key_exchange_of
from probe.model.tls import Reply, TlsTrait

if TYPE_CHECKING:
    from probe.collect.tls.interview import Settled
    from probe.collect.tls.survey import Survey

NOT_ASKED = "not asked by this plan"
"""Another thing than a question without an answer."""
_BUILT_IN = {
    # RFC 8446 appendix D: TLS 1.3 always binds keys to the whole handshake.
    "extended_master_secret": "built into TLSv1.3, the only version",
    "secure_renegotiation": "TLSv1.3, the only version, has no renegotiation to be secured",
}
_GONE = (
    *("compression", "heartbeat", "truncated_hmac", "sha1_signature", "client_renegotiation"),
    "fallback_scsv",
)


def shown_by(reactions: Iterable[Reaction]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(r.proof.sha256 for r in reactions))


def _settled(name: str, settled: "Settled") -> TlsTrait:
    return TlsTrait(
        name=name, reply=settled.reply, detail=settled.detail, evidence=settled.evidence
    )


class Asked:
    """What the answers to single questions show, one trait each."""

    def __init__(self, found: "Survey", finished: Finished | None) -> None:
        self.found, self.finished = found, finished
        self.reactions = found.interview.reactions
        hellos = [r for r in self.reactions if r.met is Met.HELLO]
        self.below = [r for r in hellos if Version.SSL3 < r.server_hello.version < Version.TLS13]
        self.hellos = hellos
        self.offered = {id(r): r.hello.offered for r in self.below}
        self.only_tls13 = found.only_tls13()

    @property
    def whole(self) -> tuple[str, ...]:
        """The finished handshake, as evidence."""
        return (self.finished.proof.sha256,) if self.finished else ()

    def _unknown(self, name: str, detail: str) -> TlsTrait:
        if self.only_tls13 and name in _BUILT_IN:
            return TlsTrait(name=name, reply=Reply.ACCEPTED, detail=_BUILT_IN[name])
        if self.only_tls13 and name in _GONE:
            detail = "TLSv1.3, the only version, has none"
            return TlsTrait(name=name, reply=Reply.REFUSED, detail=detail)
        return TlsTrait(name=name, reply=Reply.NO_ANSWER, detail=detail)

    # --- hellos of their own -----------------------------------------------------------------

    def _psk_only(self) -> TlsTrait:
        name = "psk_only"
        table = suites.table()
        others = [
            r for r in self.hellos if (s := table.get(r.server_hello.suite)) is None or not s.psk
        ]
        if others:
            shown, detail = shown_by(others[:1]), "it accepts other suites"
            return TlsTrait(name=name, reply=Reply.REFUSED, detail=detail, evidence=shown)
        if self.found.refuses_ordinary_suites():
            return TlsTrait(name=name, reply=Reply.ACCEPTED, detail="it refuses all other suites")
        return self._unknown(name, "whether it refuses all other suites is not known")

    def _post_quantum(self) -> TlsTrait:
        name = "post_quantum"
        modern = [r for r in self.hellos if r.server_hello.version == Version.TLS13]
        groups = [r.server_hello.group for r in modern]
        for reaction, group in zip(modern, groups, strict=True):
            if group in HYBRIDS:
                shown, detail = shown_by([reaction]), group_name(group)
                return TlsTrait(name=name, reply=Reply.ACCEPTED, detail=detail, evidence=shown)
        settled = self.found.answer_about(name)
        if settled is not None and settled.reply is not Reply.ACCEPTED:
            return _settled(name, settled)
        if self.found.refused(Version.TLS13):
            return TlsTrait(name=name, reply=Reply.REFUSED, detail="TLSv1.3 is not accepted")
        chosen = next((group_name(g) for g in groups if g is not None), "")
        first = f"hybrids were offered first, and {chosen} was chosen; " if chosen else ""
        return self._unknown(name, f"{first}hybrids alone: {NOT_ASKED}")

    def _sha1_signature(self) -> TlsTrait:
        name = "sha1_signature"
        for reaction in self.below:
            signature = key_exchange_of(reaction).signature
            if signature in SHA1_SIGNATURES and signature is not None:
                shown, detail = shown_by([reaction]), signature_name(signature)
                return TlsTrait(name=name, reply=Reply.ACCEPTED, detail=detail, evidence=shown)
        settled = self.found.answer_about(name)
        if settled is None:
            return self._sha1_without_asking(name)
        if settled.reply is not Reply.ACCEPTED or settled.reaction is None:
            return _settled(name, settled)
        used = key_exchange_of(settled.reaction).signature
        if used is None:
            return self._unknown(name, "the signature was not read")
        detail = f"signed with {signature_name(used)}, though only SHA-1 was offered"
        return TlsTrait(name=name, reply=Reply.REFUSED, detail=detail, evidence=settled.evidence)

    def _sha1_without_asking(self, name: str) -> TlsTrait:
        below = self.found.accepted_below_tls13()
        if self._psk_only().reply is Reply.ACCEPTED:
            detail = "with a key known before, nothing is signed"
            return TlsTrait(name=name, reply=Reply.REFUSED, detail=detail)
        if below and below[0] < Version.TLS12 and self.found.refused(Version.TLS12):
            # RFC 4346 section 7.4.3: MD5 and SHA-1 together with RSA, SHA-1 alone with DSS and EC keys.
            return self._unknown(name, f"{below[0].label} gives no choice of a hash")
        return self._unknown(name, NOT_ASKED)

    def _client_renegotiation(self) -> TlsTrait:
        name, met = "client_renegotiation", self.found.renegotiated
        if met is not None:
            evidence = (met.proof.sha256,)
            return TlsTrait(name=name, reply=met.reply, detail=met.detail, evidence=evidence)
        if self.found.not_renegotiated:
            return self._unknown(name, self.found.not_renegotiated)
        if self._psk_only().reply is Reply.ACCEPTED:
            return self._unknown(
                name, "not asked: a handshake to begin with takes the service's key"
            )
        return self._unknown(name, "not asked: no handshake was finished to begin with")

    def _fallback_scsv(self) -> Iterable[TlsTrait]:
        name = "fallback_scsv"
        settled = self.found.answer_about(name)
        if settled is None:
            if len(self.found.accepted_below_tls13()) >= 2:
                yield self._unknown(name, NOT_ASKED)
        elif (
            settled.reaction is not None and settled.reaction.alert == Alert.INAPPROPRIATE_FALLBACK
        ):
            detail = "alert inappropriate_fallback"
            yield replace(_settled(name, settled), reply=Reply.ACCEPTED, detail=detail)
        elif settled.reply is Reply.ACCEPTED:
            detail = "the fallback signal was passed over"
            yield replace(_settled(name, settled), reply=Reply.REFUSED, detail=detail)
        else:
            yield replace(_settled(name, settled), reply=Reply.NO_ANSWER)

    def _early_data(self) -> TlsTrait:
        name, finished = "early_data", self.finished
        if finished and finished.max_early_data:
            detail = f"a ticket allows {finished.max_early_data} bytes"
            return TlsTrait(name=name, reply=Reply.ACCEPTED, detail=detail, evidence=self.whole)
        if self.found.refused(Version.TLS13):
            return TlsTrait(name=name, reply=Reply.REFUSED, detail="TLSv1.3 is not accepted")
        if finished and finished.to_the_end:
            tickets = f"{finished.tickets} tickets" if finished.tickets else "no ticket"
            detail = f"{tickets} came, none for early data"
            return TlsTrait(name=name, reply=Reply.REFUSED, detail=detail, evidence=self.whole)
        return self._unknown(name, "no handshake in TLSv1.3 was read to its end")
