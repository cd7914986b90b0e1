"""Plain text for a terminal, a pipe or a screen reader: one fact a line, no colour, no boxes.

Lines are wrapped at 80 columns; commands, hashes and evidence stay whole so that they can be copied.
"""

import difflib
from collections.abc import Iterable

from probe.errors import ProbeError
from probe.model.summary import RunSummary
from probe.model.text import clean
from probe.model.verdict import Status
from probe.report.firmware_text import images
from probe.report.groups import owed_by_catalogue, short_name, unknown_groups, ways_to_settle
from probe.report.inventory import when
from probe.report.lines import Lines, fact, wrap
from probe.report.viewmodel import (
    CatalogueView,
    DeviceView,
    FindingView,
    ProblemView,
    ReportView,
    RequirementView,
)


def render(view: ReportView) -> bytes:
    """The ``text`` format: the whole run."""
    return show_run(view).encode("utf-8")


def summary(view: ReportView, report: str = "") -> str:
    """The short result after a run: counts, failures one line each, where the report is."""
    return _text(_summary(view, report))


def show_run(view: ReportView) -> str:
    """The run, each device under each catalogue, what to mend, what is not known, what is owed."""
    return _text(_show_run(view))


def show_requirement(view: ReportView, requirement_id: str) -> str:
    """One requirement on every device: verdict, findings, evidence, next steps, manual procedure.

    ``catalogue:id`` names one catalogue's requirement, ``id`` alone that of every catalogue in the
    report. Raises ProbeError, with the nearest ids, when there is none.
    """
    name, colon, rest = requirement_id.rpartition(":")
    found = [
        (device, catalogue, requirement)
        for device in view.devices
        for catalogue in device.catalogues
        for requirement in catalogue.requirements
        if (requirement.id == requirement_id)
        or (colon and requirement.id == rest and catalogue.id == name)
    ]
    if not found:
        raise _unknown_requirement(view, requirement_id)
    return _text(
        line
        for place, (device, catalogue, requirement) in enumerate(found)
        for line in (*([""] if place else []), *_requirement(device, catalogue, requirement))
    )


def runs_table(runs: Iterable[RunSummary]) -> str:
    """One line for each run in the order given."""
    rows = [("RUN", "STARTED", "STATUS", "INTERFACE", "PLAN", "DEVICES", "FAIL VERDICTS")]
    rows += [
        (
            clean(run.id),
            when(run.started_at),
            run.status.value if run.status else "",
            clean(run.interface),
            clean(run.plan),
            "" if run.devices is None else str(run.devices),
            str(run.counts.get(Status.FAIL, 0)),
        )
        for run in runs
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows)
    return _text(lines) if len(rows) > 1 else "There is no run yet.\n"


# --- parts ---------------------------------------------------------------------------------------


def _summary(view: ReportView, report: str) -> Lines:
    run = view.run
    yield from fact("Run", f"{run.id}, {run.status}. {run.status_sentence}")
    if not view.devices:
        yield "No device was tested."
    for device in view.devices:
        yield ""
        yield from fact("Device", _name(device))
        for catalogue in device.catalogues:
            yield from _result(catalogue)
        for problem in device.problems:
            if problem.fails:
                yield from wrap(_failure(device, problem), "  FAIL  ", "        ")
    if view.seen_only:
        yield ""
        yield from fact("Seen, not tested", ", ".join(s.label for s in view.seen_only))
    yield ""
    yield f"More: probe show {run.id}"
    if report:
        yield f"Report: {report}"


def _name(device: DeviceView) -> str:
    others = [a for a in device.addresses if a != device.label]
    aside = ", ".join([*others[:3], *([f"{len(others) - 3} more"] if len(others) > 3 else [])])
    return f"{device.label} ({aside})" if aside else device.label


def _result(catalogue: CatalogueView) -> Lines:
    yield from fact(short_name(catalogue), catalogue.overall, indent="  ")
    counted = ", ".join(f"{c.all} {c.status}" for c in catalogue.counts if c.all)
    yield from wrap(f"{catalogue.total} requirements: {counted}.", "    ", "    ")
    yield from wrap(catalogue.limit, "    ", "    ")


