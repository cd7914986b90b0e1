"""Does no debug service start with the device?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, listed
from probe.checks.firmware.weaknesses import each_weakness
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.firmware import ImageWeakness

KINDS = ("debug service",)
IDLE = ("debug service, not started",)


def check(dut: Dut) -> Iterator[Answer]:
    return each_weakness(dut, KINDS, "It starts with the device", _none)


def _none(image: Image) -> str:
    """What lies there and is not started is named: somebody may start it otherwise."""
    idle = [s.fact.path for s in image.all(ImageWeakness) if s.fact.kind in IDLE]
    said = f" Installed and not started: {listed(idle)}." if idle else ""
    return f"No debug or service login that starts with the device was found.{said}"
