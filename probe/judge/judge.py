"""One requirement at a time: weigh its findings, never round an unknown up."""

from collections.abc import Iterable, Mapping

from probe.judge.applicability import applicability, manual_result
from probe.model.catalogue import Catalogue, Requirement, Strength
from probe.model.catalogue import Mapping as CheckMapping
from probe.model.declaration import Declaration
from probe.model.finding import Finding, Outcome, Owner
from probe.model.given import FIRMWARE, Given
from probe.model.ids import CheckId, DeviceId
from probe.model.verdict import SEVERITY, Status, Verdict, combine

ALL_GIVEN = Given()
MEASURE = (
    "Measure a device with this firmware on a test network, and give the image to that run: "
    "probe run --firmware ADDRESS=FILE."
)


def judge(
    catalogue: Catalogue,
    device: DeviceId,
    findings: Iterable[Finding],
    declaration: Declaration | None = None,
    given: Given = ALL_GIVEN,
) -> list[Verdict]:
    """A verdict for every requirement of the catalogue, in its order."""
    by_check: dict[CheckId, list[Finding]] = {}
    for finding in findings:
        if finding.device == device:
            by_check.setdefault(finding.check, []).append(finding)
    return [
        judge_requirement(catalogue, requirement, device, by_check, declaration, given)
        for requirement in catalogue.requirements
    ]


def judge_requirement(
    catalogue: Catalogue,
    requirement: Requirement,
    device: DeviceId,
    by_check: Mapping[CheckId, list[Finding]],
    declaration: Declaration | None = None,
    given: Given = ALL_GIVEN,
) -> Verdict:
    """Worst wins over what each mapped check contributes.

    A mapped check without findings contributes INCONCLUSIVE as soon as another one has findings, so
    that taking evidence away never helps. One that needs an image is left out where none was given: an
    image is something more that may be shown, not a part of every measurement. A person's recorded
    result can settle what checks left open, but never overrules a measured violation.
    """
    parts = [
        part for mapping in requirement.checks for part in _contributions(mapping, by_check, given)
    ]
    weighed = sorted(
        (p for p in parts if p.finding is not None), key=lambda p: (-SEVERITY[p.status], p.text)
    )
    violation = next((p for p in weighed if p.status is Status.FAIL), None)
    decision = applicability(catalogue, requirement, declaration)
    by_hand = manual_result(catalogue, requirement, declaration)
    status, reason = Status.NOT_TESTED, _nothing_ran(requirement, given)
    counted = _counted(parts)
    if weighed and not counted:
        reason = f"Nothing on this device to apply it to was found: {weighed[0].text}"
    elif weighed:
        status = combine(p.status for p in counted)
        reason = next(p.text for p in _worst_first(counted) if p.status is status)
    if violation is not None:
        if decision.applies is False:
            reason += f" It was declared not applicable ({decision.reason}), but the measurement says otherwise."
        if by_hand is not None and by_hand.result == "pass":
            reason += (
                f" The manual result of {by_hand.by} (pass) does not overrule a measured violation."
            )
    elif by_hand is not None and by_hand.result == "fail":
        status = Status.FAIL
        reason = f"Failed by hand, {by_hand.by} on {by_hand.on}: {by_hand.note}"
    elif decision.applies is False:
        status, reason = Status.NOT_APPLICABLE, decision.reason
    elif by_hand is not None and status is not Status.ERROR:
        status = Status.PASS
        reason = f"Passed by hand, {by_hand.by} on {by_hand.on}: {by_hand.note}"
    unknown = status in (Status.INCONCLUSIVE, Status.NOT_TESTED, Status.ERROR)
    return Verdict(
        catalogue=catalogue.id,
        edition=catalogue.edition,
        requirement=requirement.id,
        device=device,
        status=status,
        reason=" ".join(filter(None, (reason, decision.refused))),
        findings=tuple(p.finding.id for p in weighed if p.finding is not None),
        settle=_settle(requirement, parts) if unknown else (),
        manual_owed=unknown and bool(requirement.manual),
    )


class _Part:
    """What one finding, or its absence, contributes to the requirement."""

    __slots__ = ("finding", "settle", "status", "supports", "text")

    def __init__(
        self,
        status: Status,
        text: str,
        finding: Finding | None,
        settle: str = "",
        *,
        supports: bool = False,
    ) -> None:
        self.status, self.text, self.finding, self.settle = status, text, finding, settle
        self.supports = supports


