"""Is a password dead on every interface once it was changed?"""

from collections.abc import Iterator

from probe.checks.access.defaults import WORST
from probe.checks.access.guesses import nothing_to_guess
from probe.checks.access.logins import (
    PROTOCOLS,
    Surface,
    as_elsewhere,
    asked,
    elsewhere,
    surfaces,
    title,
    untested,
    untried,
    with_gaps,
)
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, satisfied, violated
from probe.model.observation import LoginResult, LoginTest

CHANGE = (
    "Change the password by following the user manual, write the old one as changed_from under "
    "[[account]] in the declaration file, and run again."
)
BUDGET = (
    "Try the old password there by hand, or give the plan a larger budget of logins and run again."
)
AGAIN = "Run again when the service answers; else try the old password there by hand."


def check(dut: Dut) -> Iterator[Answer]:
    accounts = dut.declaration.accounts if dut.declaration else ()
    if all(account.changed_from is None for account in accounts):
        summary = "No password is declared as changed, so no old one could be tried."
        yield inconclusive("device", summary, owner=Owner.OPERATOR, settle=CHANGE)
        return
    found = [
        answer
        for surface in surfaces(dut, *PROTOCOLS)
        for answer in (_surface(dut, surface), *elsewhere(dut, surface))
    ]
    yield from with_gaps(dut, found, absent="No service with a login was found.")


def _surface(dut: Dut, surface: Surface) -> Answer:
    if not surface.tests:
        return untested(dut, surface)
    answers = [_one(surface, seen) for seen in surface.tests]
    if untried(dut, surface):
        answers.append(untested(dut, surface))
    return min(answers, key=lambda a: WORST.index(a.outcome) if a.outcome in WORST else len(WORST))


def _one(surface: Surface, seen: Seen[LoginTest]) -> Answer:
    subject, test, name = surface.subject, seen.fact, title(seen.fact.protocol)
    for old in test.old:
        if old.result is LoginResult.ACCEPTED and old.proved:
            who = f"'{old.username}'" if old.username else "somebody"
            summary = f"{name} still let {who} in with the password from before the change."
            return violated(subject, summary, *seen.proof)
    if none := nothing_to_guess([test]):
        summary = f"No password is old or new at {name}: {none}."
        return not_applicable(subject, summary, *seen.proof)
    refused = all(old.result is LoginResult.REFUSED for old in test.old)
    if test.old and refused and asked(test) and test.random_credential is LoginResult.REFUSED:
        number = len(test.old)
        summary = f"{name} ({test.method}) refused {number} old password(s){as_elsewhere(surface)}."
        return satisfied(subject, summary, *seen.proof, measured={"logins": number})
    details = [o.detail for o in test.old if o.result is not LoginResult.REFUSED and o.detail]
    why = test.lockout_sign or test.problem or (details or ["it was not tried"])[0]
    owner, settle = Owner(test.owner) if test.owner else Owner.DEVICE, AGAIN
    if any(o.result is LoginResult.NOT_TRIED for o in test.old) or not test.old:
        owner, settle = Owner.OPERATOR, BUDGET
    summary = f"Whether {name} still takes an old password is not known: {why}."
    return inconclusive(subject, summary, *seen.proof, owner=owner, settle=settle)
