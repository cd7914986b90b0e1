"""The two sides of a gateway: what is declared for each, and what is unknown about the outer one."""

from collections.abc import Iterator

from probe.checks.exposure.upnp_igd import IGD
from probe.checks.outside import presence
from probe.checks.support import DEVICE, scan_gaps, udp_scan_gaps, unidentified, unrecognised_udp
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Proof
from probe.model.exposure import GatewayControl, OutsideSeen
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.observation import Announced

THERE = (
    "Look that the gateway is connected and has this address on its outside, then run again; else "
    "record a manual result."
)


def declared_for(dut: Dut, *, wan: bool) -> set[tuple[str, int]]:
    """Transport and port of what is declared for one side of the device."""
    services = dut.declaration.services if dut.declaration else ()
    return {(s.transport, s.port) for s in services if s.faces(wan=wan)}


def looks_like_gateway(dut: Dut) -> tuple[bool, list[Proof]]:
    """Whether it says that it is a router, offers gateway control, or serves DHCP; and what shows that."""
    category = dut.device.get("category")
    router = category is not None and category.value.lower() in ("router", "gateway")
    proof = [
        *(p for s in dut.all(Announced) if _of_gateway(s.fact) for p in s.proof),
        *(p for s in dut.all(GatewayControl) for p in s.proof),
    ]
    return router or bool(proof), proof


def _of_gateway(said: Announced) -> bool:
    server = said.via == "dhcp" and said.kind == "server"
    return server or IGD.search(f"{said.kind} {said.name} ") is not None


def gaps(dut: Dut, address: str) -> Iterator[Answer]:
    """What is unknown about the outer address; one sentence when there was no sign of the gateway."""
    there = presence(dut, address)
    if there is not None and not there.by:
        summary = f"There was no sign of the gateway at {address} on {there.interface}."
        proof = proofs(dut, address)
        yield inconclusive(f"tcp {address}", summary, *proof, owner=Owner.ENVIRONMENT, settle=THERE)
        return
    for gap in (*scan_gaps(dut), *udp_scan_gaps(dut), *unidentified(dut), *unrecognised_udp(dut)):
        if _about(gap.subject, address):
            yield gap


def _about(subject: str, address: str) -> bool:
    places = (f"tcp {address}", f"udp {address}")
    ends = tuple(endpoint(t, address, 0)[:-1] for t in ("tcp", "udp"))
    return subject == DEVICE or subject in places or subject.startswith(ends)


def proofs(dut: Dut, address: str) -> tuple[Proof, ...]:
    """The scans of the outer address, and what shows that it was there."""
    scans = (s for t in ("tcp", "udp") for s in dut.scans(t) if s.fact.address == address)
    there = (s for s in dut.all(OutsideSeen) if s.fact.address == address)
    return (*(p for s in scans for p in s.proof), *(p for s in there for p in s.proof))