def _failure(device: DeviceView, problem: ProblemView) -> str:
    named = ", ".join(dict.fromkeys(f"{r.catalogue} {r.requirement}" for r in problem.fails))
    found = [f for f in device.findings if f.id in problem.findings]
    said = found[0].summary if found else problem.why
    more = f" And {len(found) - 1} more." if len(found) > 1 else ""
    return f"{said}{more} [{named}]"


def _show_run(view: ReportView) -> Lines:
    run = view.run
    yield from fact("Run", run.id)
    yield from fact("Status", f"{run.status}. {run.status_sentence}")
    yield from fact("Started", f"{run.started}, took {run.duration_s:g} s")
    yield from fact("Operator", run.operator or "not named")
    yield from fact("Authorised by", run.authorisation)
    where = f"interface {run.interface}" if run.interface else "firmware images only, no network"
    yield from fact("Where", f"{run.host or 'host not named'}, {where}")
    if run.interface:
        yield from fact("Scope", ", ".join((*run.networks, *run.targets)) or "the interface")
    yield from fact("Plan", " - ".join(filter(None, (run.plan, run.plan_summary))))
    yield from fact("Jobs", f"{run.jobs_done} of {run.jobs_known} done, {run.jobs_failed} failed")
    yield from fact("Measured with", f"probe {run.tool_version}")
    for note in run.notes:
        yield from fact(f"Note, {note.level}, {note.at}", note.text)
    for device in view.devices:
        yield ""
        yield from _device(device)
    if view.seen_only:
        yield ""
        yield from fact("Seen, not tested", ", ".join(s.label for s in view.seen_only))


def _device(device: DeviceView) -> Lines:
    yield from fact("DEVICE", _name(device))
    if device.mac:
        yield from fact("MAC address", device.mac, indent="  ")
    for attribute in device.attributes:
        yield from fact(
            attribute.name, f"{attribute.value} (said by {attribute.source})", indent="  "
        )
    for catalogue in device.catalogues:
        yield ""
        yield from _result(catalogue)
    yield from images(device)
    for problem in device.problems:
        yield ""
        yield from _problem(device, problem)
    for catalogue in device.catalogues:
        yield from _unknown(catalogue)
    yield from _settling(device)
    for catalogue, requirements in owed_by_catalogue(device):
        yield ""
        ids = ", ".join(r.id for r in requirements)
        yield from fact(f"To do by hand for {short_name(catalogue)}", ids, indent="  ")
    for settle in dict.fromkeys(gap.settle for gap in device.gaps):
        yield ""
        for gap in (g for g in device.gaps if g.settle == settle):
            said = f"{gap.what}. {gap.reason} (cause: {gap.owner})"
            yield from fact("Not measured", said, indent="  ")
        yield from fact("To settle it", settle, indent="    ")
    yield from _attempts(device)


def _attempts(device: DeviceView) -> Lines:
    """One attempt in two lines, and its evidence whole."""
    if device.attempts:
        yield ""
        yield from fact("Login attempts", str(len(device.attempts)), indent="  ")
    for a in device.attempts:
        who = f"account '{a.account}', " if a.account else ""
        origin = f" [{a.origin}]" if a.origin else ""
        said = f"{a.answer}, {a.seconds:g} s{f': {a.detail}' if a.detail else ''}"
        yield from wrap(
            f"{a.at}, {a.service}, {a.method}: {a.purpose}, {who}presented {a.presented}{origin}; {said}",
            f"    {a.number:>3}. ",
            "         ",
        )
        for sha256 in a.proof:
            yield f"         sha256 {sha256}"


