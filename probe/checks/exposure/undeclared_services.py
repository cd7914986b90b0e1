"""Is every reachable service one that the manufacturer declared?"""

from collections.abc import Iterator

from probe.checks.exposure.reachable import ipv6_only, reachable
from probe.checks.exposure.sides import declared_for
from probe.checks.support import (
    DEVICE,
    conclude,
    measured_addresses,
    named,
    scan_proof,
    tcp_gaps,
    udp_scan_gaps,
)
from probe.model.device import address_order, endpoint
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, violated

MOST = 64
"""Ports that are named one by one; a tarpit opens them all."""
DECLARE = (
    "List every service under [[service]] of the declaration file, with services_complete = true."
)


def check(dut: Dut) -> Iterator[Answer]:
    declaration = dut.declaration
    # What is declared for one side of a gateway has no business on the other one.
    inside, outside = declared_for(dut, wan=False), declared_for(dut, wan=True)
    wan, every = dut.device.wan, reachable(dut)
    meant = {p for p in every if (p[0], p[2]) in (outside if p[1] in wan else inside)}
    extra = [p for p in every if p not in meant]
    if declaration is not None and declaration.services_complete:
        found = [undeclared(dut, *p) for p in extra]
    else:
        found = [*unknowable(dut, extra)]
    # A declared port that is open needs no name to be a declared one.
    gaps = [gap for gap in tcp_gaps(dut) if gap.subject not in {endpoint(*p) for p in meant}]
    declared_udp = {port for t, port in (inside & outside if wan else inside) if t == "udp"}
    yield from conclude(
        dut,
        found,
        [*gaps, *udp_scan_gaps(dut, declared_udp)],
        f"Nothing but what is declared was found on {measured_addresses(dut)}; UDP ports without a "
        "known protocol were not asked.",
        proof=(*scan_proof(dut), *scan_proof(dut, "udp")),
    )


def undeclared(dut: Dut, transport: str, address: str, port: int) -> Answer:
    subject = endpoint(transport, address, port)
    place = (transport, address, port)
    for seen in dut.services():
        if (seen.fact.transport, seen.fact.address, seen.fact.port) == place:
            summary = f"{named(seen)} is reachable{ipv6_only(dut, *place)} and not declared."
            return violated(subject, summary, *seen.proof)
    summary = f"The port is open{ipv6_only(dut, *place)} and not declared."
    return violated(subject, summary, *scan_proof(dut, transport))


def unknowable(dut: Dut, extra: list[tuple[str, str, int]]) -> Iterator[Answer]:
    """One question to the manufacturer for each port, on its first address."""
    which = "the declared list is not complete" if dut.declaration else "no declaration was given"
    names = {(s.fact.transport, s.fact.address, s.fact.port): s for s in dut.services()}
    asked: set[tuple[str, int]] = set()
    for transport, address, port in sorted(extra, key=lambda p: (p[0], p[2], address_order(p[1]))):
        if (transport, port) in asked or len(asked) >= MOST:
            continue
        asked.add((transport, port))
        seen = names.get((transport, address, port))
        where = ipv6_only(dut, transport, address, port)
        summary = f"{named(seen) if seen else 'An open port'} is reachable{where}; {which}."
        proof = seen.proof if seen else scan_proof(dut, transport)
        subject = endpoint(transport, address, port)
        yield inconclusive(subject, summary, *proof, owner=Owner.OPERATOR, settle=DECLARE)
    rest = len({(transport, port) for transport, _, port in extra}) - len(asked)
    if rest > 0:
        summary, proof = f"{rest} further ports are reachable; {which}.", scan_proof(dut)
        yield inconclusive(DEVICE, summary, *proof, owner=Owner.OPERATOR, settle=DECLARE)
