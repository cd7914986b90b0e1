"""What the TLS checks share: one answer for each TLS service, and the gaps beside them."""

import re
from collections.abc import Callable, Iterable, Iterator

from probe.checks.support import measured, no_object, tcp_gaps, where
from probe.checks.tls.known import uses_psk_only
from probe.model.device import endpoint
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, satisfied, violated
from probe.model.observation import Service
from probe.model.tls import Certificate, Reply, TlsService

Judge = Callable[[Seen[TlsService], str], Answer]
"""Answers for one measured service; gets its subject text."""

RUN_TLS = "Run a plan that includes the tls collector while the device answers."
NO_QUIC = "Ask the service with a QUIC client by hand and record the result."
ASK_AGAIN = "Run again when nothing else talks to the device, or test this service by hand."
BY_HAND = "If the service uses no certificates (pre-shared keys), record that as a manual result."
OVER_UDP = ("coaps", "sips", "turns", "dtls", "quic")
"""Protocols over UDP that are always encrypted; all but the last with DTLS."""
_ENDPOINT = re.compile(r"(tcp|udp) [^ ,]+:[0-9]+")
STARTTLS = ("ftp", "imap", "ldap", "pop3", "postgresql", "smtp", "xmpp")
"""Protocols in the clear that may begin TLS when they are asked to; what they said is a TlsService too."""
NO_SERVICE = "No service over TLS was found."


def each_service(dut: Dut, judge: Judge) -> Iterator[Answer]:
    """``judge`` on every measured service, inconclusive for the others, and what the scans left open.

    ``not_applicable`` when no TLS service was found and the scans left nothing open.
    """
    answers = [*_answers(dut, judge)]
    spoken = {answer.subject for answer in answers}
    if answers:
        yield from answers
        yield from (gap for gap in tcp_gaps(dut) if gap.subject not in spoken)
    else:
        yield from no_object(dut, NO_SERVICE)


def measured_services(dut: Dut) -> dict[str, Seen[TlsService]]:
    """By their subject; the latest word on a port counts."""
    return {_where(seen): seen for seen in dut.all(TlsService)}


def _answers(dut: Dut, judge: Judge) -> Iterator[Answer]:
    known = measured_services(dut)
    for subject, seen in known.items():
        if not without_tls(seen.fact):
            yield judge(seen, subject)
    missing = {service_of(s.fact.subject): s for s in dut.missing("tls")}
    for service in dut.services():
        subject = where(service)
        begins = _may_begin(service.fact)
        if subject in known or not (begins or _encrypted(service.fact) or subject in missing):
            continue
        if service.fact.protocol == "quic":
            summary = "The service speaks QUIC; the TLS 1.3 inside it was not tested."
            owner, settle = Owner.TOOL, NO_QUIC
        elif subject in missing:
            fact = missing[subject].fact
            summary, owner, settle = fact.reason, Owner(fact.owner), fact.settle
        elif begins:
            summary = "Whether the service begins TLS when it is asked to was not measured."
            owner, settle = Owner.OPERATOR, RUN_TLS
        else:
            spoken = "DTLS" if service.fact.transport == "udp" else "TLS"
            summary = f"The service speaks {spoken}; its versions, suites and certificate were not measured."
            owner, settle = Owner.OPERATOR, RUN_TLS
        yield inconclusive(subject, summary, *service.proof, owner=owner, settle=settle)


def service_of(subject: str) -> str:
    """Of a gap; a job that was given up left its title: ``TLS on tcp 198.51.100.11:443, …``."""
    found = _ENDPOINT.search(subject)
    return found[0] if found else subject


def _where(seen: Seen[TlsService]) -> str:
    return endpoint(seen.fact.transport, seen.fact.address, seen.fact.port)


def _encrypted(service: Service) -> bool:
    return service.tls or (service.transport == "udp" and service.protocol in OVER_UDP)


def _may_begin(service: Service) -> bool:
    return service.transport == "tcp" and not service.tls and service.protocol in STARTTLS


def without_tls(service: TlsService) -> bool:
    """The service was asked to start TLS and refused: it speaks its own protocol in the clear only."""
    refused = (t.name == "starttls" and t.reply is Reply.REFUSED for t in service.traits)
    return bool(service.starttls) and any(refused)


def unanswered(seen: Seen[TlsService], subject: str, what: dict[str, str]) -> Answer:
    """Inconclusive: the questions in ``what`` (name and what was met) got no answer."""
    named = "; ".join(f"{name} ({detail or 'not asked'})" for name, detail in what.items())
    summary = f"The service gave no answer that can be relied on about {named}."
    return inconclusive(subject, summary, *seen.proof, owner=Owner.DEVICE, settle=ASK_AGAIN)


def replies(seen: Seen[TlsService], reply: Reply, names: Iterable[str]) -> dict[str, str]:
    """Those of the named versions that met ``reply``, with the detail. Not asked counts as no answer."""
    asked = {v.name: v for v in seen.fact.versions}
    absent = [name for name in names if name not in asked and reply is Reply.NO_ANSWER]
    met = {n: asked[n].detail for n in names if n in asked and asked[n].reply is reply}
    return met | dict.fromkeys(absent, "")


def refuses_suites(dut: Dut, kind: str, called: str) -> Iterator[Answer]:
    """One answer per service: is every suite of the kind, ``called`` so in a sentence, refused?"""

    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        groups = [g for g in seen.fact.suites if g.kind == kind]
        for group in groups:
            if group.reply is Reply.ACCEPTED:
                why = f" ({group.detail})" if group.detail else ""
                summary = f"Offered {called} only, the service accepted {group.chosen}{why}."
                return violated(subject, summary, *seen.showing(group.evidence))
        unknown = [g.detail for g in groups if g.reply is Reply.NO_ANSWER]
        if unknown or not groups:
            return unanswered(seen, subject, {called: "; ".join(unknown)})
        return fine(dut, seen, subject, f"The service refused all {called} that were offered.")

    yield from each_service(dut, judge)


def fine(dut: Dut, seen: Seen[TlsService], subject: str, summary: str) -> Answer:
    """Satisfied, with how far the survey of services reached."""
    return satisfied(subject, summary, *seen.proof, measured=measured(dut))


def no_certificate(seen: Seen[TlsService], subject: str) -> Answer:
    """Not applicable to pre-shared keys, which need no certificate; else inconclusive."""
    if uses_psk_only(seen.fact):
        summary = "The service uses pre-shared keys and has no certificate."
        return not_applicable(subject, summary, *seen.proof)
    problem = seen.fact.chain_problem or "none was presented"
    summary = f"No certificate of the service could be judged: {problem}."
    return inconclusive(subject, summary, *seen.proof, owner=Owner.DEVICE, settle=BY_HAND)


def which(place: int, certificate: Certificate) -> str:
    """How a sentence names a certificate of the chain; ``place`` counts from 0."""
    role = "the device's certificate" if place == 0 else f"certificate {place + 1} of the chain"
    return f"{role} ({certificate.subject or 'no subject'})"


def joined(names: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def grouped(gaps: dict[str, str], most: int) -> str:
    """``A and B (not asked); C (a reset)``: what is not known, each reason once."""
    by_reason: dict[str, list[str]] = {}
    for name, met in list(gaps.items())[:most]:
        by_reason.setdefault(met, []).append(name)
    rest = f" and {len(gaps) - most} more" if len(gaps) > most else ""
    return "; ".join(f"{joined(names)} ({met})" for met, names in by_reason.items()) + rest


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
