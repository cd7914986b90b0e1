"""Does no service compress inside TLS, so that CRIME has nothing to measure?"""

from collections.abc import Iterator

from probe.checks.tls import attacks
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from attacks.free_of(dut, attacks.compression, "CRIME")
