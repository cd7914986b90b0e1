"""What is known about a check without running it: the content of its TOML file."""

from dataclasses import dataclass

from probe.model.ids import CheckId


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
    severity: str
    """``critical``, ``high``, ``medium``, ``low`` or ``info``."""
    effort: str
    """To fix: ``hours``, ``days`` or ``weeks``."""
    observes: tuple[str, ...]
    """Names of the facts that the check reads, e.g. ``PortScan``; ``Declaration`` for the ICS/IXIT."""
    limitations: tuple[str, ...]
    references: tuple[str, ...] = ()
    """Clauses and RFC sections behind the question."""
    policy: str = ""
    informational: bool = False
    """True when no catalogue needs to cite it."""
