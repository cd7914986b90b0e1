"""What was measured of one TLS or DTLS service. Names are those of the IANA registries.

``evidence`` of a part names the recorded bytes that show just this, by the SHA-256 of proofs of the
observation: the one hello among many. Empty in older records; all proofs together stand for it then.
"""

from dataclasses import dataclass
from enum import StrEnum

from probe.model.fact import Fact


class Reply(StrEnum):
    """What a question to a TLS stack met. Only ACCEPTED and REFUSED are answers."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """An alert, a lower version chosen, or a close, confirmed while a control hello worked."""
    NO_ANSWER = "no answer"
    """Reset, silence, garbage: nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsVersion:
    """``name``: ``SSLv2``, ``SSLv3``, ``TLSv1.0`` … ``TLSv1.3``, ``DTLSv1.0``, ``DTLSv1.2``, ``DTLSv1.3``."""

    name: str
    reply: Reply
    detail: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSuiteGroup:
    """One hello that offered only suites of one kind: ``weak`` (see tls/suites) or ``phase-out``."""

    kind: str
    reply: Reply
    chosen: str = ""
    """IANA name of the suite that the server picked, when accepted."""
    detail: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsList:
    """Everything that was accepted of one kind, by offering all and taking away what was picked."""

    kind: str
    """``suites``, ``groups``, ``signatures`` (below TLS 1.3) or ``psk suites``."""
    version: str
    accepted: tuple[str, ...]
    """In the order picked; that is the server's order when ``order`` says so."""
    order: str = ""
    """``server`` or ``client``: whose preference counts; empty when not asked."""
    complete: bool = True
    """The last hello, with what was left, was refused. False: there may be more."""
    detail: str = ""
    evidence: tuple[str, ...] = ()
    """One for each of ``accepted``, in its order; then those of the hellos that ended the list and told
    its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTrait:
    """A property that the service has (ACCEPTED), has not (REFUSED), or that is unknown.

    ``extended_master_secret``, ``secure_renegotiation``, ``compression``, ``heartbeat``,
    ``encrypt_then_mac``, ``session_ticket``, ``alpn``, ``record_size_limit``, ``max_fragment_length``,
    ``ocsp_staple``, ``raw_public_key``, ``client_certificate``, ``fallback_scsv``, ``psk_only``,
    ``post_quantum``, ``sha1_signature``, ``truncated_hmac``, ``early_data``, ``client_renegotiation``,
    ``starttls`` (of a service that is asked to begin TLS; refused, it is the only trait).
    """

    name: str
    reply: Reply
    detail: str = ""
    """What was seen: a protocol name, a group, how it was asked."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DhPrime:
    """A prime of DHE below TLS 1.3, as the service sent it."""

    bits: int
    generator: int
    group: str = ""
    """Its registered or usual name (``ffdhe3072``, ``Oakley group 2``); empty: known nowhere, self-made."""
    source: str = ""
    """Where a named one stands."""
    defect: str = ""
    """Why it protects nothing, whatever its size, as far as it was looked at: ``is not a prime``."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate of the presented chain. Times are Unix seconds; None when there is no date."""

    subject: str
    issuer: str
    serial: str
    not_before: float | None
    not_after: float | None
    """None also for 99991231235959Z, which says that there is no date (RFC 5280 section 4.1.2.5)."""
    key_type: str
    """``RSA``, ``EC``, ``Ed25519`` …"""
    key_bits: int
    signature_hash: str
    """``sha256``, ``sha1`` …, empty when the algorithm has none."""
    self_signed: bool
    is_ca: bool
    names: tuple[str, ...]
    sha256: str
    curve: str = ""
    """Named group of an EC key."""
    key_sha256: str = ""
    """SHA-256 of the SubjectPublicKeyInfo: the same key on two devices has the same."""
    key_usage: tuple[str, ...] | None = None
    """None when the extension is absent."""
    extended_key_usage: tuple[str, ...] | None = None
    serial_bits: int = 0
    x509_version: int = 3
    extensions_problem: str = ""
    """Why its extensions cannot be read; ``is_ca``, the usages and the alternative names are unknown then."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsService(Fact):
    """What one service accepted. ``chain`` is empty when no certificate could be had."""

    address: str
    port: int
    transport: str = "tcp"
    starttls: str = ""
    """The protocol whose command begins TLS, such as ``smtp``; empty when TLS comes first."""
    server_name: str = ""
    """SNI that was sent, empty when none was."""
    versions: tuple[TlsVersion, ...]
    suites: tuple[TlsSuiteGroup, ...]
    lists: tuple[TlsList, ...] = ()
    """Only from the inventory plan."""
    traits: tuple[TlsTrait, ...] = ()
    dh_bits: int | None = None
    """Smallest DHE prime that was seen."""
    primes: tuple[DhPrime, ...] = ()
    """Each that was seen, once; empty in records that have only ``dh_bits``."""
    chain: tuple[Certificate, ...] = ()
    chain_problem: str = ""
    """Why there is no chain, or what is wrong with its order; empty when all is well."""
    chain_complete: bool | None = None
    """Each certificate is signed by the next, up to a self-signed one or one whose issuer is unknown."""
    other_chains: tuple[tuple[Certificate, ...], ...] = ()
    """Chains for other key types of the same service."""
    other_problems: tuple[str, ...] = ()
    """Of each other chain what ``chain_problem`` is of the first; empty in older records."""
    other_complete: tuple[bool | None, ...] = ()
    """Of each other chain what ``chain_complete`` is of the first."""
    measured_at: float = 0.0
    """The clock against which validity is judged, Unix seconds."""
    hellos: int = 0


class AttackReply(StrEnum):
    """What trying an attack showed. Only the first two are answers about it."""

    VULNERABLE = "vulnerable"
    NOT_VULNERABLE = "not vulnerable"
    NO_ANSWER = "no answer"
    """Reset, silence, garbage, or an answer that shows neither."""
    NOT_APPLICABLE = "not applicable"
    """The service lacks what the attack needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsAttackTest(Fact):
    """One attack, tried on one service below TLS 1.3 with the operator's permission."""

    address: str
    port: int
    transport: str = "tcp"
    name: str
    """``heartbleed``, ``ccs-injection``, ``robot`` or ``ticketbleed``."""
    reply: AttackReply
    detail: str = ""
    well_before: bool = True
    """A hello met a ServerHello right before; without it nothing was tried."""
    well_after: bool = True
    """It did so again afterwards, at once or after some seconds."""
