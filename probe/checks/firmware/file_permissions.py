"""Are the rights of files no wider than needed?"""

from collections.abc import Iterator

from probe.checks.firmware.weaknesses import each_weakness
from probe.model.dut import Dut
from probe.model.finding import Answer

KINDS = ("world-writable", "world-readable", "setuid")


def check(dut: Dut) -> Iterator[Answer]:
    return each_weakness(
        dut,
        KINDS,
        "Rights are wider than needed",
        "No file that everybody may write, and no unusual program that runs with its owner's rights, was found.",
    )
