"""Violations gathered into things to mend: one entry for each check, whatever it fails and wherever."""

from collections.abc import Iterable, Mapping, Sequence

from probe.model.check import SEVERITIES, CheckInfo
from probe.model.finding import Finding, Outcome
from probe.model.ids import CheckId
from probe.model.verdict import Status
from probe.report.viewmodel import CatalogueView, ProblemView, RequirementRef, RequirementView


def problems(
    findings: Iterable[Finding],
    catalogues: Sequence[CatalogueView],
    checks: Mapping[CheckId, CheckInfo],
    rerun: str,
) -> tuple[ProblemView, ...]:
    """What fails requirements first, by severity; then signs that fail nothing by themselves."""
    violations: dict[CheckId, list[Finding]] = {}
    for finding in findings:
        if finding.answer.outcome is Outcome.VIOLATED:
            violations.setdefault(finding.check, []).append(finding)
    gathered = [
        _of_check(check, found, checks.get(check), catalogues, rerun)
        for check, found in violations.items()
    ]
    gathered += [
        _by_hand(catalogue, requirement)
        for catalogue in catalogues
        for requirement in catalogue.requirements
        if requirement.status == Status.FAIL
        and not any(m.outcome == Outcome.VIOLATED for m in requirement.mappings)
    ]
    return tuple(sorted(gathered, key=_rank))


def _rank(problem: ProblemView) -> tuple[bool, bool, int, str, str]:
    mandatory = any(ref.mandatory for ref in problem.fails)
    severity = SEVERITIES.index(problem.severity) if problem.severity in SEVERITIES else 9
    return (not problem.fails, not mandatory, severity, problem.check, problem.question)


def _of_check(
    check: CheckId,
    found: list[Finding],
    info: CheckInfo | None,
    catalogues: Sequence[CatalogueView],
    rerun: str,
) -> ProblemView:
    failed = [
        (_ref(catalogue, requirement), requirement.show)
        for catalogue in catalogues
        for requirement in catalogue.requirements
        if requirement.status == Status.FAIL
        and any(m.check == check and m.strength != "indicative" for m in requirement.mappings)
    ]
    shows = dict.fromkeys(show for _, show in failed)
    return ProblemView(
        check=check,
        question=info.question if info else f"The check {check} is not part of this version.",
        severity=info.severity if info else "",
        effort=info.effort if info else "",
        risk=info.plain_risk if info else "",
        why=info.why if info else "",
        fix=info.fix if info else "",
        ask=info.ask if info else "",
        references=info.references if info else (),
        findings=tuple(f.id for f in sorted(found, key=lambda f: f.answer.subject)),
        fails=tuple(ref for ref, _ in failed),
        reproduce=(rerun, *shows),
    )


def _by_hand(catalogue: CatalogueView, requirement: RequirementView) -> ProblemView:
    return ProblemView(
        check="",
        question=requirement.title,
        severity="",
        effort="",
        risk=requirement.plain,
        why=requirement.reason,
        fix="",
        references=(),
        findings=(),
        fails=(_ref(catalogue, requirement),),
        reproduce=(requirement.show,),
    )


def _ref(catalogue: CatalogueView, requirement: RequirementView) -> RequirementRef:
    return RequirementRef(
        catalogue=catalogue.id,
        requirement=requirement.id,
        title=requirement.title,
        mandatory=requirement.mandatory,
    )
