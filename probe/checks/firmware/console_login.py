"""Does every console ask for a login?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_file_system, in_files, listed
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.firmware import ImageWeakness

KINDS = ("console without login",)


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        found = (s for s in image.all(ImageWeakness) if s.fact.kind in KINDS)
        yield from in_files(image, found, _sentence)

    yield from each_file_system(
        dut, judge, "No console that gives a shell without a login was found."
    )


def _sentence(found: list[ImageWeakness]) -> str:
    said = listed(f"line {w.line}: {w.what}" if w.line else w.what for w in found)
    return f"A console gives a shell without a login: {said}."
