"""Is every reachable service one that the manufacturer declared?"""

from collections.abc import Iterator

from probe.checks.support import (
    DEVICE,
    conclude,
    measured_addresses,
    named,
    scan_proof,
    tcp_gaps,
    udp_scan_gaps,
)
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, violated

DECLARE = (
    "List every service under [[service]] of the declaration file, with services_complete = true."
)


def check(dut: Dut) -> Iterator[Answer]:
    declaration = dut.declaration
    declared = {(s.transport, s.port) for s in declaration.services} if declaration else set()
    extra = [p for p in reachable(dut) if (p[0], p[2]) not in declared]
    if declaration is not None and declaration.services_complete:
        found = [undeclared(dut, *p) for p in extra]
    else:
        found = [unknowable(dut, len(extra))] if extra else []
    # A declared port that is open needs no name to be a declared one.
    excused = {endpoint("tcp", a, port) for t, a, port in reachable(dut) if (t, port) in declared}
    gaps = [gap for gap in tcp_gaps(dut) if gap.subject not in excused]
    declared_udp = {port for transport, port in declared if transport == "udp"}
    yield from conclude(
        dut,
        found,
        [*gaps, *udp_scan_gaps(dut, declared_udp)],
        f"Nothing but what is declared was found on {measured_addresses(dut)}; UDP ports without a "
        "known protocol were not asked.",
        proof=(*scan_proof(dut), *scan_proof(dut, "udp")),
    )


def reachable(dut: Dut) -> list[tuple[str, str, int]]:
    """Transport, address and port of everything that answered."""
    ports = {(s.fact.transport, s.fact.address, s.fact.port) for s in dut.services()}
    return sorted(ports | {(t, a, p) for t in ("tcp", "udp") for a, p in dut.open_ports(t)})


def undeclared(dut: Dut, transport: str, address: str, port: int) -> Answer:
    subject = endpoint(transport, address, port)
    place = (transport, address, port)
    for seen in dut.services():
        if (seen.fact.transport, seen.fact.address, seen.fact.port) == place:
            summary = f"{named(seen)} is reachable and not declared."
            return violated(subject, summary, *seen.proof)
    return violated(subject, "The port is open and not declared.", *scan_proof(dut, transport))


def unknowable(dut: Dut, count: int) -> Answer:
    which = "the declared list is not complete" if dut.declaration else "no declaration was given"
    summary = (
        f"Reachable and not declared: {count} {'service' if count == 1 else 'services'}; {which}."
    )
    proof = (*scan_proof(dut), *scan_proof(dut, "udp"))
    return inconclusive(DEVICE, summary, *proof, owner=Owner.OPERATOR, settle=DECLARE)
