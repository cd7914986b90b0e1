"""Whether a requirement applies, and what a person recorded about it. Both come from the declaration."""

from dataclasses import dataclass

from probe.model.catalogue import Catalogue, Requirement
from probe.model.declaration import Declaration, ManualResult


@dataclass(frozen=True, slots=True)
class Applicability:
    """``applies`` is False only by a recorded decision on a requirement that has a condition."""

    applies: bool
    reason: str = ""
    refused: str = ""
    """Why a recorded decision was not honoured."""


def applicability(
    catalogue: Catalogue, requirement: Requirement, declaration: Declaration | None
) -> Applicability:
    """The recorded decision, if there is one that the standard allows."""
    for decision in declaration.not_applicable if declaration else ():
        if decision.requirement != requirement.id or decision.catalogue not in ("*", catalogue.id):
            continue
        by = f"{decision.reason} (decided by {decision.decided_by})"
        if requirement.mandatory and not requirement.condition:
            return Applicability(
                True,
                refused=f"It was declared not applicable ({by}), but the standard gives it no condition.",
            )
        return Applicability(False, f"Declared not applicable: {by}.")
    return Applicability(True)


def manual_result(
    catalogue: Catalogue, requirement: Requirement, declaration: Declaration | None
) -> ManualResult | None:
    """The recorded result of the manual procedure; a ``fail`` among several wins."""
    results = [
        r
        for r in (declaration.manual if declaration else ())
        if r.requirement == requirement.id and r.catalogue in ("*", catalogue.id)
    ]
    return min(results, key=lambda r: r.result != "fail", default=None)
