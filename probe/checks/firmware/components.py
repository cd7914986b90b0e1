"""What the questions about components share: versions, what shows them, and what is known of them."""

from collections.abc import Iterator

from probe.checks.firmware.images import Image
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.firmware import ImageComponent

CERTAIN = ("package database", "banner")
"""What shows a version well enough; a mere string may be a mention."""
UNSURE = (", not looked up", ", not determined")
"""How a sentence says that nobody found a text for that row of the shipped table, or that nobody knows yet.
Nothing is held against a device on its word alone."""
LIST = "Ask the manufacturer for a bill of materials (SBOM) and compare it with advisories."


def named(fact: ImageComponent) -> str:
    return f"{fact.name} {fact.version}".strip()


def with_advisory(fact: ImageComponent, word: str) -> list[str]:
    """Its advisories that begin with these words."""
    return [a for a in fact.advisories if a.lower().startswith(word)]


def affected(fact: ImageComponent) -> list[str]:
    """Its advisories of vulnerabilities that it has."""
    others = ("end of life", "not affected")
    return [a for a in fact.advisories if not a.lower().startswith(others)]


def looked_up(said: list[str]) -> bool:
    """Whether one of the sentences rests on a text that was read."""
    return any(not any(word in one for word in UNSURE) for one in said)


def certain(fact: ImageComponent) -> bool:
    return fact.evidence in CERTAIN


def no_components(image: Image) -> Iterator[Answer]:
    """Said where nothing was recognised, which is rare. Lists of packages that were not read are in the survey."""
    if image.survey is not None and not image.all(ImageComponent):
        summary = "No component with a version was recognised in the image."
        yield inconclusive(image.subject, summary, *image.proof, owner=Owner.TOOL, settle=LIST)
