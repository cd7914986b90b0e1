"""Are updates declared to be installed automatically?"""

from collections.abc import Iterator

from probe.checks.declaration.paper import proof, undeclared
from probe.model.dut import Dut
from probe.model.finding import Answer, not_applicable, satisfied, violated

SUBJECT = "automatic updates"


def check(dut: Dut) -> Iterator[Answer]:
    declared = dut.declaration
    update = declared.update if declared else None
    if declared is not None and update is not None and update.mechanism == "none":
        summary = "It is declared that there are no updates."
        yield not_applicable(SUBJECT, summary, proof(declared))
    elif declared is None or update is None or update.automatic is None:
        add = "automatic = true or false in the [update] table"
        yield undeclared(declared, SUBJECT, "whether updates are automatic", add)
    elif update.automatic:
        often = f", looked for every {update.period_days} days" if update.period_days else ""
        summary = f"Updates are declared to be automatic{often}."
        yield satisfied(SUBJECT, summary, proof(declared))
    else:
        yield violated(SUBJECT, "Updates are declared not to be automatic.", proof(declared))
