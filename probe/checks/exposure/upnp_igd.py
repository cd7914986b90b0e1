"""Does the device keep programs on the network from opening its firewall (UPnP IGD)?"""

import re
from collections.abc import Iterable, Iterator

from probe.checks.support import DEVICE, conclude, scan_proof, udp_gaps, where
from probe.model.device import endpoint
from probe.model.dut import Dut, F, Seen
from probe.model.evidence import Proof
from probe.model.exposure import GatewayControl
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import Announced

IGD = re.compile(
    r"(?i):(?:InternetGatewayDevice|WANDevice|WAN(?:IP|PPP)Connection|WANIPv6Firewall\w*):"
)
OPENS = frozenset(("AddPortMapping", "AddAnyPortMapping", "AddPinhole"))
SETTLE = "Look into the description behind the SSDP location by hand."
SECURE = (
    "Look for secure mode in the gateway's settings, or ask it by hand for a mapping to another host "
    "and delete it again."
)


def check(dut: Dut) -> Iterator[Answer]:
    announced = [s for s in dut.all(Announced) if s.fact.via == "ssdp"]
    igd = [s for s in announced if IGD.search(f"{s.fact.kind} {s.fact.name} ")]
    read = list(dut.all(GatewayControl))
    harmless = bool(read) and all(s.fact.actions and not OPENS & {*s.fact.actions} for s in read)
    found = [*offered(igd, read)] if (igd or read) and not harmless else []
    unclear = [
        inconclusive(
            where(s),
            "An SSDP service answered; what it offers was not heard.",
            *s.proof,
            owner=Owner.TOOL,
            settle=SETTLE,
        )
        for s in dut.services("ssdp")
        if not announced
    ]
    yield from conclude(
        dut,
        found,
        [] if found else [*unclear, *udp_gaps(dut, ["ssdp"])],
        "It offers no UPnP gateway control that opens a port.",
        proof=(*proofs(announced), *proofs(read), *scan_proof(dut, "udp")),
    )


def offered(igd: list[Seen[Announced]], read: list[Seen[GatewayControl]]) -> Iterator[Answer]:
    """That it is offered; and, where its description was read, what stays unknown without trying."""
    said = (IGD.findall(f"{s.fact.kind} {s.fact.name} ")[0].strip(":") for s in igd)
    kinds = dict.fromkeys((*said, *(s.fact.service for s in read)))
    summary = f"It offers UPnP gateway control to everybody: {', '.join(kinds)}."
    mappings = [m for s in read for m in s.fact.mappings]
    if mappings:
        summary += f" It listed its mappings: {', '.join(mappings)[:120]}."
    yield violated(DEVICE, summary, *proofs(igd), *proofs(read))
    for seen in read[:1]:
        place = endpoint("tcp", seen.fact.address, seen.fact.port)
        summary = (
            "Whether it maps ports for other hosts than the asking one (secure mode) does not "
        )
        summary += "show without asking for a mapping, and none was asked for."
        yield inconclusive(place, summary, *seen.proof, owner=Owner.TOOL, settle=SECURE)


def proofs(seen: Iterable[Seen[F]]) -> list[Proof]:
    return [proof for one in seen for proof in one.proof]
