"""Does every access point that the image sets up ask for a key?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_file_system, in_files, listed
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.firmware import ImageWeakness

KINDS = ("open Wi-Fi",)


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        found = (s for s in image.all(ImageWeakness) if s.fact.kind in KINDS)
        yield from in_files(image, found, _sentence)

    yield from each_file_system(
        dut, judge, "No access point without encryption was found in the settings."
    )


def _sentence(found: list[ImageWeakness]) -> str:
    said = listed(f"line {w.line}: {w.what}" if w.line else w.what for w in found)
    return f"Everybody near the device can join its network and listen: {said}."
