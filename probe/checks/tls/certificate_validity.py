"""Is every presented certificate within its dates? Device identities may have no end date."""

from collections.abc import Iterator
from datetime import UTC, datetime

from probe.checks.tls.known import presented
from probe.checks.tls.services import each_service, fine, no_certificate, sentence, which
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.tls import TlsService

CLOCK_IS_SANE_AFTER = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
WITHOUT_END = (
    "has no end date (99991231), which is right for an identity that a device keeps for life (IEEE "
    "802.1AR IDevID, RFC 5280 section 4.1.2.5): it is withdrawn by whoever stops to trust it"
)
SET_CLOCK = "Set the clock of the machine that the probe runs on (NTP or by hand) and run again."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        fact = seen.fact
        if not fact.chain:
            return no_certificate(seen, subject)
        if fact.measured_at < CLOCK_IS_SANE_AFTER:
            summary = f"The probe's clock said {_day(fact.measured_at)}, so dates cannot be judged."
            owner = Owner.ENVIRONMENT
            return inconclusive(subject, summary, *seen.proof, owner=owner, settle=SET_CLOCK)
        for place, certificate in presented(fact):
            shown = seen.showing(certificate.evidence)
            end, start = certificate.not_after, certificate.not_before
            if end is not None and end < fact.measured_at:
                summary = f"{which(place, certificate)} expired on {_day(end)}."
                return violated(subject, sentence(summary), *shown)
            if start is not None and start > fact.measured_at:
                summary = f"{which(place, certificate)} is not valid before {_day(start)}."
                return violated(subject, sentence(summary), *shown)
        end = fact.chain[0].not_after
        until = WITHOUT_END if end is None else f"is valid until {_day(end)}"
        return fine(dut, seen, subject, f"The device's certificate {until}.")

    yield from each_service(dut, judge)


def _day(seconds: float) -> str:
    """ISO date, UTC. Certificates may name any year from 1 to 9999."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
