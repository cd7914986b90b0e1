"""Do all TLS services keep silent about the padding inside an RSA key exchange?"""

from collections.abc import Iterator

from probe.checks.tls import attack_tests
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from attack_tests.withstands(dut, attack_tests.ROBOT, "ROBOT")
