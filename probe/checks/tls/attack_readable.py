"""Does no accepted suite let others read or forge: NULL, anonymous, export, RC4?"""

from collections.abc import Iterator

from probe.checks.tls import attacks
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from attacks.free_of(
        dut, attacks.unprotected, "NULL, anonymous, export (FREAK, Logjam) or RC4 suites"
    )
