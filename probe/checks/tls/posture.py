"""One TLS service at a glance: what is offered, what of it is weak, what is wrong, what is not known.

For people who read a report or the terminal UI. It grades nothing and leaves the checks their say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from probe.checks.tls import attacks
from probe.checks.tls.certificate_key import SHORTEST
from probe.checks.tls.certificate_signature import BROKEN
from probe.checks.tls.certificate_validity import CLOCK_IS_SANE_AFTER
from probe.checks.tls.known import accepted_versions, presented, uses_psk_only
from probe.checks.tls.names import hosts, is_address
from probe.checks.tls.public_keys import published
from probe.checks.tls.services import without_tls
from probe.model.device import endpoint
from probe.model.tls import Certificate, Reply, TlsService

WITHDRAWN = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "DTLSv1.0")
DERIVED = (
    *(attacks.unprotected, attacks.block_ciphers, attacks.short_dh, attacks.ssl2),
    *(attacks.renegotiation, attacks.compression),
)


class Trust(StrEnum):
    """What the certificate comes to, from worst to best known."""

    PROBLEM = "certificate problem"
    UNKNOWN = "inconclusive"
    SELF_SIGNED = "self-signed"
    PRIVATE = "private CA"
    ISSUED = "issued by a CA"
    """Whether a public one is not told: no trust store is consulted."""
    PSK = "pre-shared keys"
    NONE = "no certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    where: str
    kind: str
    """``TLS``, ``DTLS``, ``STARTTLS smtp``."""
    offered: tuple[str, ...]
    weak: tuple[str, ...]
    not_offered: tuple[str, ...]
    trust: Trust
    trust_detail: str
    unknown: tuple[str, ...]

    @property
    def bad(self) -> bool:
        """Something that was seen is held against it."""
        modern = any(v.endswith(("v1.2", "v1.3")) for v in self.offered)
        return bool(self.weak) or self.trust is Trust.PROBLEM or not modern

    @property
    def certain(self) -> bool:
        return not self.unknown and self.trust is not Trust.UNKNOWN


def posture(service: TlsService) -> Posture:
    offered = tuple(accepted_versions(service))
    trust, detail = (Trust.NONE, "") if without_tls(service) else _trust(service)
    return Posture(
        where=endpoint(service.transport, service.address, service.port),
        kind=kind(service),
        offered=offered,
        weak=tuple(_weak(service)),
        not_offered=tuple(v.name for v in service.versions if v.reply is Reply.REFUSED),
        trust=trust,
        trust_detail=detail,
        unknown=tuple(_unknown(service)),
    )


def kind(service: TlsService) -> str:
    if service.starttls:
        return f"STARTTLS {service.starttls}"
    return "DTLS" if service.transport == "udp" else "TLS"


def _weak(service: TlsService) -> Iterator[str]:
    yield from (v for v in accepted_versions(service) if v in WITHDRAWN)
    told: set[str] = set()
    for derive in DERIVED:
        for exposure in derive(service):
            if exposure.shown:
                told.add(exposure.shown)
                yield f"{exposure.attack} ({exposure.shown})"
    for group in service.suites:
        if group.reply is Reply.ACCEPTED and group.chosen not in told:
            yield f"{group.kind} suite {group.chosen}".replace("phase-out", "outdated")


def _unknown(service: TlsService) -> Iterator[str]:
    yield from (v.name for v in service.versions if v.reply is Reply.NO_ANSWER)
    yield from (f"{g.kind} suites" for g in service.suites if g.reply is Reply.NO_ANSWER)
    yield from (
        f"rest of the {one.kind} at {one.version}" for one in service.lists if not one.complete
    )
    beside = ("client_certificate",) if uses_psk_only(service) else ()
    unknown = (t.name for t in service.traits if t.reply is Reply.NO_ANSWER)
    yield from (name.replace("_", " ") for name in unknown if name not in beside)


# --- the certificate -----------------------------------------------------------------------------


def _trust(service: TlsService) -> tuple[Trust, str]:
    if not service.chain:
        if uses_psk_only(service):
            return Trust.PSK, "no certificate is used"
        return Trust.UNKNOWN, service.chain_problem or "no certificate was presented"
    if problems := list(dict.fromkeys(_problems(service))):
        return Trust.PROBLEM, "; ".join(problems)
    leaf, last = service.chain[0], service.chain[-1]
    if service.chain_complete is None:
        return Trust.UNKNOWN, service.chain_problem or "only the first certificate could be read"
    if leaf.self_signed:
        return Trust.SELF_SIGNED, _identity(leaf)
    if last.self_signed:
        return Trust.PRIVATE, f"root {last.subject} presented{_identity(leaf, ', ')}"
    issuer = f"{last.issuer}{_identity(leaf, ', ')}"
    return (Trust.PRIVATE if _not_public(leaf) else Trust.ISSUED), issuer


def _problems(service: TlsService) -> Iterator[str]:
    if service.chain_complete is False:
        yield service.chain_problem
    for complete, problem in zip(service.other_complete, service.other_problems, strict=False):
        if complete is False:
            yield problem
    for place, one in presented(service):
        name = "" if place == 0 else f" (certificate {place + 1})"
        yield from (f"{fault}{name}" for fault in _faults(service, place, one))


def _faults(service: TlsService, place: int, one: Certificate) -> Iterator[str]:
    if service.measured_at >= CLOCK_IS_SANE_AFTER:
        if one.not_after is not None and one.not_after < service.measured_at:
            yield "expired"
        if one.not_before is not None and one.not_before > service.measured_at:
            yield "not yet valid"
    if 0 < one.key_bits < SHORTEST.get(one.key_type, 0):
        yield f"{one.key_type} key of {one.key_bits} bits"
    if one.signature_hash in BROKEN and (place == 0 or not one.self_signed):
        yield f"signed with {one.signature_hash}"
    if one.key_sha256 in published():
        yield "its private key is published"


def _not_public(leaf: Certificate) -> bool:
    """No public CA certifies such names (CA/Browser Forum, internal names); nor gives no end date."""
    named = hosts(leaf.names)
    local = [n for n in named if is_address(n) or n.endswith((".local", ".lan", ".internal"))]
    return leaf.not_after is None or local == named


def _identity(leaf: Certificate, before: str = "") -> str:
    """Without an end date it is an identity for the life of the device (IEEE 802.1AR IDevID)."""
    return f"{before}device identity without end date" if leaf.not_after is None else ""
