"""Does the device fetch updates and packages over encrypted connections only?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_file_system, in_files, listed
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.firmware import ImageUrl

NONE_FOUND = "Watch an update at a mirror port, or declare transport under [update]."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        urls = image.all(ImageUrl)
        yield from in_files(image, (s for s in urls if not s.fact.encrypted), _sentence)
        if not urls and image.survey is not None and image.has_files():
            summary = "No address of an update server was found in the image."
            owner = Owner.OPERATOR
            yield inconclusive(image.subject, summary, *image.proof, owner=owner, settle=NONE_FOUND)

    absent = "Every address of updates and packages in the image is an encrypted one."
    yield from each_file_system(dut, judge, absent)


def _sentence(urls: list[ImageUrl]) -> str:
    said = listed(f"line {u.line}: {u.url}" if u.line else u.url for u in urls)
    return f"Updates or packages come without encryption from {said}."
