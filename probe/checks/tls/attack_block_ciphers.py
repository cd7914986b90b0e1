"""Is the service free of SWEET32, POODLE and BEAST?"""

from collections.abc import Iterator

from probe.checks.tls import attacks
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from attacks.free_of(dut, attacks.block_ciphers, "SWEET32, POODLE or BEAST")
