"""Does no script or setting of the image skip the verification of what it installs?"""

from collections.abc import Iterator

from probe.checks.firmware.weaknesses import each_weakness
from probe.model.dut import Dut
from probe.model.finding import Answer

KINDS = ("verification skipped", "signature not required")


def check(dut: Dut) -> Iterator[Answer]:
    return each_weakness(
        dut,
        KINDS,
        "A verification is switched off",
        "No script or setting that skips the verification of an update was found.",
    )
