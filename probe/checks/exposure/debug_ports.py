"""Is the device free of debug interfaces on the network?"""

from collections.abc import Iterator

from probe.checks.support import Wording, no_service
from probe.model.dut import Dut
from probe.model.finding import Answer

PROTOCOLS = ("adb", "gdbserver", "openocd", "shell")
WORDING = Wording(
    "A debug interface is reachable from the network: {service}.",
    "No debug interface was found on the network.",
)


def check(dut: Dut) -> Iterator[Answer]:
    yield from no_service(dut, PROTOCOLS, WORDING)
