"""Does no service speak SSLv2, with which DROWN breaks TLS connections under the same key?"""

from collections.abc import Iterator

from probe.checks.tls import attacks
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from attacks.free_of(dut, attacks.ssl2, "DROWN", "SSLv2 does not exist over datagrams.")
