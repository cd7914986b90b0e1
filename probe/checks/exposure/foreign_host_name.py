"""Does each plain web service refuse to be called by a name that is not its own (DNS rebinding)?"""

from collections.abc import Iterator

from probe.checks.exposure.pages import web_services
from probe.checks.support import conclude, named, scan_proof, tcp_gaps, where
from probe.model.device import endpoint
from probe.model.dut import Dut, Seen
from probe.model.exposure import HostAnswer
from probe.model.finding import Answer, Owner, inconclusive, violated

REFUSALS = {400, 403, 421}
BY_HAND = "Ask for its first page by hand, once under its address and once under a made-up name."
OTHER = "Compare the two answers by hand, and record whether the page was given."


def check(dut: Dut) -> Iterator[Answer]:
    answers = {(s.fact.port, s.fact.tls): s for s in dut.all(HostAnswer)}
    found: list[Answer] = []
    unknown: list[Answer] = []
    for seen in web_services(dut):
        if seen.fact.tls:
            continue  # Under a foreign name a browser refuses the certificate.
        said = answers.get((seen.fact.port, False))
        if said is None:
            summary = f"{named(seen)} was not asked under a foreign name."
            unknown.append(
                inconclusive(where(seen), summary, *seen.proof, owner=Owner.DEVICE, settle=BY_HAND)
            )
        elif (answer := judged(said)) is not None:
            found.append(answer)
    yield from conclude(
        dut,
        {a.subject: a for a in found}.values(),
        [*unknown, *tcp_gaps(dut)],
        "No plain web service gave its page under a foreign name.",
        proof=(*(p for s in answers.values() for p in s.proof), *scan_proof(dut)),
    )


def judged(seen: Seen[HostAnswer]) -> Answer | None:
    """None when the foreign name was refused or led away."""
    fact = seen.fact
    place = endpoint("tcp", fact.address, fact.port)
    if fact.same_page:
        summary = f"It gave the same page (status {fact.status}) to a request for {fact.host}."
        return violated(place, summary, *seen.proof)
    if fact.status in REFUSALS or 300 <= fact.status < 400:
        return None
    reason = "its page changes with each request" if fact.varies else "the answers differ"
    summary = f"Under a foreign name it answered with status {fact.status}; {reason}."
    return inconclusive(place, summary, *seen.proof, owner=Owner.TOOL, settle=OTHER)
