"""The journal folded into the present: what the terminal UI, the reports and a resumed run all read."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from probe.model import event as ev
from probe.model.device import Device
from probe.model.dut import Dut
from probe.model.finding import Finding
from probe.model.ids import DeviceId, JobId
from probe.model.observation import NotMeasured, Observation
from probe.model.run import Job, Run, RunStatus
from probe.model.verdict import Verdict

VerdictKey = tuple[str, str, str, DeviceId]
"""Catalogue, edition, requirement, device."""


@dataclass(slots=True)
class RunState:
    """Mutable on purpose: it is the one accumulator. ``apply`` is its only writer."""

    run: Run | None = None
    status: RunStatus = RunStatus.RUNNING
    status_reason: str = ""
    seq: int = 0
    started_at: float = 0.0
    last_at: float = 0.0
    devices: dict[DeviceId, Device] = field(default_factory=dict)
    jobs: dict[JobId, Job] = field(default_factory=dict)
    job_started: dict[JobId, float] = field(default_factory=dict)
    job_tried: set[JobId] = field(default_factory=set)
    """Started at any time, also when it was opened again since."""
    job_finished: dict[JobId, ev.JobFinished] = field(default_factory=dict)
    observations: dict[str, Observation] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)
    verdicts: dict[VerdictKey, Verdict] = field(default_factory=dict)
    budgets: dict[DeviceId, ev.BudgetSpent] = field(default_factory=dict)
    devices_done: set[DeviceId] = field(default_factory=set)
    notes: list[tuple[float, ev.Noted]] = field(default_factory=list)

    def apply(self, entry: ev.Entry) -> None:  # noqa: C901 - one flat case for each event
        """Take in the next entry of the journal."""
        self.seq, self.last_at = entry.seq, entry.at
        match entry.event:
            case ev.RunStarted(run=run):
                self.run, self.started_at = run, entry.at
            case ev.DeviceSeen(device=device):
                before = self.devices.get(device.id)
                if before is not None and (
                    set(device.addresses) - set(before.addresses)
                    or set(device.unproven) - set(before.unproven)
                ):
                    self.devices_done.discard(device.id)
                self.devices[device.id] = device
            case ev.JobKnown(job=job):
                self.jobs[job.id] = job
            case ev.JobStarted(job=job_id):
                if job_id in self.job_tried:
                    # What an attempt that was broken off said does not stand beside what this one says.
                    self._set_aside(job_id)
                self.job_tried.add(job_id)
                self.job_started[job_id] = entry.at
            case ev.JobFinished(job=job_id) as finished:
                self.job_finished[job_id] = finished
            case ev.JobReopened(job=job_id):
                self._reopen(job_id)
            case ev.Observed(observation=observation):
                self.observations[observation.id] = observation
                # It was said after the last word on the device, which did not know of it.
                self.devices_done.discard(observation.device)
            case ev.Found(finding=finding):
                self.findings[finding.id] = finding
            case ev.Assessed(device=device_id, findings=ids):
                kept = set(ids)
                for old in [f for f in self.findings.values() if f.device == device_id]:
                    if old.id not in kept:
                        del self.findings[old.id]
            case ev.Judged(verdict=v):
                self.verdicts[v.catalogue, v.edition, v.requirement, v.device] = v
            case ev.BudgetSpent() as spent:
                self.budgets[spent.device] = spent
            case ev.DeviceDone(device=device_id):
                self.devices_done.add(device_id)
            case ev.Noted() as noted:
                self.notes.append((entry.at, noted))
            case ev.StatusChanged(status=status, reason=reason):
                self.status, self.status_reason = status, reason

    def _reopen(self, job: JobId) -> None:
        """Of a job that ended its facts count until it begins again, but for its gap; of one that was
        broken off, because the probe had no link, none does."""
        ended = self.job_finished.pop(job, None) is not None
        self.job_started.pop(job, None)
        self._set_aside(job, gaps_only=ended)
        if job in self.jobs:
            self.devices_done.discard(self.jobs[job].device)

    def _set_aside(self, job: JobId, *, gaps_only: bool = False) -> None:
        """What the job recorded counts no more. What outlasts it is kept under an id of its own: the next
        attempt counts from 1 again."""
        mine = [o for o in self.observations.values() if o.id.startswith(f"{job}#")]
        for old in mine:
            if gaps_only and not isinstance(old.fact, NotMeasured):
                continue
            del self.observations[old.id]
            if old.fact.outlasts:
                kept = old.id.replace(f"{job}#", f"{job}~{self.seq}#", 1)
                self.observations[kept] = replace(old, id=kept)

    def failed_jobs(self) -> list[JobId]:
        """Jobs that did not do their work, whoever's doing that is: another sitting tries them again."""
        return [job for job, finished in self.job_finished.items() if not finished.ok]

    def complete(self) -> bool:
        """Whether nothing is left that the run could still do."""
        return not self.failed_jobs() and self.devices_done >= set(self.devices)

    def running_jobs(self) -> list[Job]:
        """Started and not finished, oldest first."""
        return [
            self.jobs[j] for j in self.job_started if j not in self.job_finished and j in self.jobs
        ]

    def dut(self, device: DeviceId) -> Dut:
        """The view that collectors get of one device."""
        return self._dut(device, self.observations.values())

    def dut_among_others(self, device: DeviceId) -> Dut:
        """The view that checks get of one device: beside it stand the others of the run."""
        by_device: dict[DeviceId, list[Observation]] = {}
        for observation in self.observations.values():
            by_device.setdefault(observation.device, []).append(observation)
        others = [self._dut(d, by_device.get(d, ())) for d in self.devices if d != device]
        return self._dut(device, by_device.get(device, ()), others)

    def _dut(
        self, device: DeviceId, observations: Iterable[Observation], others: Iterable[Dut] = ()
    ) -> Dut:
        declaration = None
        if self.run is not None:
            found = self.devices[device]
            declaration = next(
                (d for d in self.run.declarations if d.speaks_for(found.addresses, found.mac)), None
            )
        return Dut(self.devices[device], observations, declaration, others=others)
