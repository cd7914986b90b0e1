"""Is every open port one whose service could be recognised?"""

from collections.abc import Iterator

from probe.checks.support import conclude, scan_proof, tcp_gaps
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from conclude(
        dut,
        [],
        tcp_gaps(dut),
        f"What listens on each of {len(dut.open_ports())} open TCP ports was recognised.",
        proof=scan_proof(dut),
    )
