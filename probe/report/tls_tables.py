"""The inventory's tables about TLS: at a glance, in detail, and the certificates."""

from collections.abc import Iterable
from datetime import UTC, datetime

from probe.checks.tls.grading import prime_name
from probe.checks.tls.posture import Trust, posture
from probe.checks.tls.services import measured_services, service_of
from probe.model import tls
from probe.model.device import endpoint
from probe.model.dut import Dut

Row = tuple[str, ...]


def _services(dut: Dut) -> list[tls.TlsService]:
    return [seen.fact for seen in measured_services(dut).values()]


def overview(dut: Dut, _: bool) -> Iterable[Row]:
    for service in _services(dut):
        seen = posture(service)
        yield (
            f"{seen.where} ({seen.kind})",
            ", ".join(seen.offered) or "none",
            "; ".join(seen.weak) or ("nothing seen" if seen.offered else ""),
            ", ".join(seen.not_offered) or "none",
            ": ".join(filter(None, (seen.trust.value, seen.trust_detail))),
            "; ".join(seen.unknown) or "none",
        )
    known = measured_services(dut)
    for missing in dut.missing("tls"):
        if (subject := service_of(missing.fact.subject)) not in known:
            yield (subject, "not known", "", "", Trust.UNKNOWN.value, missing.fact.reason)


def details(dut: Dut, _: bool) -> Iterable[Row]:
    """What the inventory plan found, and which properties a service has."""
    for service in _services(dut):
        where = endpoint(service.transport, service.address, service.port)
        for one in service.lists:
            whose = {"server": "the server's", "client": "the client's"}.get(one.order, "")
            order = f"{whose} order counts" if whose else ""
            more = "" if one.complete else f"there may be more: {one.detail or 'not all was asked'}"
            said = "; ".join(filter(None, (order, more)))
            yield (where, f"{one.kind}, {one.version}", ", ".join(one.accepted) or "none", said)
        for reply, words in (
            (tls.Reply.ACCEPTED, "has"),
            (tls.Reply.REFUSED, "has not"),
            (tls.Reply.NO_ANSWER, "not known"),
        ):
            names = [t.name.replace("_", " ") for t in service.traits if t.reply is reply]
            if names:
                yield (where, words, ", ".join(names), "")
        for prime in service.primes:
            source = f"generator {prime.generator or 'too long to be told'}"
            remarks = "; ".join(filter(None, (prime.defect, prime.source, source)))
            yield (where, "DHE prime", prime_name(prime), remarks)
        if service.dh_bits is not None and not service.primes:
            yield (where, "DHE prime", f"{service.dh_bits} bits", "the smallest that was seen")


def certificates(dut: Dut, _: bool) -> Iterable[Row]:
    for service in _services(dut):
        where = endpoint(service.transport, service.address, service.port)
        for number, chain in enumerate((service.chain, *service.other_chains)):
            other = f", other chain {number}" if number else ""
            for place, cert in enumerate(chain):
                issuer = f", issuer {place}" if place else ""
                yield (f"{where}{other}{issuer}", *_certificate(cert))


def _certificate(cert: tls.Certificate) -> Row:
    start = _day(cert.not_before) if cert.not_before is not None else "?"
    end = _day(cert.not_after) if cert.not_after is not None else "no end date"
    signed = f"signed with {cert.signature_hash}" if cert.signature_hash else ""
    kind = f"{cert.key_type} {cert.key_bits} bits {cert.curve}".rstrip()
    return (
        cert.subject,
        "itself" if cert.self_signed else cert.issuer,
        f"{start} to {end}",
        ", ".join(filter(None, (kind, signed))),
        cert.sha256,
    )


def _day(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return "not a date"
