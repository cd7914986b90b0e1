"""Arrangements of the view that the page and the plain text share."""

import re
from dataclasses import dataclass

from probe.model.verdict import SEVERITY, Status
from probe.report.limits import UNKNOWN
from probe.report.viewmodel import CatalogueView, DeviceView, RequirementView

BY_HAND = "Do the manual procedure and record its result in the declaration file."
"""How the judge words the last way out of an unknown."""


@dataclass(frozen=True, slots=True)
class UnknownGroup:
    """Requirements that are not known for the same reason."""

    status: str
    reason: str
    requirements: tuple[RequirementView, ...]


def unknown_groups(catalogue: CatalogueView) -> list[UnknownGroup]:
    """What is not known, worst status first; one group for each reason, in catalogue order."""
    groups: dict[tuple[str, str], list[RequirementView]] = {}
    for requirement in catalogue.requirements:
        if requirement.status in UNKNOWN:
            groups.setdefault((requirement.status, requirement.reason), []).append(requirement)
    made = [UnknownGroup(status, reason, tuple(rs)) for (status, reason), rs in groups.items()]
    return sorted(made, key=lambda g: -SEVERITY[Status(g.status)])


def owed_by_catalogue(device: DeviceView) -> list[tuple[CatalogueView, list[RequirementView]]]:
    """The manual procedures that a person still has to do; catalogues that owe none are left out."""
    owed = [(c, [r for r in c.requirements if r.manual_owed]) for c in device.catalogues]
    return [(catalogue, requirements) for catalogue, requirements in owed if requirements]


@dataclass(frozen=True, slots=True)
class Procedure:
    """One thing that a person still has to do, and every requirement that it answers."""

    title: str
    steps: tuple[str, ...]
    answers: tuple[tuple[str, str], ...]
    """Catalogue and requirement ids."""


def procedures(device: DeviceView) -> list[Procedure]:
    """What is owed by hand. Editions of a standard share procedures: nobody does one twice."""
    found: dict[tuple[str, ...], tuple[str, list[tuple[str, str]]]] = {}
    for catalogue, requirements in owed_by_catalogue(device):
        for requirement in requirements:
            _, answers = found.setdefault(requirement.manual, (requirement.title, []))
            answers.append((catalogue.id, requirement.id))
    return [Procedure(title, steps, tuple(to)) for steps, (title, to) in found.items()]


def other_ways(requirement: RequirementView) -> tuple[str, ...]:
    """Its next steps without the one that a page shows as a link to the procedure itself."""
    if not requirement.manual_owed:
        return requirement.settle
    return tuple(way for way in requirement.settle if way != BY_HAND)


def slug(*parts: object) -> str:
    """A name for an anchor: letters, digits, dots and dashes only."""
    return re.sub(r"[^0-9A-Za-z.-]+", "-", "-".join(str(p) for p in parts)).strip("-").lower()
