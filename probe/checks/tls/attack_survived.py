"""Did every TLS service go on answering while attacks were tried on it?"""

from collections.abc import Iterator

from probe.checks.tls import attack_tests
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from attack_tests.survived(dut)
