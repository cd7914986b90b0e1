"""The sentences that limit an overall verdict. They are part of it: nobody may show one without them."""

from collections.abc import Mapping

from probe.model.verdict import Status
from probe.report.viewmodel import RunView

UNKNOWN = (Status.INCONCLUSIVE, Status.NOT_TESTED, Status.ERROR)


def limit(
    overall: Status,
    mandatory: Mapping[Status, int],
    every: Mapping[Status, int],
    run: RunView,
    *,
    device_done: bool,
) -> str:
    """What the overall status means and what it does not, for people."""
    total = sum(mandatory.values())
    unknown = sum(mandatory[s] for s in UNKNOWN)
    sentences = [_mandatory(overall, mandatory, total, unknown), _recommended(mandatory, every)]
    if not run.completed:
        sentences.append(f"The run did not complete ({run.status}), so more may be wrong.")
    elif not device_done:
        sentences.append("Not every job of the plan was tried on this device.")
    if overall is Status.PASS:
        sentences.append(
            "It holds for this one unit, as it was connected and configured when it was measured."
        )
    return " ".join(filter(None, sentences))


def _mandatory(overall: Status, counts: Mapping[Status, int], total: int, unknown: int) -> str:
    if total == 0:
        return "The catalogue has no mandatory requirement, so there is no overall verdict."
    if overall is Status.FAIL:
        return f"{_of(counts[Status.FAIL], total)} failed." + (
            f" A further {unknown} {_are(unknown)} not known, so mending the failures alone does not"
            " make a pass."
            if unknown
            else ""
        )
    if overall in UNKNOWN:
        errors = counts[Status.ERROR]
        blame = (
            f" {errors} of them because the probe itself made an error: that says nothing about the"
            " device."
            if errors
            else ""
        )
        return (
            f"No failure was found, but {_of(unknown, total, 'all')} {_are(unknown)} not known, so no pass"
            f" can be given.{blame}"
        )
    if overall is Status.NOT_APPLICABLE:
        return "Every mandatory requirement was declared not applicable, so nothing was judged."
    aside = counts[Status.NOT_APPLICABLE]
    return f"{_of(counts[Status.PASS], total)} passed" + (
        f", {aside} {_are(aside)} not applicable by recorded decision." if aside else "."
    )


def _recommended(mandatory: Mapping[Status, int], every: Mapping[Status, int]) -> str:
    failed = every[Status.FAIL] - mandatory[Status.FAIL]
    if not failed:
        return ""
    noun = "requirement" if failed == 1 else "requirements"
    return f"{failed} recommended {noun} failed too; they do not count towards this verdict."


def _of(some: int, total: int, every: str = "All") -> str:
    if some == total:
        return (
            f"{every} {total} mandatory requirements"
            if total > 1
            else "1 of 1 mandatory requirement"
        )
    return f"{some} of {total} mandatory requirements"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
