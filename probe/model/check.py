"""What is known about a check without running it: the content of its TOML file."""

from dataclasses import dataclass

from probe.model.ids import CheckId

SEVERITIES = ("critical", "high", "medium", "low", "info")
"""Worst first."""


def at_least(severity: str, least: str) -> bool:
    """Whether a severity is as grave as ``least``; nothing is when that is empty."""
    return bool(least) and SEVERITIES.index(severity) <= SEVERITIES.index(least)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInfo:
    """The question, why it matters, what to do, and what the check cannot see."""

    id: CheckId
    question: str
    """Yes/no, phrased so that yes is good."""
    why: str
    fix: str
    """For the engineer of the manufacturer."""
    plain_risk: str
    """One sentence for a buyer."""
    ask: str = ""
    """The question that a buyer can put to the manufacturer; every check of access and exposure has one."""
    severity: str
    """One of ``SEVERITIES``."""
    effort: str
    """To fix: ``hours``, ``days`` or ``weeks``."""
    observes: tuple[str, ...]
    """Names of the facts that the check reads, e.g. ``PortScan``; ``Declaration`` for the ICS/IXIT."""
    limitations: tuple[str, ...]
    references: tuple[str, ...] = ()
    """Clauses and RFC sections behind the question."""
    policy: str = ""
    compares: bool = False
    """Looks at the other devices of the run too, so that it is asked again when more is known of them.
    It can show that two devices share something, never that none does: its best answer is inconclusive."""
    informational: bool = False
    """True when no catalogue needs to cite it."""
