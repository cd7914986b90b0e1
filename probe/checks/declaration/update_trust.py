"""Are network updates declared to come through a relationship of trust?"""

import re
from collections.abc import Iterator

from probe.checks.declaration.paper import is_reason, proof, undeclared
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, satisfied, violated

SUBJECT = "update transport"
AUTHENTICATED = re.compile(r"\b(?:https|d?tls|ssh|sftp|ipsec|quic|oscore)\b", re.IGNORECASE)
PLAIN = re.compile(r"\b(?:http|ftp|tftp|plain|clear|unencrypted|none)\b", re.IGNORECASE)


def check(dut: Dut) -> Iterator[Answer]:
    declared = dut.declaration
    update = declared.update if declared else None
    if declared is None or update is None or not update.mechanism:
        add = "an [update] table with mechanism, signed and transport"
        yield undeclared(declared, SUBJECT, "how network updates are trusted", add)
    elif update.mechanism != "network":
        summary = "It is declared that updates do not arrive over the network."
        yield not_applicable(SUBJECT, summary, proof(declared))
    elif update.signed and is_reason(update.signature):
        summary = f"Network updates are declared to be signed: {update.signature}."
        yield satisfied(SUBJECT, summary, proof(declared))
    elif AUTHENTICATED.search(update.transport) and not PLAIN.search(update.transport):
        summary = f"Network updates are declared to be protected in transport: {update.transport}."
        yield satisfied(SUBJECT, summary, proof(declared))
    elif update.signed is False and PLAIN.search(update.transport):
        summary = f"Network updates are declared unsigned over {update.transport}."
        yield violated(SUBJECT, summary, proof(declared))
    else:
        summary = "The declaration does not show what protects network updates."
        settle = "Add signed, signature and transport to [update] in the declaration file."
        yield inconclusive(SUBJECT, summary, proof(declared), owner=Owner.OPERATOR, settle=settle)
