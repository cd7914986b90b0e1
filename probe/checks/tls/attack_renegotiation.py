"""Does every service below TLS 1.3 bind a renegotiation to its connection (RFC 5746)?"""

from collections.abc import Iterator

from probe.checks.tls import attacks
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from attacks.free_of(dut, attacks.renegotiation, "injection before a renegotiation")
