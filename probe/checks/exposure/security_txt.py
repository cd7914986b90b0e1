"""Does a web service of the device that has a security.txt keep it valid?"""

from collections.abc import Iterator

from probe.checks.exposure.pages import web_services
from probe.checks.support import DEVICE, named, scan_proof, tcp_gaps, where
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.exposure import SecurityTxt
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, satisfied, violated
from probe.model.observation import HttpPage

PATH = "/.well-known/security.txt"
SETTLE = "Look at the maker's own web site for a security.txt or a page for security reports."


def check(dut: Dut) -> Iterator[Answer]:
    found = []
    for seen in dut.all(SecurityTxt):
        fact = seen.fact
        place = endpoint("tcp", fact.address, fact.port)
        faults = [] if fact.contacts else ["no Contact"]
        faults += [] if fact.expires else ["no Expires"]
        faults += ["Expires is no date"] if fact.expires and fact.expired is None else []
        faults += ["it is out of date"] if fact.expired else []
        if faults:
            found.append(violated(place, f"Its security.txt has {', '.join(faults)}.", *seen.proof))
        else:
            summary = f"Its security.txt names {fact.contacts[0][:80]}."
            found.append(satisfied(place, summary, *seen.proof))
    if found:
        yield from found
        return
    asked = {s.fact.port for s in dut.all(HttpPage) if s.fact.path == PATH}
    unasked = [
        inconclusive(
            where(s),
            f"{named(s)} was not asked for it.",
            *s.proof,
            owner=Owner.DEVICE,
            settle=SETTLE,
        )
        for s in web_services(dut)
        if s.fact.port not in asked
    ]
    gaps = [*unasked, *tcp_gaps(dut)]
    if gaps:
        yield from gaps
    elif not asked:
        yield not_applicable(DEVICE, "It has no web service.", *scan_proof(dut))
    else:
        summary = "It has no security.txt; most devices have none, and the maker may have one."
        yield inconclusive(DEVICE, summary, *scan_proof(dut), owner=Owner.OPERATOR, settle=SETTLE)
