"""Does the device refuse to resolve names for anybody who asks?"""

from collections.abc import Iterator

from probe.checks.support import conclude, scan_proof, udp_gaps, where
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import OpenAccess

SETTLE = "Ask the device for a name with dig, and record a manual result."


def check(dut: Dut) -> Iterator[Answer]:
    open_ = [s for s in dut.all(OpenAccess) if s.fact.protocol == "dns"]
    found = [
        violated(
            endpoint(s.fact.transport, s.fact.address, s.fact.port),
            "The device resolved names for the probe, which had no business with it.",
            *s.proof,
        )
        for s in open_
    ]
    unclear = [
        inconclusive(
            where(s),
            "A DNS server answered; whether it resolves names for strangers was not found out.",
            *s.proof,
            owner=Owner.TOOL,
            settle=SETTLE,
        )
        for s in dut.services("dns")
        if s.fact.transport == "udp" and not s.fact.refuses_strangers
    ]
    yield from conclude(
        dut,
        found,
        [*unclear, *udp_gaps(dut, ["dns"])],
        "The device resolved no name for the probe.",
        proof=scan_proof(dut, "udp"),
    )
