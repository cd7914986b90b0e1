"""Does the device keep programs on the network from opening its firewall (UPnP IGD)?"""

import re
from collections.abc import Iterator

from probe.checks.support import DEVICE, conclude, scan_proof, udp_gaps, where
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import Announced

IGD = re.compile(
    r"(?i):(?:InternetGatewayDevice|WANDevice|WAN(?:IP|PPP)Connection|WANIPv6Firewall\w*):"
)
SETTLE = "Look into the description behind the SSDP location by hand."


def check(dut: Dut) -> Iterator[Answer]:
    announced = [s for s in dut.all(Announced) if s.fact.via == "ssdp"]
    igd = [s for s in announced if IGD.search(f"{s.fact.kind} {s.fact.name} ")]
    found = []
    if igd:
        kinds = dict.fromkeys(
            IGD.findall(f"{s.fact.kind} {s.fact.name} ")[0].strip(":") for s in igd
        )
        summary = f"It offers UPnP gateway control to everybody: {', '.join(kinds)}."
        found = [violated(DEVICE, summary, *(p for s in igd for p in s.proof))]
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
        "It offers no UPnP gateway control.",
        proof=(*(p for s in announced for p in s.proof), *scan_proof(dut, "udp")),
    )
