"""What a list of runs tells of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from probe.model.run import RunStatus
from probe.model.verdict import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One line of the list of runs."""

    id: str
    started_at: float
    """Unix time in seconds, UTC."""
    status: RunStatus | None = None
    """None when it is not known without reading the journal."""
    interface: str
    plan: str
    devices: int | None = None
    counts: Mapping[Status, int] = field(default_factory=dict)
    """Verdicts by status, over all devices and catalogues."""
