"""Does every TLS service refuse a ChangeCipherSpec that comes before there are keys?"""

from collections.abc import Iterator

from probe.checks.tls import attack_tests
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from attack_tests.withstands(dut, attack_tests.CCS_INJECTION, "CCS injection")
