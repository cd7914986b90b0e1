"""Arrangements of the view that the page and the plain text share."""

import re
from dataclasses import dataclass

from probe.model.verdict import SEVERITY, Status
from probe.report.limits import UNKNOWN
from probe.report.viewmodel import CatalogueView, DeviceView, ReportView, RequirementView

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


def ways_to_settle(device: DeviceView) -> dict[str, dict[str, list[str]]]:
    """The nearest way out of each unknown, once: by catalogue the requirements that it settles."""
    ways: dict[str, dict[str, list[str]]] = {}
    for catalogue in device.catalogues:
        for group in unknown_groups(catalogue):
            for requirement in group.requirements:
                for way in requirement.settle[:1]:
                    named = ways.setdefault(way, {})
                    named.setdefault(short_name(catalogue), []).append(requirement.id)
    return ways


def owed_by_catalogue(device: DeviceView) -> list[tuple[CatalogueView, list[RequirementView]]]:
    """The manual procedures that a person still has to do; catalogues that owe none are left out."""
    owed = [(c, [r for r in c.requirements if r.manual_owed]) for c in device.catalogues]
    return [(catalogue, requirements) for catalogue, requirements in owed if requirements]


@dataclass(frozen=True, slots=True)
class Procedure:
    """One way of answering requirements by hand. Editions of a standard share it, and so do devices."""

    number: int
    title: str
    steps: tuple[str, ...]


def booklet(view: ReportView) -> list[Procedure]:
    """Every procedure that is owed for some device, once."""
    found: dict[tuple[str, ...], str] = {}
    for device in view.devices:
        for _, requirements in owed_by_catalogue(device):
            for requirement in requirements:
                found.setdefault(requirement.manual, requirement.title)
    return [Procedure(n, title, steps) for n, (steps, title) in enumerate(found.items(), start=1)]


def owed(
    device: DeviceView, procedures: list[Procedure]
) -> list[tuple[Procedure, list[tuple[str, str]]]]:
    """The procedures owed for a device with the catalogue and requirement ids that each answers."""
    answers: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for catalogue, requirements in owed_by_catalogue(device):
        for requirement in requirements:
            answers.setdefault(requirement.manual, []).append((catalogue.id, requirement.id))
    return [(p, answers[p.steps]) for p in procedures if p.steps in answers]


def other_ways(requirement: RequirementView) -> tuple[str, ...]:
    """Its next steps without the one that a page shows as a link to the procedure itself."""
    if not requirement.manual_owed:
        return requirement.settle
    return tuple(way for way in requirement.settle if way != BY_HAND)


def short_name(catalogue: CatalogueView) -> str:
    """Id and edition; the id alone when it holds the edition already."""
    told = catalogue.edition.lower() in catalogue.id.lower()
    return catalogue.id if told else f"{catalogue.id} {catalogue.edition}"


def slug(*parts: object) -> str:
    """A name for an anchor: letters, digits, dots and dashes only."""
    return re.sub(r"[^0-9A-Za-z.-]+", "-", "-".join(str(p) for p in parts)).strip("-").lower()
