"""Is every finite-field Diffie-Hellman prime longer than what Logjam reaches?"""

from collections.abc import Iterator

from probe.checks.tls import attacks
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from attacks.free_of(dut, attacks.short_dh, "Logjam")
