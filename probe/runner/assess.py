"""Checks and judge over what is known of one device. Pure but for the import of the checks."""

from collections.abc import Callable, Iterable

from probe import registry
from probe.judge.judge import judge
from probe.model.catalogue import Catalogue, Requirement
from probe.model.device import Device
from probe.model.dut import Dut
from probe.model.evidence import EvidenceRef
from probe.model.finding import Answer, Finding, Outcome, Owner
from probe.model.given import DECLARED, given_of
from probe.model.ids import CheckId
from probe.model.verdict import Status, Verdict

KeepText = Callable[[str, str], EvidenceRef]
"""Keeps a text as evidence: ``(text, caption)``."""

EARLY_FAMILY = DECLARED
"""Checks that read only the declaration: their answer does not change while the device is measured."""


def assess(dut: Dut, keep: KeepText, only: Iterable[CheckId] | None = None) -> list[Finding]:
    """Every check's findings about one device, in the order of check ids; what has no object on it, an
    image or a device on a network, is not asked."""
    wanted = sorted(registry.checks() if only is None else only)
    given = given_of(dut.device)
    return [
        finding
        for check in wanted
        if not given.absent(check)
        for finding in _run_check(check, dut, keep)
    ]


def _run_check(check: CheckId, dut: Dut, keep: KeepText) -> list[Finding]:
    info = registry.checks()[check]
    try:
        answers = list(registry.check_function(check)(dut))
        if not answers:
            raise ValueError("the check gave no answer at all")
    except Exception as error:  # noqa: BLE001 - whatever surprises a check is a finding, never a silence
        import traceback

        trace = keep(traceback.format_exc(), f"what went wrong in the check {check}")
        answers = [
            Answer(
                outcome=Outcome.ERROR,
                subject="device",
                summary=f"The check itself failed: {type(error).__name__}: {error}"[:300],
                proof=(trace,),
                owner=Owner.TOOL,
                settle="Report the evidence of this finding as a defect of the probe.",
            )
        ]
    return [
        Finding(
            check=check,
            device=dut.device.id,
            answer=answer,
            policy=answer.policy or info.policy,
        )
        for answer in answers
    ]


def compares(check: CheckId) -> bool:
    """Whether the check looks at the other devices too."""
    info = registry.checks().get(check)
    return info is not None and info.compares


def comparing(device: Device) -> list[CheckId]:
    """Those that do, of the checks that can speak for this device. The files of others are not read."""
    given = given_of(device)
    return [name for name in registry.checks() if not given.absent(name) and compares(name)]


def early(findings: Iterable[Finding]) -> list[Finding]:
    """What may be said while the device is still being measured: violations stay violations."""
    return [
        f
        for f in findings
        if f.answer.outcome is Outcome.VIOLATED or f.check.startswith(EARLY_FAMILY)
    ]


def verdicts(
    dut: Dut, findings: Iterable[Finding], catalogues: Iterable[Catalogue], *, final: bool
) -> list[Verdict]:
    """Verdicts under every catalogue; before the end only those that no measurement can improve."""
    found = list(findings)
    made: list[Verdict] = []
    for catalogue in catalogues:
        for verdict in judge(
            catalogue, dut.device.id, found, dut.declaration, given_of(dut.device)
        ):
            requirement = catalogue.requirement(verdict.requirement)
            if final or verdict.status is Status.FAIL or _needs_no_measurement(requirement):
                made.append(verdict)
    return made


def _needs_no_measurement(requirement: Requirement | None) -> bool:
    return requirement is not None and all(
        mapping.check.startswith(EARLY_FAMILY) for mapping in requirement.checks
    )
