"""Are there no tools of development in the image?"""

from collections.abc import Iterator

from probe.checks.firmware.weaknesses import each_weakness
from probe.model.dut import Dut
from probe.model.finding import Answer

KINDS = ("package manager", "compiler", "debugger", "development tool")


def check(dut: Dut) -> Iterator[Answer]:
    return each_weakness(
        dut,
        KINDS,
        "Not needed for the device's function",
        "No package manager, compiler or debugger was found.",
    )
