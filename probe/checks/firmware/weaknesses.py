"""What the checks share that ask for weak settings, scripts and rights in the files of an image."""

from collections.abc import Callable, Collection, Iterator

from probe.checks.firmware.images import Image, each_file_system, in_files, listed
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.firmware import ImageWeakness


def each_weakness(
    dut: Dut, kinds: Collection[str], heading: str, absent: str | Callable[[Image], str]
) -> Iterator[Answer]:
    """One violation for each file with weaknesses of these ``kinds``, said under ``heading``.

    ``absent`` is said of an image that was read to its end and has none.
    """

    def judge(image: Image) -> Iterator[Answer]:
        found = (s for s in image.all(ImageWeakness) if s.fact.kind in kinds)
        yield from in_files(image, found, sentence)

    def sentence(found: list[ImageWeakness]) -> str:
        said = listed(f"line {w.line}: {w.what}" if w.line else w.what for w in found)
        return f"{heading}: {said}."

    yield from each_file_system(dut, judge, absent)
