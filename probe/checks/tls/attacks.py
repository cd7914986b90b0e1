"""Known attacks, derived from what was measured: each is open, closed, or not known. Nothing is sent."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from probe.checks.tls.grading import prime_name
from probe.checks.tls.known import (
    accepted_suites,
    accepted_versions,
    old_suite_gaps,
    possible_versions,
    reply_of,
    shown,
    suite_gaps,
    trait,
    trait_shown,
    version_shown,
)
from probe.checks.tls.services import each_service, fine, joined
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, violated
from probe.model.tls import Reply, TlsService

OLD = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "DTLSv1.0", "DTLSv1.2")
"""Versions below 1.3 that renegotiate, compress, and take the suites with attacks."""
SETTLE = (
    "Run the plan 'full', which takes the whole inventory of TLS, when nothing else talks to the device, "
    "or test this service by hand."
)
MOST_NAMED = 2
DH_OF_A_STATE = 1024
"""Primes up to this length are within reach of a state (Logjam)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """To one attack. ``shown`` and ``unknown`` empty: not exposed."""

    attack: str
    shown: str = ""
    unknown: str = ""
    evidence: tuple[tuple[str, ...], ...] = ()
    """Of what is shown."""


Derive = Callable[[TlsService], Iterable[Exposure]]


def free_of(dut: Dut, derive: Derive, what: str, absent: str = "") -> Iterator[Answer]:
    """One answer per service: is it free of all the attacks? ``absent``: what no exposure at all means."""

    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        exposures = list(derive(seen.fact))
        open_to = [e for e in exposures if e.shown]
        unknown = [f"{e.attack} ({e.unknown})" for e in exposures if e.unknown and not e.shown]
        if open_to:
            rest = f"; not known about {joined(unknown)}" if unknown else ""
            said = joined(f"{e.attack} ({e.shown})" for e in open_to)
            proof = seen.showing(*(part for e in open_to for part in e.evidence or ((),)))
            return violated(subject, f"The service is open to {said}{rest}.", *proof)
        if unknown:
            summary = f"Whether the service is open to {joined(unknown)} is not known."
            return inconclusive(subject, summary, *seen.proof, owner=Owner.TOOL, settle=SETTLE)
        if not exposures:
            return not_applicable(subject, absent, *seen.proof)
        return fine(dut, seen, subject, f"The service is not open to {what}.")

    yield from each_service(dut, judge)


# --- by suites -----------------------------------------------------------------------------------


def by_suites(
    service: TlsService,
    attack: str,
    *patterns: str,
    withdrawn: bool = False,
    in_ssl2: bool = False,
) -> Exposure:
    """Open when one such suite is accepted. All of these count as weak in the short plan's hello.

    ``withdrawn``: from TLS 1.1 or 1.2 on a stack must not choose them (RFC 4346 section A.5, RFC 5469),
    so that a refusal at the newest version says nothing about the older ones. ``in_ssl2``: SSLv2 has
    such suites of its own, which no offer of TLS names.
    """
    accepted = accepted_suites(service)
    found = [n for n in accepted if any(fnmatchcase(n, p) for p in patterns)]
    if found:
        evidence = tuple(accepted[name] for name in found[:MOST_NAMED])
        return Exposure(attack=attack, shown=_some(found), evidence=evidence)
    weak = [g for g in service.suites if g.kind == "weak"]
    below = [v for v in possible_versions(service) if v in OLD]
    refused = bool(weak) and all(g.reply is Reply.REFUSED for g in weak)
    told = refused and not (withdrawn and len(below) > 1)
    gaps = {} if told else suite_gaps(service)
    if in_ssl2 and service.transport != "udp" and reply_of(service, "SSLv2") is not Reply.REFUSED:
        gaps["suites at SSLv2"] = "they are its own, and were not listed"
    return Exposure(attack=attack, unknown=_met(gaps))


def unprotected(service: TlsService) -> Iterator[Exposure]:
    yield by_suites(service, "reading along, NULL encryption", "*_NULL_*", "TLS_SHA???_SHA???")
    yield by_suites(service, "anybody in between, anonymous suites", "*_anon_*")
    yield by_suites(service, "FREAK, export RSA", "TLS_RSA_EXPORT*", withdrawn=True, in_ssl2=True)
    yield by_suites(service, "Logjam, export Diffie-Hellman", "TLS_DH*_EXPORT*", withdrawn=True)
    yield by_suites(service, "breaking export keys", "TLS_KRB5_EXPORT*", withdrawn=True)
    yield by_suites(service, "RC4 biases", "*_RC4_*", in_ssl2=True)


