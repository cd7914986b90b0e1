"""Does every console ask for a login?"""

from collections.abc import Iterator

from probe.checks.firmware.weaknesses import each_weakness
from probe.model.dut import Dut
from probe.model.finding import Answer

KINDS = ("console without login",)


def check(dut: Dut) -> Iterator[Answer]:
    return each_weakness(
        dut,
        KINDS,
        "A console gives a shell without a login",
        "No console that gives a shell without a login was found.",
    )
