"""Properties of a service that its answers show: by an extension that is echoed, or by a hello for it.

What old stacks may choke on is offered in one hello only, and that one is asked again without it. A
property is refused only by an answer to a hello that offered it.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from probe.collect.tls import suites
from probe.collect.tls.codec import Terms, TlsFormatError, Version
from probe.collect.tls.codec.flight import KeyExchange, read_key_exchange
from probe.collect.tls.codec.numbers import (
    GROUPS,
    HYBRIDS,
    SHA1_SIGNATURES,
    Alert,
    Extension,
    group_name,
    signature_name,
)
from probe.collect.tls.codec.reading import vector
from probe.collect.tls.exchange import Met, Reaction
from probe.collect.tls.handshake import PROTOCOLS, Finished
from probe.model.text import clean
from probe.model.tls import Reply, TlsTrait

if TYPE_CHECKING:
    from probe.collect.tls.interview import Settled
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
_NOT_ASKED = "not asked by this plan"
"""Another thing than a question without an answer."""
_NO_SUCH_HELLO = "the service answered no hello that asked for it"
_BUILT_IN = {
    # RFC 8446 appendix D: TLS 1.3 always binds keys to the whole handshake.
    "extended_master_secret": "built into TLSv1.3, the only version",
    "secure_renegotiation": "TLSv1.3, the only version, has no renegotiation to be secured",
}
_GONE = (
    *("compression", "heartbeat", "truncated_hmac", "sha1_signature", "client_renegotiation"),
    "fallback_scsv",
)


def key_exchange_of(reaction: Reaction) -> KeyExchange:
    """Group, prime and signature of a flight below TLS 1.3; empty when it was not read or has none."""
    body, hello = reaction.flight.key_exchange, reaction.flight.hello
    suite = suites.table().get(hello.suite) if hello else None
    if body is None or hello is None or suite is None:
        return KeyExchange()
    try:
        return read_key_exchange(body, suite.key_exchange, hello.version)
    except TlsFormatError:
        return KeyExchange()


def dh_bits(reactions: Iterable[Reaction]) -> int | None:
    """The smallest DHE prime that was seen."""
    found = [bits for r in reactions if (bits := key_exchange_of(r).dh_bits)]
    return min(found, default=None)


def trait_facts(found: "Survey", finished: Finished | None) -> tuple[TlsTrait, ...]:
    """Everything that the answers show. ``finished`` is a whole handshake in TLS 1.3, if there was one.

    A trait for which the question does not arise is left out: the fallback signal of a service with one
    version, encrypt_then_mac without a CBC suite.
    """
    return tuple(_Reading(found, finished).all())


def _shown(reactions: Iterable[Reaction]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(r.proof.sha256 for r in reactions))


def _settled(name: str, settled: "Settled") -> TlsTrait:
    return TlsTrait(
        name=name, reply=settled.reply, detail=settled.detail, evidence=settled.evidence
    )


class _Reading:
    def __init__(self, found: "Survey", finished: Finished | None) -> None:
        self.found, self.finished = found, finished
        self.reactions = found.interview.reactions
        hellos = [r for r in self.reactions if r.met is Met.HELLO]
        self.below = [r for r in hellos if Version.SSL3 < r.server_hello.version < Version.TLS13]
        self.hellos = hellos
        self.offered = {id(r): r.hello.offered for r in self.below}
        self.only_tls13 = found.only_tls13()

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

    # --- echoes ------------------------------------------------------------------------------

    def _echo(self, name: str, extension: Extension, among: list[Reaction]) -> TlsTrait:
        asked = [r for r in among if extension in self.offered[id(r)]]
        echoed = [r for r in asked if extension in r.server_hello.extensions]
        if echoed:
            shown = _shown(echoed[:1])
            return TlsTrait(name=name, reply=Reply.ACCEPTED, detail="echoed", evidence=shown)
        if asked:
            versions = " and ".join(sorted({Version(r.server_hello.version).label for r in asked}))
            detail = f"offered, and not echoed in {versions}"
            return TlsTrait(name=name, reply=Reply.REFUSED, detail=detail, evidence=_shown(asked))
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
            shown = _shown(taken[:1])
            detail = "DEFLATE was chosen"
            return TlsTrait(name=name, reply=Reply.ACCEPTED, detail=detail, evidence=shown)
        if asked:
            shown, detail = _shown(asked), "DEFLATE was not chosen"
            return TlsTrait(name=name, reply=Reply.REFUSED, detail=detail, evidence=shown)
        return self._unknown(name, _NO_SUCH_HELLO)

    def _client_certificate(self) -> TlsTrait:
        name, finished = "client_certificate", self.finished
        asks = [r for r in self.below if r.flight.wants_client_certificate]
        if asks or (finished and finished.wants_client_certificate):
            shown, detail = _shown(asks[:1]) or self.whole, "the service asks for one"
            return TlsTrait(name=name, reply=Reply.ACCEPTED, detail=detail, evidence=shown)
        read = [r for r in self.below if r.flight.done and r.flight.certificates]
        if read or (finished and finished.wants_client_certificate is False):
            shown, detail = _shown(read) or self.whole, "the service asks for none"
            return TlsTrait(name=name, reply=Reply.REFUSED, detail=detail, evidence=shown)
        return self._unknown(name, "no handshake was read that far")

    # --- hellos of their own -----------------------------------------------------------------

    def _psk_only(self) -> TlsTrait:
        name = "psk_only"
        table = suites.table()
        others = [
            r for r in self.hellos if (s := table.get(r.server_hello.suite)) is None or not s.psk
        ]
        if others:
            shown, detail = _shown(others[:1]), "it accepts other suites"
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
                shown, detail = _shown([reaction]), group_name(group)
                return TlsTrait(name=name, reply=Reply.ACCEPTED, detail=detail, evidence=shown)
        settled = self.found.answer_about(name)
        if settled is not None and settled.reply is not Reply.ACCEPTED:
            return _settled(name, settled)
        if self.found.refused(Version.TLS13):
            return TlsTrait(name=name, reply=Reply.REFUSED, detail="TLSv1.3 is not accepted")
        chosen = next((group_name(g) for g in groups if g is not None), "")
        first = f"hybrids were offered first, and {chosen} was chosen; " if chosen else ""
        return self._unknown(name, f"{first}hybrids alone: {_NOT_ASKED}")

    def _sha1_signature(self) -> TlsTrait:
        name = "sha1_signature"
        for reaction in self.below:
            signature = key_exchange_of(reaction).signature
            if signature in SHA1_SIGNATURES and signature is not None:
                shown, detail = _shown([reaction]), signature_name(signature)
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
        return self._unknown(name, _NOT_ASKED)

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
                yield self._unknown(name, _NOT_ASKED)
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
