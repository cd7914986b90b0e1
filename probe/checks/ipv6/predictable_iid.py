"""Are the device's IPv6 addresses hard to guess?"""

from collections.abc import Iterator

from probe.checks.ipv6.identifiers import no_identifier_of
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.observation import IidClass

BAD = {
    IidClass.LOW_BYTE: "has an identifier of a few low bits, the first that a scan tries.",
    IidClass.EMBEDDED_IPV4: "carries the IPv4 address of the device.",
}


def check(dut: Dut) -> Iterator[Answer]:
    yield from no_identifier_of(dut, BAD, "No IPv6 address has a guessable identifier.")
