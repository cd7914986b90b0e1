"""Is every credential asked for inside an encrypted connection?"""

from collections.abc import Iterator

from probe.checks.access.logins import (
    PROTOCOLS,
    Surface,
    asked,
    elsewhere,
    no_account,
    surfaces,
    title,
    untested,
    with_gaps,
)
from probe.model.dut import Dut, Seen
from probe.model.evidence import Proof
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, satisfied, violated
from probe.model.observation import HttpPage, LoginResult

SETTLE = "Watch a login of the device's own app through a mirror port, or log in by hand and look."


def check(dut: Dut) -> Iterator[Answer]:
    found = [
        answer
        for surface in surfaces(dut, *PROTOCOLS)
        for answer in (
            _answer(dut, surface),
            *(() if surface.encrypted else elsewhere(dut, surface, encryption=True)),
        )
    ]
    yield from with_gaps(dut, found, absent="No service with a login was found.")


def _answer(dut: Dut, surface: Surface) -> Answer:
    subject, name = surface.subject, title(surface.protocol)
    services = tuple(p for seen in surface.services for p in seen.proof)
    if surface.encrypted:
        return satisfied(subject, f"{name} is encrypted before any credential is asked.", *services)
    if page := _page_that_asks(dut, surface):
        how = "by a form" if page.fact.login_form else f"by HTTP {page.fact.auth_schemes[0]}"
        summary = f"The page {page.fact.path} asks for a credential {how} without encryption."
        return violated(subject, summary, *page.proof)
    if not surface.tests:
        return untested(dut, surface)
    proof = tuple(p for seen in surface.tests for p in seen.proof)
    return _tested(surface, name, proof)


def _tested(surface: Surface, name: str, proof: tuple[Proof, ...]) -> Answer:
    subject, tests = surface.subject, [seen.fact for seen in surface.tests]
    if any(t.also_clear and not t.no_password for t in tests):
        return violated(subject, f"{name} offers TLS, and takes a login without it, too.", *proof)
    if surface.protocol == "ssh" or all(t.tls for t in tests):
        return satisfied(subject, f"{name} asked for credentials inside encryption only.", *proof)
    if surface.protocol == "snmp":
        # Silence may come from an agent that speaks only version 3.
        communities = [t for t in tests if t.method == "community"]
        took = any(c.result is LoginResult.ACCEPTED for t in communities for c in t.candidates)
    else:
        took = any(asked(t) and not t.tls and not t.no_password for t in tests)
    if took:
        what = "a community" if surface.protocol == "snmp" else "a credential"
        return violated(subject, f"{name} takes {what} without encryption.", *proof)
    if surface.protocol != "http" and (none := no_account(tests)):
        return not_applicable(subject, f"{name} {none}.", *proof)
    problem = tests[0].problem or "it showed no login"
    summary = f"Whether {name} takes credentials without encryption is not known: {problem}."
    return inconclusive(subject, summary, *proof, owner=Owner.DEVICE, settle=SETTLE)


def _page_that_asks(dut: Dut, surface: Surface) -> Seen[HttpPage] | None:
    for page in dut.all(HttpPage) if surface.protocol == "http" else ():
        p = page.fact
        asks = p.login_form or (p.status == 401 and bool(p.auth_schemes))
        if (p.address, p.port) in surface.places and not p.tls and asks:
            return page
    return None
