"""What the questions about components share: versions, what shows them, and what is known of them."""

from collections.abc import Iterator

from probe.checks.firmware.images import Image
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.firmware import ImageComponent, ImageWeakness

CERTAIN = ("package database", "banner")
"""What shows a version well enough; a mere string may be a mention."""
LIST = "Ask the manufacturer for a bill of materials (SBOM) and compare it with advisories."


def named(fact: ImageComponent) -> str:
    return f"{fact.name} {fact.version}".strip()


def with_advisory(fact: ImageComponent, word: str) -> list[str]:
    """Its advisories that begin with these words."""
    return [a for a in fact.advisories if a.lower().startswith(word)]


def affected(fact: ImageComponent) -> list[str]:
    """Its advisories of vulnerabilities."""
    return [a for a in fact.advisories if not a.lower().startswith("end of life")]


def certain(fact: ImageComponent) -> bool:
    return fact.evidence in CERTAIN


def no_components(image: Image) -> Iterator[Answer]:
    """Said where nothing was recognised, which is rare, and of lists of packages that were not read."""
    for seen in image.all(ImageWeakness):
        if seen.fact.kind == "not read":
            yield inconclusive(
                image.at(seen.fact.place, seen.fact.path),
                f"Components may be missing: {seen.fact.what}.",
                *seen.proof,
                owner=Owner.TOOL,
                settle=LIST,
            )
    if image.survey is not None and not image.all(ImageComponent):
        summary = "No component with a version was recognised in the image."
        yield inconclusive(image.subject, summary, *image.proof, owner=Owner.TOOL, settle=LIST)
