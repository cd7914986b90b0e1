"""The journal as lines for people: what happened, to which device, and where Enter leads."""

import time
from dataclasses import dataclass

from probe.model import event as ev
from probe.model.finding import Outcome
from probe.model.state import RunState
from probe.model.verdict import Status
from probe.tui.blocks import Target
from probe.tui.glyphs import OUTCOME_STATUS, STATUS_GLYPH, STATUS_ROLE
from probe.tui.spans import Line


@dataclass(frozen=True, slots=True)
class LogLine:
    seq: int
    at: float
    kind: str
    """``device``, ``job``, ``seen``, ``finding``, ``verdict``, ``note`` or ``run``."""
    level: str
    """``info``, ``warning`` or ``error``."""
    device: str
    """Its id; empty when the line is about the run."""
    text: Line
    target: Target | None = None

    @property
    def time(self) -> str:
        """Local time of day."""
        return time.strftime("%H:%M:%S", time.localtime(self.at))


LEVEL_ROLE = {"info": "", "warning": "unknown", "error": "fail"}


def describe(entry: ev.Entry, state: RunState) -> LogLine | None:
    """The line for an entry, or None when it says nothing to a person by itself."""
    event = entry.event
    match event:
        case ev.RunStarted():
            return _line(entry, "run", (("Run started", "strong"),))
        case ev.StatusChanged(status=status, reason=reason):
            said = f"Run {status}" + (f": {reason}" if reason else "")
            return _line(entry, "run", ((said, "strong"),))
        case ev.Noted(level=level, text=text):
            return _line(entry, "note", ((text, LEVEL_ROLE.get(level, "")),), level=level)
        case ev.DeviceSeen():
            return _device_seen(entry, event)
        case ev.DeviceDone(device=device):
            return _line(entry, "device", (("All tests done", "strong"),), device)
        case ev.JobStarted(job=job) if job in state.jobs:
            known = state.jobs[job]
            return _line(entry, "job", (("Started   ", "dim"), (known.title, "")), known.device)
        case ev.JobFinished():
            return _job_finished(entry, event, state)
        case ev.Found():
            return _found(entry, event)
        case ev.Judged(verdict=verdict) if verdict.status is not Status.NOT_TESTED:
            glyph = f"{STATUS_GLYPH[verdict.status]} {verdict.status}"
            weighed: Line = (
                (glyph + "  ", STATUS_ROLE[verdict.status]),
                (f"{verdict.requirement}  ", ""),
            )
            target = ("verdict", verdict.catalogue, verdict.edition, verdict.requirement)
            return _line(
                entry,
                "verdict",
                (*weighed, (verdict.reason, "dim")),
                verdict.device,
                target=(*target, verdict.device),
            )
    return None


def _line(
    entry: ev.Entry,
    kind: str,
    text: Line,
    device: str = "",
    *,
    level: str = "info",
    target: Target | None = None,
) -> LogLine:
    if target is None and device:
        target = ("device", device)
    return LogLine(entry.seq, entry.at, kind, level, device, text, target)


def _device_seen(entry: ev.Entry, event: ev.DeviceSeen) -> LogLine:
    device = event.device
    by = f"  by {', '.join(device.seen_by)}" if device.seen_by else ""
    addresses = ", ".join(device.addresses[:3])
    text: Line = (("Seen  ", "accent"), (addresses, ""), (by, "dim"))
    return _line(entry, "device", text, device.id)


def _job_finished(entry: ev.Entry, event: ev.JobFinished, state: RunState) -> LogLine | None:
    job = state.jobs.get(event.job)
    if job is None:
        return None
    if event.ok:
        return _line(entry, "job", (("Done      ", "dim"), (job.title, "dim")), job.device)
    owner = f" (cause: {event.owner})" if event.owner else ""
    text: Line = (
        ("No result ", "unknown"),
        (job.title, ""),
        (f"  {event.reason}{owner}", "dim"),
    )
    return _line(entry, "job", text, job.device, level="warning")


def _found(entry: ev.Entry, event: ev.Found) -> LogLine | None:
    finding = event.finding
    if finding.answer.outcome is Outcome.NOT_APPLICABLE:
        return None
    status = OUTCOME_STATUS[finding.answer.outcome]
    text: Line = (
        (f"{STATUS_GLYPH[status]} {finding.answer.outcome}  ", STATUS_ROLE[status]),
        (f"{finding.check}  ", ""),
        (finding.answer.summary, "dim"),
    )
    level = "error" if finding.answer.outcome is Outcome.ERROR else "info"
    target = ("finding", finding.id)
    return _line(entry, "finding", text, finding.device, level=level, target=target)
