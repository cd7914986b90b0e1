"""Do no TLS services give away memory when a heartbeat claims to be longer than it is?"""

from collections.abc import Iterator

from probe.checks.tls import attack_tests
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from attack_tests.withstands(dut, attack_tests.HEARTBLEED, "Heartbleed")
