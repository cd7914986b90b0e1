"""Is every open port one whose service could be recognised?"""

from collections.abc import Iterator

from probe.checks.support import conclude, scan_proof, tcp_gaps, where
from probe.model.dut import Dut
from probe.model.finding import Answer, violated


def check(dut: Dut) -> Iterator[Answer]:
    unknown = [
        violated(
            where(s),
            f"Every probe for known protocols was tried, and none was recognised: {s.fact.reason}.",
            *s.proof,
        )
        for s in dut.services("unknown")
    ]
    yield from conclude(
        dut,
        unknown,
        tcp_gaps(dut),
        f"What listens on each of {len(dut.open_ports())} open TCP ports was recognised.",
        proof=scan_proof(dut),
    )
