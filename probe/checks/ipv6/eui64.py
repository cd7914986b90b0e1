"""Do the IPv6 addresses keep the device's MAC address to themselves?"""

from collections.abc import Iterator

from probe.checks.ipv6.identifiers import no_identifier_of
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.observation import IidClass

BAD = {IidClass.EUI64: "carries the MAC address of the device (modified EUI-64)."}


def check(dut: Dut) -> Iterator[Answer]:
    yield from no_identifier_of(dut, BAD, "No IPv6 address carries the MAC address of the device.")
