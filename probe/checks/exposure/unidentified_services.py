"""Is every open port one whose service could be recognised?"""

from collections.abc import Iterator

from probe.checks.support import conclude, scan_proof, tcp_gaps, unrecognised_udp, where
from probe.model.dut import Dut
from probe.model.finding import Answer, violated

EVERYTHING = "all"


def check(dut: Dut) -> Iterator[Answer]:
    # Where asking broke off, or the rarer protocols were not asked for, the port is a gap.
    unknown = [
        violated(
            where(s),
            f"Every probe for known protocols was tried, and none was recognised: {s.fact.reason}.",
            *s.proof,
        )
        for s in dut.services("unknown")
        if s.fact.transport == "tcp" and s.fact.asked == EVERYTHING
    ]
    yield from conclude(
        dut,
        unknown,
        [*tcp_gaps(dut), *unrecognised_udp(dut)],
        f"What listens on each of {len(dut.open_ports())} open TCP ports was recognised.",
        proof=scan_proof(dut),
    )
