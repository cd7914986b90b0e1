"""Does a login service refuse a user and password that nobody ever set?"""

from collections.abc import Iterator

from probe.checks.access.logins import (
    PROTOCOLS,
    RUN_AGAIN,
    Surface,
    as_elsewhere,
    elsewhere,
    no_account,
    open_to_all,
    surfaces,
    title,
    untested,
    untried,
    with_gaps,
)
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, satisfied, violated
from probe.model.observation import LoginResult

SAYS_NOTHING = "Run again when the service answers; else try a wrong password by hand."


def check(dut: Dut) -> Iterator[Answer]:
    found = [
        answer
        for surface in surfaces(dut, *PROTOCOLS)
        for answer in (_answer(dut, surface), *elsewhere(dut, surface))
    ]
    yield from with_gaps(dut, found, absent="No service with a login was found.")


def _answer(dut: Dut, surface: Surface) -> Answer:
    if not surface.tests:
        return untested(dut, surface)
    subject, name = surface.subject, title(surface.protocol)
    proof = tuple(p for seen in surface.tests for p in seen.proof)
    tests = [seen.fact for seen in surface.tests]
    # A broker that takes clients without any credential does not look at one either (MQTT has no guest).
    nothing = surface.protocol == "mqtt" and all(open_to_all(t) for t in tests)
    if any(t.random_credential is LoginResult.ACCEPTED for t in tests) and not nothing:
        return violated(subject, f"{name} let a random credential in.", *proof)
    if untried(dut, surface):
        return untested(dut, surface)
    if none := no_account(tests):
        answer = not_applicable if all(open_to_all(t) for t in tests) else satisfied
        return answer(subject, f"{name} {none}.", *proof)
    for test in tests:
        if test.random_credential is not LoginResult.REFUSED:
            summary = f"{name} did not say whether it takes a random credential: "
            summary += f"{test.problem or test.lockout_sign or 'it was not tried'}."
            owner = Owner(test.owner) if test.owner else Owner.DEVICE
            settle = RUN_AGAIN if owner is Owner.OPERATOR else SAYS_NOTHING
            return inconclusive(subject, summary, *proof, owner=owner, settle=settle)
    summary = f"{name} refused a random credential{as_elsewhere(surface)}."
    return satisfied(subject, summary, *proof)
