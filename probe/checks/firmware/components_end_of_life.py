"""Is every component of a version that its makers still maintain?"""

from collections.abc import Iterator

from probe.checks.firmware.components import looked_up, named, no_components, with_advisory
from probe.checks.firmware.images import Image, each_image, in_files, listed
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.firmware import ImageComponent

WORD = "end of life"
LOOK = "Look at the makers' page of supported versions, and record a manual result."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        found = [s for s in image.all(ImageComponent) if with_advisory(s.fact, WORD)]
        firm = [s for s in found if looked_up(with_advisory(s.fact, WORD))]
        yield from in_files(image, firm, _sentence)
        for seen in found:
            if seen not in firm:
                yield _unsure(image, seen)
        yield from no_components(image)

    absent = "No component that was recognised is of a version past its end of life."
    yield from each_image(dut, judge, absent)


def _sentence(found: list[ImageComponent]) -> str:
    said = listed(f"{named(c)}, {with_advisory(c, WORD)[0]}" for c in found)
    return f"No longer maintained by its makers: {said}."


def _unsure(image: Image, seen: Seen[ImageComponent]) -> Answer:
    fact = seen.fact
    summary = f"Perhaps no longer maintained by its makers: {named(fact)}, {with_advisory(fact, WORD)[0]}."
    return inconclusive(
        image.at(fact.place, f"{fact.path}, {fact.name}"),
        summary,
        *seen.proof,
        owner=Owner.OPERATOR,
        settle=LOOK,
    )
