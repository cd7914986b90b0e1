"""One device under one catalogue in the view: requirements, counts, decisions, the limiting sentence."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from probe.model.catalogue import Catalogue, Requirement
from probe.model.check import CheckInfo
from probe.model.declaration import Declaration
from probe.model.finding import Finding, Outcome
from probe.model.given import Given
from probe.model.ids import CheckId
from probe.model.verdict import Status, Verdict, combine
from probe.report.limits import limit
from probe.report.viewmodel import (
    CatalogueView,
    CountView,
    DecisionView,
    MappingView,
    RequirementView,
    RunView,
)

_WORST = (
    Outcome.VIOLATED,
    Outcome.ERROR,
    Outcome.INCONCLUSIVE,
    Outcome.SATISFIED,
    Outcome.NOT_APPLICABLE,
)
_STEP = re.compile(r"(?:^|\s)\(?\d{1,2}[.)]\s+")


def catalogue_view(
    catalogue: Catalogue,
    verdicts: Iterable[Verdict],
    findings: Sequence[Finding],
    checks: Mapping[CheckId, CheckInfo],
    declaration: Declaration | None,
    run: RunView,
    *,
    device_done: bool,
    given: Given,
    planned: bool = True,
) -> CatalogueView:
    """Every requirement of the catalogue in its order, also those without a verdict.

    ``planned`` is False when the run was judged again under a catalogue that is not in its plan.
    """
    by_id: dict[str, Verdict] = {
        v.requirement: v for v in verdicts if v.edition == catalogue.edition
    }
    outcomes: dict[CheckId, Outcome] = {}
    for finding in findings:
        before = outcomes.get(finding.check, finding.answer.outcome)
        outcomes[finding.check] = min(before, finding.answer.outcome, key=_WORST.index)
    requirements = tuple(
        _requirement(catalogue, r, by_id.get(r.id), outcomes, checks, run, given, planned)
        for r in catalogue.requirements
    )
    every = {s: sum(r.status == s for r in requirements) for s in Status}
    mandatory = {s: sum(r.status == s and r.mandatory for r in requirements) for s in Status}
    overall = combine(Status(r.status) for r in requirements if r.mandatory)
    return CatalogueView(
        id=catalogue.id,
        title=catalogue.title,
        edition=catalogue.edition,
        publisher=catalogue.publisher,
        published=catalogue.published,
        note=catalogue.note,
        sources=catalogue.sources,
        overall=overall.value,
        limit=limit(overall, mandatory, every, run, device_done=device_done),
        counts=tuple(
            CountView(status=s.value, all=every[s], mandatory=mandatory[s]) for s in Status
        ),
        total=len(requirements),
        total_mandatory=sum(mandatory.values()),
        decisions=tuple(_decisions(catalogue, requirements, declaration)),
        requirements=requirements,
    )


def _requirement(
    catalogue: Catalogue,
    requirement: Requirement,
    verdict: Verdict | None,
    outcomes: Mapping[CheckId, Outcome],
    checks: Mapping[CheckId, CheckInfo],
    run: RunView,
    given: Given,
    planned: bool,
) -> RequirementView:
    judge_it = shlex.join(["probe", "judge", run.id, "--catalogue", catalogue.id])
    status = verdict.status if verdict else Status.NOT_TESTED
    return RequirementView(
        id=requirement.id,
        title=requirement.title,
        section=requirement.section,
        level=requirement.level,
        mandatory=requirement.mandatory,
        condition=requirement.condition,
        plain=requirement.plain,
        status=status.value,
        reason=verdict.reason if verdict else "The run has not been judged under this edition.",
        settle=_next_steps(requirement, verdict, outcomes, checks)
        if verdict
        else (f"Judge it, no device is needed: {judge_it}",),
        mappings=tuple(
            MappingView(
                check=m.check,
                strength=m.strength.value,
                requires=m.requires,
                outcome=outcomes[m.check].value
                if m.check in outcomes
                else given.absent(m.check) or "did not run",
            )
            for m in requirement.checks
        ),
        findings=verdict.findings if verdict else (),
        manual=steps(requirement.manual),
        manual_owed=verdict.manual_owed if verdict else bool(requirement.manual),
        confidence=requirement.confidence,
        note=requirement.note,
        show=shlex.join(
            ["probe", "show", run.id, requirement.id]
            + ([] if planned else ["--catalogue", catalogue.id])
        ),
    )


def _next_steps(
    requirement: Requirement,
    verdict: Verdict,
    outcomes: Mapping[CheckId, Outcome],
    checks: Mapping[CheckId, CheckInfo],
) -> tuple[str, ...]:
    match verdict.status:
        case Status.PASS:
            return ()
        case Status.NOT_APPLICABLE:
            return ("Nothing, as long as the recorded reason holds for the product.",)
        case Status.FAIL:
            fixes = [
                checks[m.check].fix
                for m in requirement.checks
                if outcomes.get(m.check) is Outcome.VIOLATED and m.check in checks
            ]
            return tuple(dict.fromkeys(filter(None, fixes))) or (
                "Mend what was found, then do the manual procedure again and record its result.",
            )
        case _:
            return verdict.settle or (requirement.settle or "Do the manual procedure.",)


def steps(text: str) -> tuple[str, ...]:
    """The steps of a procedure, from lines or from a text numbered ``1. … 2. …``."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 1:
        lines = [part.strip() for part in _STEP.split(lines[0]) if part.strip()]
    return tuple(
        _STEP.sub("", line, count=1).strip() if _STEP.match(line) else line for line in lines
    )


def _decisions(
    catalogue: Catalogue,
    requirements: Sequence[RequirementView],
    declaration: Declaration | None,
) -> Iterable[DecisionView]:
    by_id = {r.id: r for r in requirements}
    for decision in declaration.not_applicable if declaration else ():
        if decision.catalogue in ("*", catalogue.id) and decision.requirement in by_id:
            status = by_id[decision.requirement].status
            yield DecisionView(
                requirement=decision.requirement,
                kind="not applicable",
                text=decision.reason,
                by=decision.decided_by,
                honoured=status == Status.NOT_APPLICABLE,
            )
    for result in declaration.manual if declaration else ():
        if result.catalogue in ("*", catalogue.id) and result.requirement in by_id:
            status = by_id[result.requirement].status
            yield DecisionView(
                requirement=result.requirement,
                kind="manual result",
                text=f"{result.result}, on {result.on}: {result.note}",
                by=result.by,
                honoured=status == (Status.PASS if result.result == "pass" else Status.FAIL),
            )
