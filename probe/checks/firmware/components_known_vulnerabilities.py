"""Is no component of a version for which vulnerabilities are published? By version alone, never confirmed."""

import re
from collections.abc import Iterator

from probe.checks.firmware.components import affected, certain, looked_up, named, no_components
from probe.checks.firmware.images import Image, each_image, in_files, listed
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.firmware import ImageComponent

CONFIRM = "Find the component's version and the patches it was built with (package list, build system), and record a manual result or a VEX statement."
IMPORT = "Import the advisories of the distribution (probe firmware advisories import FILE) and examine the image again."
MENDED = re.compile(r"^pkg:deb/[^?]*(?:deb\d+u\d|ubuntu)", re.IGNORECASE)
"""A package whose revision is one of those that mend a version instead of replacing it."""


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        found = [s for s in image.all(ImageComponent) if affected(s.fact)]
        yield from in_files(image, (s for s in found if _firm(s.fact)), _sentence)
        for seen in found:
            if not _firm(seen.fact):
                yield _unsure(image, seen)
        yield from _compared_with_nothing(image)
        yield from no_components(image)

    absent = (
        "For no recognised version of a component are vulnerabilities known to the tables at hand."
    )
    yield from each_image(dut, judge, absent)


def _compared_with_nothing(image: Image) -> Iterator[Answer]:
    """A distribution mends versions in place, so that only its own advisories can be asked. When none of them
    said a word of any package, they were not there."""
    packages = [s for s in image.all(ImageComponent) if MENDED.search(s.fact.purl)]
    if packages and not any(s.fact.advisories for s in packages):
        names = listed((s.fact.name for s in packages), 3)
        summary = f"Compared with no advisories, as those of their distribution say nothing of them: {names}."
        proof, owner = packages[0].proof, Owner.OPERATOR
        yield inconclusive(image.subject, summary, *proof, owner=owner, settle=IMPORT)


def _firm(fact: ImageComponent) -> bool:
    return certain(fact) and looked_up(affected(fact))


def _sentence(found: list[ImageComponent]) -> str:
    said = "; ".join(
        f"{named(c)}: {listed((a.partition(': ')[0] for a in affected(c)), 3)}" for c in found[:3]
    )
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return f"By version alone, not confirmed, affected: {said}{more}."


def _unsure(image: Image, seen: Seen[ImageComponent]) -> Answer:
    fact = seen.fact
    if certain(fact):
        said = listed((a.partition(": ")[0] for a in affected(fact)), 3)
        summary = f"{named(fact)} may be affected, by a table alone that was not checked: {said}."
    else:
        summary = f"A text in the file may mean that {named(fact)} is in it, for which vulnerabilities are known."
    return inconclusive(
        image.at(fact.place, f"{fact.path}, {fact.name}"),
        summary,
        *seen.proof,
        owner=Owner.OPERATOR,
        settle=CONFIRM,
    )
