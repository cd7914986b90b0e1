"""What the screens show, worked out from the run's state by pure functions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probe.model.again import command_again
from probe.model.catalogue import Catalogue, Requirement
from probe.model.check import SEVERITIES, CheckInfo
from probe.model.device import Device
from probe.model.finding import Finding, Outcome
from probe.model.firmware import ImageLayer
from probe.model.ids import CheckId, DeviceId, RequirementId
from probe.model.job import Job
from probe.model.state import RunState
from probe.model.verdict import SEVERITY, Status, Verdict, combine

EditionKey = tuple[str, str]
"""Catalogue id and edition."""


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One line of the device table."""

    device: Device
    done: int
    """Jobs tried, well or not."""
    known: int
    running: int
    finished: bool
    """Every job of the plan was tried."""
    worst: Status
    counts: Mapping[Status, int]


@dataclass(frozen=True, slots=True)
class RequirementView:
    """A requirement with the verdicts on it, worst first."""

    requirement: Requirement
    status: Status
    verdicts: tuple[Verdict, ...]
    severity: str
    """Of the worst violated check; empty when none is violated."""
    words: str
    """Everything that a filter word is looked for in, lower case."""

    @property
    def reason(self) -> str:
        return self.verdicts[0].reason if self.verdicts else "Not judged yet."


def editions(state: RunState, catalogues: Mapping[str, Catalogue]) -> list[Catalogue]:
    """The catalogues of this run: those of its plan, then others that have verdicts.

    Verdicts on an edition that is not shipped any more get a catalogue made of what they say, so that
    an old run never looks empty.
    """
    judged: dict[EditionKey, dict[str, None]] = defaultdict(dict)
    for catalogue, edition, requirement, _ in state.verdicts:
        judged[catalogue, edition][requirement] = None
    planned = state.run.plan.catalogues if state.run else ()
    shown = {
        (c.id, c.edition): c
        for c in (catalogues[name] for name in planned if name in catalogues)
        if (c.id, c.edition) in judged or not any(key[0] == c.id for key in judged)
    }
    for (name, edition), requirements in judged.items():
        shipped = catalogues.get(name)
        if shipped is not None and shipped.edition == edition:
            shown.setdefault((name, edition), shipped)
        elif (name, edition) not in shown:
            shown[name, edition] = _from_verdicts(name, edition, requirements)
    return list(shown.values())


def _from_verdicts(name: str, edition: str, requirements: Iterable[str]) -> Catalogue:
    return Catalogue(
        id=name,
        title=name,
        edition=edition,
        publisher="",
        published="",
        note="This edition is not part of the installed version of the probe.",
        sources=(),
        requirements=tuple(
            Requirement(id=RequirementId(r), title="", level="", mandatory=True)
            for r in requirements
        ),
    )


def device_views(state: RunState, catalogue: Catalogue | None) -> list[DeviceView]:
    """All devices in the order in which they appeared; counts are under ``catalogue``."""
    done: Counter[DeviceId] = Counter()
    known: Counter[DeviceId] = Counter()
    running: Counter[DeviceId] = Counter()
    for job in state.jobs.values():
        known[job.device] += 1
        if job.id in state.job_finished:
            done[job.device] += 1
        elif job.id in state.job_started:
            running[job.device] += 1
    statuses = _statuses(state, catalogue)
    return [
        DeviceView(
            device=device,
            done=done[device.id],
            known=known[device.id],
            running=running[device.id],
            finished=device.id in state.devices_done,
            worst=combine(statuses[device.id]),
            counts=Counter(statuses[device.id]),
        )
        for device in state.devices.values()
    ]


def _statuses(state: RunState, catalogue: Catalogue | None) -> dict[DeviceId, list[Status]]:
    """For each device the status of every requirement; what was not judged is not tested."""
    if catalogue is None:
        return {device: [] for device in state.devices}
    return {
        device: [
            v.status
            if (v := state.verdicts.get((catalogue.id, catalogue.edition, r.id, device)))
            else Status.NOT_TESTED
            for r in catalogue.requirements
        ]
        for device in state.devices
    }


def requirement_views(
    state: RunState,
    catalogue: Catalogue,
    devices: Sequence[DeviceId],
    checks: Mapping[CheckId, CheckInfo],
) -> list[RequirementView]:
    """Every requirement of the catalogue in its order, judged over these devices, worst wins."""
    return [_requirement(state, catalogue, r, devices, checks) for r in catalogue.requirements]


def _requirement(
    state: RunState,
    catalogue: Catalogue,
    requirement: Requirement,
    devices: Sequence[DeviceId],
    checks: Mapping[CheckId, CheckInfo],
) -> RequirementView:
    found = (
        state.verdicts.get((catalogue.id, catalogue.edition, requirement.id, d)) for d in devices
    )
    verdicts = sorted(filter(None, found), key=lambda v: -SEVERITY[v.status])
    violated = [
        info.severity
        for v in verdicts
        for f in (state.findings.get(name) for name in v.findings)
        if f is not None
        and f.answer.outcome is Outcome.VIOLATED
        and (info := checks.get(f.check)) is not None
    ]
    statuses = [v.status for v in verdicts] + [Status.NOT_TESTED] * (len(devices) - len(verdicts))
    words = [requirement.id, requirement.title, requirement.section, requirement.plain]
    words += [v.reason for v in verdicts] + [m.check for m in requirement.checks]
    return RequirementView(
        requirement=requirement,
        status=combine(statuses),
        verdicts=tuple(verdicts),
        severity=min(violated, key=severity_rank, default=""),
        words=" ".join(words).lower(),
    )


def severity_rank(severity: str) -> int:
    """0 for critical; unknown words come last."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def totals(views: Iterable[RequirementView]) -> dict[Status, int]:
    """How many requirements have each status. Every status is there; the sum is their number."""
    counted = Counter(v.status for v in views)
    return {status: counted.get(status, 0) for status in Status}


def findings_of(state: RunState, device: DeviceId) -> list[Finding]:
    """The device's findings, violations first."""
    rank = {
        Outcome.VIOLATED: 0,
        Outcome.ERROR: 1,
        Outcome.INCONCLUSIVE: 2,
        Outcome.SATISFIED: 3,
        Outcome.NOT_APPLICABLE: 4,
    }
    found = [f for f in state.findings.values() if f.device == device]
    return sorted(found, key=lambda f: (rank[f.answer.outcome], f.id))


def vendor_of(device: Device) -> str:
    attribute = device.get("vendor") or device.get("mac-note")
    return attribute.value if attribute else ""


def addresses_of(device: Device) -> str:
    """The first address, and how many more there are."""
    if not device.addresses:
        return device.mac or ""
    more = len(device.addresses) - 1
    return device.addresses[0] + (f" +{more}" if more else "")


def clock(seconds: float) -> str:
    """A span of time: ``0:07``, ``12:34``, ``1:02:03``."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def doing(state: RunState, job: Job) -> str:
    """What the job does; of an image how far it was read, which may take minutes."""
    if job.collector != "firmware":
        return job.title
    mine = f"{job.id}#"
    facts = [o.fact for o in state.observations.values() if o.id.startswith(mine)]
    layers = sum(isinstance(fact, ImageLayer) for fact in facts)
    return f"{layers} layers, {len(facts)} facts: {job.title}" if facts else job.title


def reproduce(state: RunState, finding: Finding) -> str:
    """The command that puts the same question to the same device again."""
    return command_again(state.run, state.devices.get(finding.device)) if state.run else ""
