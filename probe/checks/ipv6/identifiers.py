"""What the checks of interface identifiers share: one pass over every IPv6 address of the device."""

from collections.abc import Iterator, Mapping

from probe.checks.support import DEVICE, searches
from probe.model.dut import Dut
from probe.model.finding import (
    Answer,
    Owner,
    inconclusive,
    not_applicable,
    satisfied,
    violated,
)
from probe.model.observation import AddressFormed, IidClass

SURVEY = "Run a plan with IPv6 discovery on the link of the device."


def without_addresses(dut: Dut) -> Iterator[Answer]:
    """What to say when no IPv6 address is known: not applicable only if one was looked for."""
    surveys = [s for s in searches(dut) if not s.fact.addresses]
    if surveys:
        summary = "No IPv6 address of the device was found."
        yield not_applicable(DEVICE, summary, *(p for s in surveys for p in s.proof))
    else:
        summary = "It was not looked for IPv6 addresses of the device."
        yield inconclusive(DEVICE, summary, owner=Owner.OPERATOR, settle=SURVEY)


def no_identifier_of(dut: Dut, bad: Mapping[IidClass, str], good: str) -> Iterator[Answer]:
    """Violated for each address whose identifier is of a bad class; an unknown class is unknown."""
    formed = {s.fact.address: s for s in dut.all(AddressFormed) if ":" in s.fact.address}
    known = sorted({*formed, *dut.device.ipv6})
    if not known:
        yield from without_addresses(dut)
        return
    answers = []
    for address in known:
        seen = formed.get(address)
        if seen is None or seen.fact.iid_class in (None, IidClass.UNKNOWN):
            reason = seen.fact.reason if seen else ""
            summary = f"How the address {address} was formed is not known. {reason}".strip()
            proof = seen.proof if seen else ()
            settle = "Watch the address over a restart and another prefix, or ask the manufacturer."
            answers.append(inconclusive(address, summary, *proof, owner=Owner.TOOL, settle=settle))
        elif seen.fact.iid_class in bad:
            summary = f"{address} {bad[seen.fact.iid_class]}"
            answers.append(violated(address, summary, *seen.proof))
    proofs = [p for s in formed.values() for p in s.proof]
    yield from answers or [satisfied(DEVICE, good, *proofs, measured={"addresses": len(known)})]
