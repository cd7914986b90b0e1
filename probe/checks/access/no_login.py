"""Do services that give a session ask who is there before they give a session?"""

from collections.abc import Iterator

from probe.checks.access.logins import (
    Surface,
    as_elsewhere,
    elsewhere,
    surfaces,
    title,
    untested,
    with_gaps,
)
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated
from probe.model.observation import LoginResult, OpenAccess

PROTOCOLS = ("telnet", "ssh", "ftp", "mqtt", "rtsp", "vnc", "redis")
SETTLE = "Run again when the service answers; else open a session by hand without a credential."


def check(dut: Dut) -> Iterator[Answer]:
    found: dict[str, Answer] = {}
    for seen in dut.all(OpenAccess):
        o = seen.fact
        if o.protocol in PROTOCOLS:
            subject = endpoint(o.transport, o.address, o.port)
            summary = f"{title(o.protocol)} gave {o.what} to somebody without any credential."
            found[subject] = violated(subject, summary, *seen.proof)
    for surface in surfaces(dut, *PROTOCOLS):
        for answer in (_answer(dut, surface), *elsewhere(dut, surface)):
            found.setdefault(answer.subject, answer)
    yield from with_gaps(dut, found.values(), absent="No service that gives a session was found.")


def _answer(dut: Dut, surface: Surface) -> Answer:
    if not surface.tests:
        return untested(dut, surface)
    subject, name = surface.subject, title(surface.protocol)
    proof = tuple(p for seen in surface.tests for p in seen.proof)
    results = {seen.fact.without_credential for seen in surface.tests}
    if LoginResult.ACCEPTED in results:
        return violated(subject, f"{name} gave a session without any credential.", *proof)
    if results == {LoginResult.REFUSED}:
        summary = f"{name} gave nothing without a credential{as_elsewhere(surface)}."
        return satisfied(subject, summary, *proof)
    test = surface.tests[0].fact
    owner = Owner(test.owner) if test.owner else Owner.DEVICE
    summary = f"Whether {name} asks for a credential is not known: {test.problem or 'no answer'}."
    return inconclusive(subject, summary, *proof, owner=owner, settle=SETTLE)
