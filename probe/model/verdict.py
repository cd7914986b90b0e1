"""The judgement of one requirement, and the arithmetic that may never round an unknown up."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from probe.model.ids import DeviceId, RequirementId


class Status(StrEnum):
    """Ordered by ``SEVERITY``: worst wins."""

    FAIL = "FAIL"
    ERROR = "ERROR"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_TESTED = "NOT TESTED"
    PASS = "PASS"
    NOT_APPLICABLE = "N/A"


SEVERITY = {
    Status.FAIL: 5,
    Status.ERROR: 4,
    Status.INCONCLUSIVE: 3,
    Status.NOT_TESTED: 2,
    Status.PASS: 1,
    Status.NOT_APPLICABLE: 0,
}


def combine(statuses: Iterable[Status]) -> Status:
    """The status of a whole from its parts: the worst one.

    NOT_APPLICABLE parts do not count; with nothing left, or nothing at all, the whole is NOT_TESTED,
    so an empty list is never a pass. All parts not applicable gives NOT_APPLICABLE.
    """
    parts = list(statuses)
    if not parts:
        return Status.NOT_TESTED
    return max(parts, key=SEVERITY.__getitem__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One requirement, one device, one catalogue edition."""

    catalogue: str
    edition: str
    requirement: RequirementId
    device: DeviceId
    status: Status
    reason: str
    """One sentence; for a PASS the sentence that limits it."""
    findings: tuple[str, ...] = ()
    """Ids of the findings that were weighed, worst first."""
    settle: tuple[str, ...] = ()
    """What would turn an unknown into a verdict, most useful first. Never empty for an unknown."""
    manual_owed: bool = False
    """True when the manual procedure still has to be done by a person."""
