"""Does the gateway keep its management and its local services off its outside (WAN)?"""

from collections.abc import Iterator

from probe.checks.exposure.reachable import reachable
from probe.checks.exposure.sides import declared_for, gaps, looks_like_gateway, proofs
from probe.checks.exposure.undeclared_services import DECLARE
from probe.checks.outside import sealed
from probe.checks.support import DEVICE, named
from probe.model.device import endpoint
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, satisfied, violated
from probe.model.service import Service

PUBLIC = {"ike", "ntp", "sip", "sips", "quic", "tls", "dhcp", "smtp", "turns", "xmpp", "unknown"}
"""May well be meant for the outside (a tunnel, a telephone): undeclared they are a question. All other
protocols that the probe knows manage the device or serve its own network."""
MOST = 64
"""Ports that are named one by one on an address."""
STAND = (
    "Attach a second interface of the probe to the outside of the gateway, and run again with "
    "--wan INTERFACE=ADDRESS, the address that the gateway has there."
)


def check(dut: Dut) -> Iterator[Answer]:
    if not dut.device.wan:
        yield not_looked_at(dut)
    for address in dut.device.wan:
        yield from side(dut, address)


def not_looked_at(dut: Dut) -> Answer:
    gateway, proof = looks_like_gateway(dut)
    if not gateway:
        return not_applicable(DEVICE, "No outside of the device was named, and it is no gateway.")
    summary = "It looks like a gateway; its outside (WAN) was not looked at."
    return inconclusive(DEVICE, summary, *proof, owner=Owner.OPERATOR, settle=STAND)


def side(dut: Dut, address: str) -> Iterator[Answer]:
    declared = declared_for(dut, wan=True)
    here = (s for s in dut.services() if s.fact.address == address)
    names = {(s.fact.transport, s.fact.port): s for s in here}
    opened = [(t, port) for t, a, port in reachable(dut) if a == address]
    answers: list[Answer] = []
    for transport, port in [place for place in opened if place not in declared][:MOST]:
        seen = names.get((transport, port))
        if seen is not None and seen.fact.protocol not in PUBLIC:
            answers.append(exposed(seen))
        else:
            answers.append(unclear(dut, (transport, address, port), seen))
    known = {endpoint(t, address, port) for t, port in opened} | {a.subject for a in answers}
    answers += [gap for gap in gaps(dut, address) if gap.subject not in known]
    proof = proofs(dut, address)
    if not answers and proof:
        rest = "dropped, while it was there" if sealed(dut, address) else "refused"
        summary = f"Nothing undeclared was reachable from outside; what was asked was {rest}."
        answers = [satisfied(f"wan {address}", summary, *proof)]
    yield from answers


def exposed(seen: Seen[Service]) -> Answer:
    fact = seen.fact
    summary = f"{named(seen)} is reachable from outside and not declared for it."
    return violated(endpoint(fact.transport, fact.address, fact.port), summary, *seen.proof)


def unclear(dut: Dut, place: tuple[str, str, int], seen: Seen[Service] | None) -> Answer:
    # Only a whole list says that it is not meant for the outside.
    name = named(seen) if seen and seen.fact.protocol != "unknown" else "Something"
    summary = f"{name} is reachable from outside and not declared for it"
    proof = seen.proof if seen else proofs(dut, place[1])
    if dut.declaration is not None and dut.declaration.services_complete:
        return violated(endpoint(*place), f"{summary}; the declared list is complete.", *proof)
    summary += "; whether it is meant to be is not known."
    return inconclusive(
        endpoint(*place), summary, *proof, owner=Owner.OPERATOR, settle=f"{DECLARE} Say its side."
    )
