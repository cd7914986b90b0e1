"""The checks on a firmware image as cases of a build server: one for each check, with what mends it.

A violation that fails no requirement of the run's catalogues is a sign for a person to judge: skipped, not a
failure, as it does not fail the run either. With ``--fail-on`` it is one from that severity on, and the
checks on the network are cases too.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from probe.model.check import at_least
from probe.model.finding import Outcome
from probe.report.groups import slug
from probe.report.viewmodel import DeviceView, FindingView, ProblemView, ReportView

FAMILY = "firmware/"
MOST = 20
"""Findings of one check that are named."""
_WORST = (
    Outcome.VIOLATED,
    Outcome.ERROR,
    Outcome.INCONCLUSIVE,
    Outcome.SATISFIED,
    Outcome.NOT_APPLICABLE,
)


def suite(view: ReportView, device: DeviceView) -> ET.Element | None:
    """None for a device without an answer of such a check."""
    answers: dict[str, list[FindingView]] = {}
    for finding in device.findings:
        if view.fail_on or finding.check.startswith(FAMILY):
            answers.setdefault(finding.check, []).append(finding)
    if not answers:
        return None
    problems = {p.check: p for p in device.problems}
    made = ET.Element(
        "testsuite",
        name=f"{device.label} - {'checks' if view.fail_on else 'firmware checks'}",
        timestamp=view.run.started.removesuffix(" UTC").replace(" ", "T"),
        time=f"{view.run.duration_s:g}",
        hostname=view.run.host,
    )
    for check, found in sorted(answers.items()):
        made.append(_case(view, device, found, problems.get(check)))
    made.set("tests", str(len(answers)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        made.set(name, str(len(made.findall(f"testcase/{tag}"))))
    return made


def _case(
    view: ReportView, device: DeviceView, found: Sequence[FindingView], problem: ProblemView | None
) -> ET.Element:
    check = found[0].check
    names = (slug(device.id), *check.split("/")[:1])
    case = ET.Element(
        "testcase", classname=".".join(n.replace(".", "_") for n in names), name=check, time="0"
    )
    worst = min((Outcome(f.outcome) for f in found), key=_WORST.index)
    here = [f for f in found if f.outcome == worst]
    if worst is Outcome.SATISFIED:
        return case
    tag = {Outcome.VIOLATED: "failure", Outcome.ERROR: "error"}.get(worst, "skipped")
    grave = problem is not None and at_least(problem.severity, view.fail_on)
    if tag == "failure" and not (grave or (problem and problem.fails)):
        tag = "skipped"
    more = f" And {len(here) - 1} more." if len(here) > 1 else ""
    mend = problem.fix if problem and worst is Outcome.VIOLATED else here[0].settle
    verdict = ET.SubElement(case, tag)
    if tag == "failure" and problem:
        verdict.set("type", problem.severity)
    said = f"{worst}: {here[0].summary}{more}"
    verdict.set("message", f"{said} Fix: {mend}" if worst is Outcome.VIOLATED else said)
    told = [f"{f.outcome}: {f.subject}: {f.summary}" for f in here[:MOST]]
    if len(here) > MOST:
        told.append(f"and {len(here) - MOST} more")
    verdict.text = "\n".join(
        [*told, f"next: {mend or 'nothing'}", f"more: probe show {view.run.id}"]
    )
    return case
