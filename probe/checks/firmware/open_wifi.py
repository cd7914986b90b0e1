"""Does every access point that the image sets up ask for a key?"""

from collections.abc import Iterator

from probe.checks.firmware.weaknesses import each_weakness
from probe.model.dut import Dut
from probe.model.finding import Answer

KINDS = ("open Wi-Fi",)


def check(dut: Dut) -> Iterator[Answer]:
    return each_weakness(
        dut,
        KINDS,
        "Everybody near the device can join its network and listen",
        "No access point without encryption was found in the settings.",
    )
