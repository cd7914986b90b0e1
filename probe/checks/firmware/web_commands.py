"""Does no web page of the image hand words of a request to a shell?"""

from collections.abc import Iterator

from probe.checks.firmware.weaknesses import each_weakness
from probe.model.dut import Dut
from probe.model.finding import Answer

KINDS = ("command from a request",)


def check(dut: Dut) -> Iterator[Answer]:
    return each_weakness(
        dut,
        KINDS,
        "A request runs commands on the device",
        "No web page that hands the words of a request to a shell was found.",
    )
