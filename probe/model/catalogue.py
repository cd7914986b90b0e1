"""A standard's requirements as data: all of them, also those that no tool can test."""

from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from enum import StrEnum

from probe.model.ids import CheckId, RequirementId


class Strength(StrEnum):
    """How far a check's answer carries for a requirement."""

    FULL = "full"
    """Satisfied checks of this strength can make a PASS; a violation is a FAIL."""
    PARTIAL = "partial"
    """A violation is a FAIL; satisfied leaves the requirement inconclusive."""
    INDICATIVE = "indicative"
    """A lead for a person: a violation makes the requirement inconclusive, never a FAIL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One check that speaks for a requirement."""

    check: CheckId
    strength: Strength
    requires: Map[str, int] = field(default_factory=dict)
    """Lowest values in the answer's ``measured`` for FULL to hold; below them it counts as PARTIAL."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement in our own words."""

    id: RequirementId
    title: str
    level: str
    """The standard's own level text, e.g. ``M``, ``M C``, ``R F``."""
    mandatory: bool
    section: str = ""
    condition: str = ""
    """The condition or feature under which it applies; empty when it always applies."""
    plain: str = ""
    """What it means for a buyer, one sentence without jargon."""
    checks: tuple[Mapping, ...] = ()
    manual: str = ""
    """What a person does, numbered steps, to answer it by hand."""
    settle: str = ""
    """The shortest way from unknown to a verdict for this requirement."""
    note: str = ""
    confidence: str = ""
    """How sure the project is of number, level and condition: ``sourced:…``, ``memory``, ``judgement``."""
    part_of: RequirementId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """One edition of one standard."""

    id: str
    title: str
    edition: str
    publisher: str
    published: str
    note: str
    sources: tuple[str, ...]
    requirements: tuple[Requirement, ...]

    def requirement(self, wanted: str) -> Requirement | None:
        return next((r for r in self.requirements if r.id == wanted), None)
