"""Properties of a service that its answers show: by an extension that is echoed, or by a hello for it.

What old stacks may choke on is offered in one hello only, and that one is asked again without it. A
property is refused only by an answer to a hello that offered it.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from probe.collect.tls import suites
from probe.collect.tls.asked import Asked, shown_by
from probe.collect.tls.codec import Terms, Version
from probe.collect.tls.codec.numbers import (
    GROUPS,
    HYBRIDS,
    SHA1_SIGNATURES,
    Alert,
    Extension,
)
from probe.collect.tls.codec.reading import vector
from probe.collect.tls.exchange import Reaction
from probe.collect.tls.handshake import PROTOCOLS, Finished
from probe.collect.tls.key_exchange import key_exchange_of as key_exchange_of
from probe.model.text import clean
from probe.model.tls import Reply, TlsTrait

if TYPE_CHECKING:
    from probe.collect.tls.survey import Survey

FALLBACK_SCSV = 0x5600
X509, RAW_PUBLIC_KEY = b"\0", b"\2"

# Offered beside the rest in the first ordinary hello below TLS 1.3; the echo costs nothing.
CURIOUS = Terms(
    compressions=b"\1\0",  # DEFLATE (RFC 3749), and none
    extras=(
        (Extension.MAX_FRAGMENT_LENGTH, b"\4"),  # 4096 bytes
        (Extension.TRUNCATED_HMAC, b""),
        (Extension.STATUS_REQUEST, b"\1\0\0\0\0"),
        (Extension.HEARTBEAT, b"\1"),
        (Extension.ALPN, vector(b"".join(vector(p.encode(), 1) for p in PROTOCOLS), 2)),
        # X.509 first: a service that has both goes on as usual.
        (Extension.SERVER_CERTIFICATE_TYPE, vector(X509 + RAW_PUBLIC_KEY, 1)),
        (Extension.RECORD_SIZE_LIMIT, (1 << 14).to_bytes(2, "big")),
    ),
)
ONLY_SHA1 = Terms(signatures=SHA1_SIGNATURES)
ONLY_HYBRIDS = Terms(groups=HYBRIDS)
# Without a registered group a server falls back to the prime it was given (RFC 7919 section 4).
OWN_PRIME = Terms(groups=tuple(g for g in GROUPS if g < 0x0100))

_ECHOED = (
    ("extended_master_secret", Extension.EXTENDED_MASTER_SECRET),
    ("secure_renegotiation", Extension.RENEGOTIATION_INFO),
    ("session_ticket", Extension.SESSION_TICKET),
    ("heartbeat", Extension.HEARTBEAT),
    ("truncated_hmac", Extension.TRUNCATED_HMAC),
    ("record_size_limit", Extension.RECORD_SIZE_LIMIT),
    ("max_fragment_length", Extension.MAX_FRAGMENT_LENGTH),
    ("alpn", Extension.ALPN),
    ("ocsp_staple", Extension.STATUS_REQUEST),
    ("raw_public_key", Extension.SERVER_CERTIFICATE_TYPE),
)


_NO_SUCH_HELLO = "the service answered no hello that asked for it"


def trait_facts(found: "Survey", finished: Finished | None) -> tuple[TlsTrait, ...]:
    """Everything that the answers show. ``finished`` is a whole handshake in TLS 1.3, if there was one.

    A trait for which the question does not arise is left out: the fallback signal of a service with one
    version, encrypt_then_mac without a CBC suite.
    """
    return tuple(_Reading(found, finished).all())


class _Reading(Asked):
    """All of them; here those that are echoed."""

    def all(self) -> Iterable[TlsTrait]:
        special: dict[str, Callable[[TlsTrait], TlsTrait]] = {
            "alpn": self._alpn,
            "ocsp_staple": self._ocsp_staple,
            "raw_public_key": self._raw_public_key,
            "max_fragment_length": self._max_fragment_length,
            "session_ticket": self._session_ticket,
        }
        for name, extension in _ECHOED:
            trait = self._echo(name, extension, self.below)
            yield special[name](trait) if name in special else trait
        yield self._compression()
        cbc = [r for r in self.below if "_CBC_" in suites.name_of(r.server_hello.suite)]
        if cbc:
            yield self._echo("encrypt_then_mac", Extension.ENCRYPT_THEN_MAC, cbc)
        yield self._client_certificate()
        yield self._psk_only()
        yield self._post_quantum()
        yield self._sha1_signature()
        yield from self._fallback_scsv()
        yield self._early_data()
        yield self._client_renegotiation()

    # --- echoes ------------------------------------------------------------------------------

    def _echo(self, name: str, extension: Extension, among: list[Reaction]) -> TlsTrait:
        asked = [r for r in among if extension in self.offered[id(r)]]
        echoed = [r for r in asked if extension in r.server_hello.extensions]
        if echoed:
            shown = shown_by(echoed[:1])
            return TlsTrait(name=name, reply=Reply.ACCEPTED, detail="echoed", evidence=shown)
        if asked:
            versions = " and ".join(sorted({Version(r.server_hello.version).label for r in asked}))
            detail = f"offered, and not echoed in {versions}"
            return TlsTrait(name=name, reply=Reply.REFUSED, detail=detail, evidence=shown_by(asked))
        return self._unknown(name, _NO_SUCH_HELLO)

    def _echoes(self, extension: Extension) -> list[bytes]:
        found = [r.server_hello.extensions.get(extension) for r in self.below]
        return [data for data in found if data is not None]

    def _alpn(self, trait: TlsTrait) -> TlsTrait:
        if chosen := self.finished.alpn if self.finished else "":
            return TlsTrait(name="alpn", reply=Reply.ACCEPTED, detail=chosen, evidence=self.whole)
        said = [d[3:].decode("ascii", "replace") for d in self._echoes(Extension.ALPN)]
        if said:
            return replace(trait, reply=Reply.ACCEPTED, detail=clean(said[0]))
        insists = any(
            r.alert == Alert.NO_APPLICATION_PROTOCOL and r.hello.terms.curious
            for r in self.reactions
        )
        if insists or "NO_APPLICATION_PROTOCOL" in self.found.not_finished:
            detail = "it refuses a client that names none of its protocols"
            return TlsTrait(name="alpn", reply=Reply.ACCEPTED, detail=detail)
        asked = self.finished is not None and self.finished.asked_for_alpn
        if asked and trait.reply is Reply.NO_ANSWER:
            detail = "offered in TLSv1.3, and not answered"
            return TlsTrait(name="alpn", reply=Reply.REFUSED, detail=detail, evidence=self.whole)
        return trait

    def _ocsp_staple(self, trait: TlsTrait) -> TlsTrait:
        if trait.reply is not Reply.ACCEPTED:
            return trait
        if any(r.flight.stapled for r in self.below):
            return replace(trait, detail="the state was sent")
        detail = "announced; whether the state of the certificate follows was not read"
        return replace(trait, reply=Reply.NO_ANSWER, detail=detail)

    def _raw_public_key(self, trait: TlsTrait) -> TlsTrait:
        said = self._echoes(Extension.SERVER_CERTIFICATE_TYPE)
        if not said:
            return trait
        if RAW_PUBLIC_KEY in said:
            return replace(trait, reply=Reply.ACCEPTED, detail="chosen before X.509")
        detail = "X.509 was chosen where both were offered"
        return replace(trait, reply=Reply.NO_ANSWER, detail=detail)

    def _max_fragment_length(self, trait: TlsTrait) -> TlsTrait:
        # RFC 8449 section 5: a server that knows record_size_limit ignores the older extension.
        if trait.reply is Reply.REFUSED and self._echoes(Extension.RECORD_SIZE_LIMIT):
            detail = "record_size_limit, offered beside it, takes its place"
            return replace(trait, reply=Reply.NO_ANSWER, detail=detail)
        return trait

    def _session_ticket(self, trait: TlsTrait) -> TlsTrait:
        if self.finished is None or trait.reply is Reply.ACCEPTED:
            return trait
        if self.finished.tickets:
            detail = f"{self.finished.tickets} came after a handshake in TLSv1.3"
            return TlsTrait(
                name=trait.name, reply=Reply.ACCEPTED, detail=detail, evidence=self.whole
            )
        if self.finished.to_the_end and trait.reply is Reply.NO_ANSWER:
            detail = "none came after a handshake in TLSv1.3"
            return TlsTrait(
                name=trait.name, reply=Reply.REFUSED, detail=detail, evidence=self.whole
            )
        return trait

    def _compression(self) -> TlsTrait:
        name = "compression"
        asked = [r for r in self.below if b"\1" in r.hello.terms.compressions]
        taken = [r for r in asked if r.server_hello.compression]
        if taken:
            shown = shown_by(taken[:1])
            detail = "DEFLATE was chosen"
            return TlsTrait(name=name, reply=Reply.ACCEPTED, detail=detail, evidence=shown)
        if asked:
            shown, detail = shown_by(asked), "DEFLATE was not chosen"
            return TlsTrait(name=name, reply=Reply.REFUSED, detail=detail, evidence=shown)
        return self._unknown(name, _NO_SUCH_HELLO)

    def _client_certificate(self) -> TlsTrait:
        name, finished = "client_certificate", self.finished
        asks = [r for r in self.below if r.flight.wants_client_certificate]
        if asks or (finished and finished.wants_client_certificate):
            shown, detail = shown_by(asks[:1]) or self.whole, "the service asks for one"
            return TlsTrait(name=name, reply=Reply.ACCEPTED, detail=detail, evidence=shown)
        read = [r for r in self.below if r.flight.done and r.flight.certificates]
        if read or (finished and finished.wants_client_certificate is False):
            shown, detail = shown_by(read) or self.whole, "the service asks for none"
            return TlsTrait(name=name, reply=Reply.REFUSED, detail=detail, evidence=shown)
        return self._unknown(name, "no handshake was read that far")
