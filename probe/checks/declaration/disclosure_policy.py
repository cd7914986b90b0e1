"""Is a vulnerability disclosure policy declared with place, contact and both times?"""

from collections.abc import Iterator

from probe.checks.declaration.paper import is_public, proof, undeclared
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated

SUBJECT = "disclosure policy"


def check(dut: Dut) -> Iterator[Answer]:
    declared = dut.declaration
    policy = declared.disclosure if declared else None
    if declared is None or policy is None:
        add = "a [disclosure] table with published_at, contact, acknowledge_days and update_days"
        yield undeclared(declared, SUBJECT, "the disclosure policy", add)
        return
    parts = {
        "a place where it is published": policy.published_at,
        "a contact": policy.contact,
        "a time until receipt is acknowledged": policy.acknowledge_days,
        "a time between news on the state": policy.update_days,
    }
    missing = [name for name, value in parts.items() if value in ("", None)]
    if missing:
        summary = f"The declared disclosure policy lacks {' and '.join(missing)}."
        yield violated(SUBJECT, summary, proof(declared))
    elif not is_public(policy.published_at):
        summary = "The disclosure policy is declared as published, but not at a web address."
        settle = "Give the public web address as published_at under [disclosure]."
        yield inconclusive(SUBJECT, summary, proof(declared), owner=Owner.OPERATOR, settle=settle)
    else:
        summary = (
            f"A disclosure policy is declared as published at {policy.published_at}: receipt is "
            f"acknowledged within {policy.acknowledge_days} days, news come every "
            f"{policy.update_days} days."
        )
        yield satisfied(SUBJECT, summary, proof(declared))
