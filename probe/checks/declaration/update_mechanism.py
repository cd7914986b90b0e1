"""Does the manufacturer declare how updates reach the device, or why none can?"""

from collections.abc import Iterator

from probe.checks.declaration.paper import is_reason, proof, undeclared
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated

SUBJECT = "update mechanism"
WAYS = {"network": "over the network", "usb": "from a USB device", "app": "through an app"}


def check(dut: Dut) -> Iterator[Answer]:
    declared = dut.declaration
    update = declared.update if declared else None
    if declared is None or update is None or not update.mechanism:
        add = "an [update] table with mechanism"
        yield undeclared(declared, SUBJECT, "the update mechanism", add)
    elif update.mechanism in WAYS:
        summary = f"Updates are declared to arrive {WAYS[update.mechanism]}."
        yield satisfied(SUBJECT, summary, proof(declared))
    elif not is_reason(update.non_updatable_reason):
        summary = "It is declared that there are no updates, and no reason is given."
        yield violated(SUBJECT, summary, proof(declared))
    else:
        summary = f"It is declared that there are no updates: {update.non_updatable_reason}"
        settle = (
            "Judge by hand whether the reason is a constraint of the use case, and record "
            "the decision under [[not_applicable]]."
        )
        yield inconclusive(SUBJECT, summary, proof(declared), owner=Owner.OPERATOR, settle=settle)
