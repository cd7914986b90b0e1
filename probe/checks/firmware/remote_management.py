"""Is no remote management, and no server without a password, on by default?"""

from collections.abc import Iterator

from probe.checks.firmware.weaknesses import each_weakness
from probe.model.dut import Dut
from probe.model.finding import Answer

KINDS = ("remote management",)


def check(dut: Dut) -> Iterator[Answer]:
    return each_weakness(
        dut,
        KINDS,
        "Open to others as shipped",
        "No remote management and no server without a password that is on by default was found.",
    )