def block_ciphers(service: TlsService) -> Iterator[Exposure]:
    small = ("*_3DES_*", "*_RC2_*", "*_28147_*")
    yield by_suites(service, "SWEET32, ciphers with 64-bit blocks", *small, in_ssl2=True)
    short = ("*_DES_CBC*", "*_DES40_*", "*_IDEA_*")
    yield by_suites(
        service, "SWEET32 and short keys, DES or IDEA", *short, withdrawn=True, in_ssl2=True
    )
    if service.transport != "udp":
        yield _cbc_at(service, "POODLE", "SSLv3")
        # DTLS never took the initialisation vector from the record before (RFC 4347 section 4.1.2.3).
        yield _cbc_at(service, "BEAST", "SSLv3", "TLSv1.0")


def _cbc_at(service: TlsService, attack: str, *versions: str) -> Exposure:
    gaps: dict[str, str] = {}
    for version in versions:
        reply = reply_of(service, version)
        if reply is Reply.REFUSED:
            continue
        if reply is not Reply.ACCEPTED:
            gaps[version] = "no answer" if reply else "not asked"
            continue
        listed = shown(service, "suites", "psk suites", version=version)
        cbc = [name for name in listed if "_CBC" in name]
        if cbc:
            evidence = tuple(listed[name] for name in cbc[:MOST_NAMED])
            said = f"{version} with {_some(cbc)}"
            return Exposure(attack=attack, shown=said, evidence=evidence)
        gaps |= {k: v for k, v in suite_gaps(service).items() if k == f"suites at {version}"}
    return Exposure(attack=attack, unknown=_met(gaps))


def short_dh(service: TlsService) -> Iterator[Exposure]:
    attack = "Logjam, a short Diffie-Hellman prime"
    bits = service.dh_bits
    ephemeral = [n for n in accepted_suites(service) if n.startswith(("TLS_DHE_", "TLS_DH_anon"))]
    broken = [p for p in service.primes if p.defect]
    short = [p for p in service.primes if p.bits <= DH_OF_A_STATE]
    if broken:
        said = joined(f"the one of {p.bits} bits {p.defect}" for p in broken)
        evidence = tuple(p.evidence for p in broken)
        yield Exposure(
            attack="a Diffie-Hellman modulus without strength", shown=said, evidence=evidence
        )
    if short:
        said, evidence = joined(map(prime_name, short)), tuple(p.evidence for p in short)
        yield Exposure(attack=attack, shown=said, evidence=evidence)
    elif bits is not None and bits <= DH_OF_A_STATE:
        yield Exposure(attack=attack, shown=f"{bits} bits")
    elif bits is not None and not service.primes:
        yield Exposure(attack=attack, unknown="this record has the prime's length only")
    elif ephemeral and bits is None:
        yield Exposure(attack=attack, unknown=f"size not measured for {_some(ephemeral)}")
    else:
        # A service may have several primes, one for each kind of key: only whole lists tell of all.
        yield Exposure(attack=attack, unknown=_met(old_suite_gaps(service)))


# --- by versions and features --------------------------------------------------------------------


def ssl2(service: TlsService) -> Iterator[Exposure]:
    if service.transport == "udp":
        return
    reply = reply_of(service, "SSLv2")
    if reply is Reply.ACCEPTED:
        evidence = version_shown(service, "SSLv2")
        yield Exposure(attack="DROWN", shown="it speaks SSLv2", evidence=evidence)
    else:
        met = "no answer to SSLv2" if reply else "SSLv2 was not asked for"
        yield Exposure(attack="DROWN", unknown="" if reply is Reply.REFUSED else met)


def renegotiation(service: TlsService) -> Iterator[Exposure]:
    yield _feature(
        service,
        "injection before a renegotiation",
        "secure_renegotiation",
        Reply.REFUSED,
        "it does not acknowledge RFC 5746",
    )


def compression(service: TlsService) -> Iterator[Exposure]:
    yield _feature(service, "CRIME", "compression", Reply.ACCEPTED, "it compresses")


def _feature(service: TlsService, attack: str, name: str, bad: Reply, words: str) -> Exposure:
    if not set(possible_versions(service)) & set(OLD):
        return Exposure(attack=attack)
    reply, detail = trait(service, name)
    if reply is Reply.NO_ANSWER:
        unknown = detail or "no answer"
        if not set(accepted_versions(service)) & set(OLD):
            unknown = "not every version below 1.3 gave an answer"
        return Exposure(attack=attack, unknown=unknown)
    evidence = (trait_shown(service, name),)
    return Exposure(attack=attack, shown=words if reply is bad else "", evidence=evidence)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def _met(gaps: dict[str, str]) -> str:
    return "; ".join(f"{what}: {why}" for what, why in gaps.items())
