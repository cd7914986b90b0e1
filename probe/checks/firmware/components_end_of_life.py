"""Is every component of a version that its makers still maintain?"""

from collections.abc import Iterator

from probe.checks.firmware.components import named, no_components, with_advisory
from probe.checks.firmware.images import Image, each_image, in_files, listed
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.firmware import ImageComponent

WORD = "end of life"


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        found = [s for s in image.all(ImageComponent) if with_advisory(s.fact, WORD)]
        yield from in_files(image, found, _sentence)
        yield from no_components(image)

    absent = "No component that was recognised is of a version past its end of life."
    yield from each_image(dut, judge, absent)


def _sentence(found: list[ImageComponent]) -> str:
    said = listed(f"{named(c)}, {with_advisory(c, WORD)[0]}" for c in found)
    return f"No longer maintained by its makers: {said}."
