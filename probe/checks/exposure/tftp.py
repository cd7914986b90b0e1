"""Is the device free of TFTP services?"""

from collections.abc import Iterator

from probe.checks.support import Wording, no_service
from probe.model.dut import Dut
from probe.model.finding import Answer

WORDING = Wording(
    "{service} is offered: it knows neither passwords nor encryption.",
    "No TFTP was found; every address refused the request.",
)


def check(dut: Dut) -> Iterator[Answer]:
    yield from no_service(dut, ("tftp",), WORDING, tcp=False, udp=True)
