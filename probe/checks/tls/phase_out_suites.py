"""Do the TLS services do without the suites that are being phased out?"""

from collections.abc import Iterator

from probe.checks.tls.services import refuses_suites
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from refuses_suites(dut, "phase-out", "suites to be phased out")
