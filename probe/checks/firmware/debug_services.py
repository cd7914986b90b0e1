"""Does no debug service start with the device?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_file_system, in_files, listed
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.firmware import ImageWeakness

KINDS = ("debug service",)
IDLE = ("debug service, not started",)


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        found = (s for s in image.all(ImageWeakness) if s.fact.kind in KINDS)
        yield from in_files(image, found, _sentence)

    yield from each_file_system(dut, judge, _none)


def _none(image: Image) -> str:
    """What lies there and is not started is named: somebody may start it otherwise."""
    idle = [s.fact.path for s in image.all(ImageWeakness) if s.fact.kind in IDLE]
    said = f" Installed and not started: {listed(idle)}." if idle else ""
    return f"No debug or service login that starts with the device was found.{said}"


def _sentence(found: list[ImageWeakness]) -> str:
    said = listed(f"line {w.line}: {w.what}" if w.line else w.what for w in found)
    return f"It starts with the device: {said}."