def _nothing_ran(requirement: Requirement, given: Given) -> str:
    """The reason of a requirement that no finding speaks for."""
    absent = {given.absent(mapping.check) for mapping in requirement.checks}
    if not absent:
        return "No check of the probe speaks for this requirement."
    if "" in absent:
        return "None of the checks that speak for this requirement has run on this device."
    if not given.network:
        return "No device was measured, only a firmware image; this shows on the device alone."
    return "Only a firmware image can show something here, and none of this device was given."


def _contributions(
    mapping: CheckMapping, by_check: Mapping[CheckId, list[Finding]], given: Given
) -> list[_Part]:
    found = by_check.get(mapping.check, [])
    absent = given.absent(mapping.check)
    if not found and absent and mapping.check.startswith(FIRMWARE):
        return []
    if not found and absent:
        text = f"The check {mapping.check} speaks of a device, and {absent}, only a firmware image."
        return [_Part(Status.INCONCLUSIVE, text, None, MEASURE)]
    if not found:
        text = f"The check {mapping.check} did not run on this device."
        settle = f"Run a plan that includes {mapping.check}."
        return [_Part(Status.INCONCLUSIVE, text, None, settle)]
    return [_contribution(mapping, finding) for finding in found]


def _contribution(mapping: CheckMapping, finding: Finding) -> _Part:
    answer = finding.answer
    match answer.outcome:
        case Outcome.VIOLATED if mapping.strength is Strength.INDICATIVE:
            text = f"A sign against it, for a person to judge: {answer.summary}"
            return _Part(Status.INCONCLUSIVE, text, finding)
        case Outcome.VIOLATED:
            return _Part(Status.FAIL, answer.summary, finding)
        case Outcome.ERROR:
            return _Part(Status.ERROR, answer.summary, finding, answer.settle)
        case Outcome.INCONCLUSIVE:
            return _Part(Status.INCONCLUSIVE, answer.summary, finding, answer.settle)
        case Outcome.NOT_APPLICABLE:
            return _Part(Status.NOT_APPLICABLE, answer.summary, finding)
        case Outcome.SATISFIED if mapping.strength is not Strength.FULL:
            text = f"No sign against it, but this alone cannot show a pass: {answer.summary}"
            return _Part(Status.INCONCLUSIVE, text, finding, supports=True)
        case Outcome.SATISFIED:
            short = [
                f"{name} is {answer.measured.get(name, 0)}, needed is {least}"
                for name, least in mapping.requires.items()
                if answer.measured.get(name, 0) < least
            ]
            if short:
                text = f"{answer.summary} That is not enough for a pass: {'; '.join(short)}."
                settle = f"Measure more: {'; '.join(short)}."
                return _Part(Status.INCONCLUSIVE, text, finding, settle)
            return _Part(Status.PASS, answer.summary, finding)


def _counted(parts: list[_Part]) -> list[_Part]:
    counted = [p for p in parts if p.status is not Status.NOT_APPLICABLE]
    if any(p.status is Status.PASS for p in counted):
        # What alone could not show a pass does not stand in the way of a check that can.
        return [p for p in counted if not p.supports]
    return counted


def _worst_first(parts: list[_Part]) -> list[_Part]:
    # A part with a finding explains more than a check that did not run, a sign against it more than
    # what is unknown, and that more than what is no sign against it.
    def rank(p: _Part) -> tuple[int, bool, bool, bool, str]:
        sign = p.finding is not None and p.finding.answer.outcome is Outcome.VIOLATED
        return -SEVERITY[p.status], p.finding is None, p.supports, not sign, p.text

    return sorted(parts, key=rank)


def _settle(requirement: Requirement, parts: list[_Part]) -> tuple[str, ...]:
    """Never empty: the ways from unknown to a verdict, what the findings say first."""
    ways = [p.settle for p in _worst_first(parts) if p.settle and p.finding is not None]
    if any(p.finding and p.finding.answer.owner is Owner.TOOL for p in parts):
        ways.append("Run the probe again; if it happens again, report it as a defect of the probe.")
    if requirement.settle:
        ways.append(requirement.settle)
    if requirement.manual:
        ways.append("Do the manual procedure and record its result in the declaration file.")
    if not ways:
        ways = [p.settle for p in parts if p.settle]
    return tuple(dict.fromkeys(ways)) or ("Record a manual result in the declaration file.",)
