"""Builds the view model of a report from the state of a run. Pure: no clock, no file, one order."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from probe.model.again import command_again
from probe.model.catalogue import Catalogue
from probe.model.check import CheckInfo
from probe.model.declaration import Declaration
from probe.model.device import Device, address_order
from probe.model.dut import Dut
from probe.model.evidence import Evidence, EvidenceRef
from probe.model.firmware import ImageAccount, ImageSecret
from probe.model.given import given_of
from probe.model.ids import CheckId, DeviceId
from probe.model.observation import LoginTest, NotMeasured
from probe.model.run import Authorisation, Run, RunStatus
from probe.model.state import RunState
from probe.model.text import clean
from probe.model.verdict import Verdict
from probe.report.attempts import attempts
from probe.report.inventory import inventory, when
from probe.report.judged import catalogue_view
from probe.report.masks import InImage, Masks
from probe.report.problems import problems
from probe.report.proofs import EvidenceReader, finding_view
from probe.report.scrub import harmless, scrubbed
from probe.report.viewmodel import (
    SCHEMA,
    AttributeView,
    DeclarationView,
    DeviceView,
    EvidenceView,
    GapView,
    MethodView,
    NoteView,
    ReportView,
    RunView,
    SeenView,
)

MAX_LABEL = 60
"""Characters of a device's name in headings and lists."""
MAX_IMAGE = 100
"""The same of an image, whose name has its folders in it."""
ReadEvidence = Callable[[str], tuple[Evidence, bytes] | None]
_COMPLETED = {
    RunStatus.FINISHED: "Every job of the plan was tried.",
    RunStatus.RUNNING: "The run is still going on; this report is a snapshot.",
    RunStatus.PAUSED: "The run is paused; this report is a snapshot.",
    RunStatus.STOPPED: "The run was stopped before its end; what was measured until then is kept.",
    RunStatus.INTERRUPTED: "The run ended without saying so; it can be resumed.",
    RunStatus.FAILED: "The run ended because of an error of the probe or of this machine.",
}


def catalogues_of(state: RunState, available: Mapping[str, Catalogue]) -> list[Catalogue]:
    """The catalogues that the run's plan names, in its order; unknown names are left out."""
    wanted = state.run.plan.catalogues if state.run else ()
    return [available[name] for name in wanted if name in available]


def build_view(
    state: RunState,
    catalogues: Sequence[Catalogue],
    checks: Mapping[CheckId, CheckInfo],
    evidence: ReadEvidence,
    *,
    tool_version: str,
    verdicts: Iterable[Verdict] | None = None,
    secrets: bool = False,
    fail_on: str = "",
    methods: bool = True,
) -> ReportView:
    """Everything that a report says about a run, judged under ``catalogues`` in this order.

    ``verdicts`` are those of the journal unless given (a run that was judged again). A requirement
    without a verdict of the catalogue's edition is counted as NOT TESTED. ``secrets`` shows passwords
    instead of masking them. ``methods`` describes the checks; a screen that does not show them needs not
    read their files. Raises ValueError when the journal has no head.
    """
    if state.run is None:
        raise ValueError("the journal does not begin with RunStarted")
    judged = tuple(state.verdicts.values() if verdicts is None else verdicts)
    run = _run(state, state.run)
    order = sorted(state.devices.values(), key=_device_order)
    tested = [d for d in order if d.id in _touched(state)]
    reader = EvidenceReader(evidence)
    views = tuple(
        _device(number, device, state, run, catalogues, checks, reader, judged, secrets)
        for number, device in enumerate(tested, start=1)
    )
    seen_only = tuple(
        SeenView(id=d.id, label=clean(d.label, MAX_LABEL), mac=d.mac or "", addresses=d.addresses)
        for d in order
        if d not in tested
    )
    return scrubbed(
        ReportView(
            schema=SCHEMA,
            tool_version=tool_version,
            secrets_shown=secrets,
            fail_on=fail_on,
            run=run,
            devices=views,
            seen_only=seen_only,
            checks=_methods(catalogues, checks, views) if methods else (),
            evidence=_evidence(state, tested, reader),
        )
    )


def _touched(state: RunState) -> set[DeviceId]:
    """Devices that something was asked of, beyond being seen."""
    return {
        *state.devices_done,
        *(state.jobs[j].device for j in state.job_started if j in state.jobs),
        *(finding.device for finding in state.findings.values()),
        *(verdict.device for verdict in state.verdicts.values()),
    }


def _device_order(device: Device) -> tuple[tuple[int, int, int], str]:
    first = min((address_order(a) for a in device.addresses), default=(9, 0, 0))
    return (first, device.id)


def _run(state: RunState, run: Run) -> RunView:
    gentle = run.plan.gentleness
    sentence = _COMPLETED[state.status]
    if state.status_reason:
        sentence += f" Reason: {state.status_reason}"
    return RunView(
        id=run.id,
        status=state.status.value,
        completed=state.status is RunStatus.FINISHED,
        status_sentence=sentence,
        started=when(run.started_at),
        last_entry=when(state.last_at),
        duration_s=round(max(0.0, state.last_at - run.started_at), 1),
        operator=run.operator,
        authorisation=_authorisation(run.authorisation),
        host=run.host,
        interface=run.scope.interface,
        networks=(
            *run.scope.networks,
            *(f"{w.address} on {w.interface}" for w in run.scope.wan),
        ),
        targets=run.scope.targets,
        plan=run.plan.name,
        plan_summary=run.plan.summary,
        gentleness=(
            f"{gentle.connections_at_once} connection(s) at once, at most"
            f" {gentle.packets_per_s:g} packets/s and {gentle.logins_per_device} logins per device"
        ),
        tool_version=run.tool_version,
        note=run.note,
        jobs_known=len(state.jobs),
        jobs_done=len(state.job_finished),
        jobs_failed=sum(not done.ok for done in state.job_finished.values()),
        notes=tuple(NoteView(at=when(at), level=n.level, text=n.text) for at, n in state.notes),
    )


