"""Is no remote management, and no server without a password, on by default?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_file_system, in_files, listed
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.firmware import ImageWeakness

KINDS = ("remote management",)


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        found = (s for s in image.all(ImageWeakness) if s.fact.kind in KINDS)
        yield from in_files(image, found, _sentence)

    yield from each_file_system(
        dut,
        judge,
        "No remote management and no server without a password that is on by default was found.",
    )


def _sentence(found: list[ImageWeakness]) -> str:
    said = listed(f"line {w.line}: {w.what}" if w.line else w.what for w in found)
    return f"Open to others as shipped: {said}."
