"""Are there no passwords, tokens or keys in the files of the image?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_image, in_files, listed
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.firmware import ImageSecret

NOT_SEARCHED = (
    "Search the programs of the image by hand, or ask the manufacturer which credentials they hold."
)


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        found = image.all(ImageSecret)
        yield from in_files(image, found, _sentence)
        if not found and image.survey is not None and not image.has_files():
            summary = "The image holds no file system; its programs themselves were not searched."
            yield inconclusive(
                image.subject, summary, *image.proof, owner=Owner.TOOL, settle=NOT_SEARCHED
            )

    yield from each_image(
        dut, judge, "No known form of password, token or key was found in a file."
    )


def _sentence(secrets: list[ImageSecret]) -> str:
    said = listed(f"{s.kind} in line {s.line}" if s.line else s.kind for s in secrets)
    return f"A secret lies in the image, the same in every device: {said}."
