"""Does another device of the run take the same password? Shown only in the negative."""

from collections.abc import Iterator

from probe.checks.access.logins import PROTOCOLS, Surface, surfaces, title, untested, with_gaps
from probe.model.dut import Dut
from probe.model.evidence import Proof
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import LoginResult, LoginTest

SECOND = "Put a second unit of the same product into the run; else compare the labels of two units."

Taken = dict[tuple[str, str, str], tuple[str, tuple[Proof, ...]]]
"""Protocol, user and password to the device that took them and its proof."""


def check(dut: Dut) -> Iterator[Answer]:
    theirs = _taken_by_others(dut)
    found = [_surface(dut, surface, theirs) for surface in surfaces(dut, *PROTOCOLS)]
    yield from with_gaps(dut, found, absent="No service with a login was found.")


def _taken_by_others(dut: Dut) -> Taken:
    ours = {*dut.device.addresses, *dut.device.unproven}
    found: Taken = {}
    for other in dut.others:
        # What may be the same device at another address shows nothing.
        if not other.device.mac or not dut.device.mac or ours & {*other.device.addresses}:
            continue
        for seen in other.all(LoginTest):
            for user, password in _taken(seen.fact):
                key = (seen.fact.protocol, user, password)
                found.setdefault(key, (other.device.label, seen.proof))
    return found


def _taken(test: LoginTest) -> list[tuple[str, str]]:
    """What was accepted with proof, where a random credential was refused.

    A generic default is everybody's, and says nothing of these two devices beyond what it says of each.
    """
    if test.random_credential is not LoginResult.REFUSED:
        return []
    return [
        (c.username, c.password)
        for c in test.candidates
        if c.result is LoginResult.ACCEPTED and c.proved and c.tier != "generic"
    ]


def _surface(dut: Dut, surface: Surface, theirs: Taken) -> Answer:
    if not surface.tests:
        return untested(dut, surface)
    subject, name = surface.subject, title(surface.protocol)
    proof = tuple(p for seen in surface.tests for p in seen.proof)
    taken = [pair for seen in surface.tests for pair in _taken(seen.fact)]
    for user, password in taken:
        if same := theirs.get((surface.protocol, user, password)):
            summary = f"{name} takes the password of '{user}' that {same[0]} takes as well."
            return violated(subject, summary, *proof, *same[1])
    summary = (
        f"No password is known that {name} takes, so none could be compared."
        if not taken
        else f"No other device of this run was found to take the password that {name} takes."
    )
    return inconclusive(subject, summary, *proof, owner=Owner.OPERATOR, settle=SECOND)
