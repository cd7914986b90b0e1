"""Is the support period declared with an end date and a public place?"""

from collections.abc import Iterator
from datetime import UTC, date, datetime

from probe.checks.declaration.paper import is_public, proof, undeclared
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated

SUBJECT = "support period"


def check(dut: Dut) -> Iterator[Answer]:
    declared = dut.declaration
    period = declared.support if declared else None
    if declared is None or period is None:
        add = "a [support] table with end and published_at"
        yield undeclared(declared, SUBJECT, "the support period", add)
        return
    paper = proof(declared)
    if not period.end:
        summary = "The declared support period has no end date."
        yield violated(SUBJECT, summary, paper)
    elif not period.published_at:
        summary = f"Support is declared until {period.end}, but not as published anywhere."
        yield violated(SUBJECT, summary, paper)
    elif not is_public(period.published_at):
        summary = f"Support until {period.end} is declared as published, but not at a web address."
        settle = "Give the public web address as published_at under [support]."
        yield inconclusive(SUBJECT, summary, paper, owner=Owner.OPERATOR, settle=settle)
    elif not dut.observations:
        summary = (
            f"Support until {period.end} is declared; nothing was measured to date it against."
        )
        settle = "Run the probe on the device."
        yield inconclusive(SUBJECT, summary, paper, owner=Owner.OPERATOR, settle=settle)
    elif _over(dut, period.end):
        summary = f"The declared support ended on {period.end}, before this measurement."
        settle = "See whether a later end date is published, and declare that."
        yield inconclusive(SUBJECT, summary, paper, owner=Owner.OPERATOR, settle=settle)
    else:
        summary = f"Support until {period.end} is declared as published at {period.published_at}."
        yield satisfied(SUBJECT, summary, paper)


def _over(dut: Dut, end: str) -> bool:
    # A check has no clock: the measurement's own time is what counts.
    latest = max(o.at for o in dut.observations)
    return date.fromisoformat(end) < datetime.fromtimestamp(latest, UTC).date()
