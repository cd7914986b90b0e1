"""Does every TLS service refuse suites without encryption, without a known peer, or that are broken?"""

from collections.abc import Iterator

from probe.checks.tls.services import refuses_suites
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from refuses_suites(dut, "weak", "weak suites")