def _problem(device: DeviceView, problem: ProblemView) -> Lines:
    yield from fact("FAIL" if problem.fails else "SIGN", problem.question + " No.", indent="  ")
    for finding in device.findings:
        if finding.id in problem.findings:
            yield from fact(finding.subject, finding.summary, indent="    ")
    if not problem.findings:
        yield from fact("Found", problem.why, indent="    ")
    named = ", ".join(f"{r.catalogue} {r.requirement}" for r in problem.fails)
    for label, text in (
        ("Fails", named),
        ("Risk", problem.risk),
        ("Fix", problem.fix),
        ("Ask", problem.ask),
        ("Effort", problem.effort),
    ):
        if text:
            yield from fact(label, text, indent="    ")
    for command in problem.reproduce:
        yield f"    $ {command}"


def _unknown(catalogue: CatalogueView) -> Lines:
    for group in unknown_groups(catalogue):
        yield ""
        ids = ", ".join(r.id for r in group.requirements)
        yield from fact(group.status, f"{short_name(catalogue)}: {ids}", indent="  ")
        yield from fact("Why", group.reason, indent="    ")


def _settling(device: DeviceView) -> Lines:
    """What would settle what is not known: each way once, with the requirements that it settles."""
    settled = ways_to_settle(device)
    if settled:
        yield ""
        yield "  To settle what is not known:"
    for way, named in settled.items():
        ids = "; ".join(f"{catalogue} {', '.join(which)}" for catalogue, which in named.items())
        yield from wrap(f"{ids}: {way}", "    ", "      ")


def _requirement(
    device: DeviceView, catalogue: CatalogueView, requirement: RequirementView
) -> Lines:
    yield from fact("Device", _name(device))
    yield from fact("Catalogue", f"{catalogue.title}, {catalogue.edition}")
    yield from fact("Requirement", f"{requirement.id} {requirement.title}")
    kind = "mandatory" if requirement.mandatory else "not mandatory"
    yield from fact("Level", f"{requirement.level} ({kind})")
    for label, text in (
        ("Applies when", requirement.condition),
        ("In plain words", requirement.plain),
        ("Catalogue entry", requirement.confidence),
        ("Remark", requirement.note),
    ):
        if text:
            yield from fact(label, text)
    yield from fact("Verdict", requirement.status)
    yield from fact("Reason", requirement.reason)
    for step in requirement.settle:
        yield from fact("Next", step)
    for mapping in requirement.mappings:
        yield from fact("Check", f"{mapping.check}, {mapping.strength}: {mapping.outcome}")
    by_id = {finding.id: finding for finding in device.findings}
    for finding in (by_id[f] for f in requirement.findings if f in by_id):
        yield ""
        yield from _finding(finding)
    if requirement.manual:
        yield ""
        yield "By hand (still owed):" if requirement.manual_owed else "By hand:"
        for number, step in enumerate(requirement.manual, start=1):
            yield from wrap(step, f"  {number}. ", "     ")


def _finding(finding: FindingView) -> Lines:
    yield from fact("Finding", f"{finding.outcome}, {finding.subject}")
    yield from wrap(finding.summary, "  ", "  ")
    yield from fact("Check", finding.check, indent="  ")
    for label, text in (
        ("Policy", finding.policy),
        ("Whose doing", finding.owner),
        ("To settle it", finding.settle),
    ):
        if text:
            yield from fact(label, text, indent="  ")
    for proof in finding.proof:
        yield from fact("Proof" if proof.sha256 else "Tried", proof.text or "bytes", indent="  ")
        if proof.sha256:
            yield f"    sha256 {proof.sha256}"
        for line in proof.excerpt:
            yield f"    | {line[: 100 - 6]}"


# --- lines ---------------------------------------------------------------------------------------


def _text(lines: Iterable[str]) -> str:
    return "".join(line.rstrip() + "\n" for line in lines)


def _unknown_requirement(view: ReportView, wanted: str) -> ProbeError:
    ids = sorted({r.id for d in view.devices for c in d.catalogues for r in c.requirements})
    near = difflib.get_close_matches(wanted, ids, n=3, cutoff=0.5)
    hint = f"Did you mean {', '.join(near)}?" if near else f"There are {len(ids)} ids in this run."
    return ProbeError(
        f"No requirement '{clean(wanted, 60)}' in the catalogues of run {view.run.id}",
        f"{hint} List them with: probe show {view.run.id}",
    )