def _authorisation(given: Authorisation | None) -> str:
    if given is None:
        return "none: no login and no test that may disturb was to be made"
    acts = [*(["documented default logins"] if given.logins else []), *given.permits]
    what = f"{', '.join(acts)} on {', '.join(given.devices) or 'the interface'}"
    return f"{given.by or 'not named'}, for {what}; recorded {when(given.at)}"


def _device(
    number: int,
    device: Device,
    state: RunState,
    run: RunView,
    catalogues: Sequence[Catalogue],
    checks: Mapping[CheckId, CheckInfo],
    reader: EvidenceReader,
    verdicts: Sequence[Verdict],
    secrets: bool,
) -> DeviceView:
    dut = state.dut(device.id)
    done = device.id in state.devices_done
    findings = sorted(
        (f for f in state.findings.values() if f.device == device.id),
        key=lambda f: (f.check, f.answer.subject),
    )
    judged = tuple(
        catalogue_view(
            catalogue,
            [v for v in verdicts if v.device == device.id and v.catalogue == catalogue.id],
            findings,
            checks,
            dut.declaration,
            run,
            device_done=done,
            given=given_of(device),
            planned=state.run is None or catalogue.id in state.run.plan.catalogues,
        )
        for catalogue in catalogues
    )
    again = command_again(state.run, device) if state.run is not None else ""
    declared = [dut.declaration] if dut.declaration else []
    images: list[InImage] = [*dut.all(ImageAccount), *dut.all(ImageSecret)]
    masks = Masks(dut.all(LoginTest), declared, images, shown=secrets)
    spent = state.budgets.get(device.id)
    view = DeviceView(
        number=number,
        id=device.id,
        label=clean(device.label, MAX_IMAGE if device.is_image_only else MAX_LABEL),
        mac=device.mac or "",
        addresses=device.addresses,
        attributes=tuple(
            AttributeView(name=a.name, value=a.value, source=a.source) for a in device.attributes
        ),
        seen_by=device.seen_by,
        done=done,
        spent=(
            f"{spent.packets} packets, {spent.connections} connections, {spent.logins} logins"
            + (f", {spent.guesses} guesses" if spent.guesses else "")
            if spent
            else ""
        ),
        declaration=_declaration(dut.declaration),
        catalogues=judged,
        problems=problems(findings, judged, checks, again),
        gaps=_gaps(dut),
        findings=tuple(finding_view(f, reader, masks.bytes_of) for f in findings),
        inventory=inventory(dut, secrets=secrets),
        attempts=attempts(dut, secrets=secrets),
    )
    return scrubbed(view, lambda text: masks.text(harmless(text)))


def _declaration(declaration: Declaration | None) -> DeclarationView | None:
    if declaration is None:
        return None
    return DeclarationView(
        product=declaration.product,
        manufacturer=declaration.manufacturer,
        model=declaration.model,
        firmware=declaration.firmware,
        sha256=declaration.sha256,
    )


def _gaps(dut: Dut) -> tuple[GapView, ...]:
    missed = [seen.fact for seen in dut.all(NotMeasured)]
    gaps = [
        GapView(what=f"{m.collector}: {m.subject}", reason=m.reason, owner=m.owner, settle=m.settle)
        for m in missed
    ]
    return tuple(dict.fromkeys(gaps))


def _methods(
    catalogues: Sequence[Catalogue],
    checks: Mapping[CheckId, CheckInfo],
    devices: Sequence[DeviceView],
) -> tuple[MethodView, ...]:
    cited = {m.check for c in catalogues for r in c.requirements for m in r.checks}
    cited |= {CheckId(f.check) for device in devices for f in device.findings}
    return tuple(
        MethodView(
            id=info.id,
            question=info.question,
            severity=info.severity,
            policy=info.policy,
            observes=info.observes,
            limitations=info.limitations,
            references=info.references,
        )
        for info in (checks[c] for c in sorted(cited) if c in checks)
    )


def _evidence(
    state: RunState, tested: Sequence[Device], reader: EvidenceReader
) -> tuple[EvidenceView, ...]:
    """Every evidence that an observation or a finding of a tested device points at, oldest first."""
    numbers = {device.id: number for number, device in enumerate(tested, start=1)}
    speaks: dict[str, set[int]] = {}
    proofs: list[tuple[DeviceId, Iterable[object]]] = [
        *((o.device, o.proof) for o in state.observations.values()),
        *((f.device, f.answer.proof) for f in state.findings.values()),
    ]
    for device, refs in proofs:
        for ref in refs:
            if isinstance(ref, EvidenceRef) and device in numbers:
                speaks.setdefault(ref.sha256, set()).add(numbers[device])
    labels = {sha256: reader.label(sha256) for sha256 in speaks}
    # By the whole time, and what was kept at one moment in the order in which it is spoken of: two runs that
    # see the same say the same.
    ordered = sorted(labels.items(), key=lambda one: one[1].captured_at if one[1] else 0.0)
    return tuple(
        EvidenceView(
            sha256=sha256,
            size=label.size if label else None,
            media_type=label.media_type if label else "",
            caption=label.caption if label else "not in the store",
            collector=label.collector if label else "",
            captured=when(label.captured_at) if label else "",
            devices=tuple(sorted(speaks[sha256])),
        )
        for sha256, label in ordered
    )
