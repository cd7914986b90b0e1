"""Are updates declared to be signed, with a signature that is not outdated?"""

import re
from collections.abc import Iterator

from probe.checks.declaration.paper import is_reason, proof, undeclared
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, satisfied, violated

SUBJECT = "update signature"
BROKEN = re.compile(r"\b(?:md5|sha-?1|crc-?\d*|checksum|xor)\b", re.IGNORECASE)


def check(dut: Dut) -> Iterator[Answer]:
    declared = dut.declaration
    update = declared.update if declared else None
    if declared is None or update is None:
        yield undeclared(declared, SUBJECT, "whether updates are signed", "an [update] table")
    elif update.mechanism == "none":
        summary = "It is declared that there are no updates that could be signed."
        yield not_applicable(SUBJECT, summary, proof(declared))
    elif update.signed is None:
        add = "signed, and signature when it is true, in the [update] table"
        yield undeclared(declared, SUBJECT, "whether updates are signed", add)
    elif not update.signed:
        yield violated(SUBJECT, "Updates are declared to be unsigned.", proof(declared))
    elif not is_reason(update.signature):
        summary = "Updates are declared to be signed; with which algorithm is left out."
        settle = "Add signature to the [update] table of the declaration file."
        yield inconclusive(SUBJECT, summary, proof(declared), owner=Owner.OPERATOR, settle=settle)
    elif outdated := BROKEN.search(update.signature):
        summary = f"The declared protection of updates rests on {outdated[0]}, which can be forged."
        yield violated(SUBJECT, summary, proof(declared))
    else:
        summary = f"Updates are declared to be signed: {update.signature}."
        yield satisfied(SUBJECT, summary, proof(declared))
