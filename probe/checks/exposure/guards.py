"""Did a service that a login guards ask for it before it gave anything, and what is unknown about that?"""

from collections.abc import Iterator

from probe.checks.access.logins import RUN_AGAIN, only_redirects
from probe.checks.support import named, where
from probe.model.dut import Dut, Seen
from probe.model.evidence import Proof
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import HttpPage, LoginResult, LoginTest, OpenAccess, Service

GUARDED = ("http", "telnet", "ssh", "ftp", "snmp", "mqtt", "rtsp", "vnc", "redis", "coaps")
"""Protocols on which a login was tried, and without a credential first."""
MADE_FOR_ALL = ("/.well-known/security.txt",)
"""Pages that everybody is meant to read (RFC 9116)."""
BY_HAND = "Look by hand at what the page gives without a login, and record the result."
READ = "Open the page with a browser, and record whether it gives anything without a login."
ASK = "Run again when the service answers; else open a session by hand without a credential."


def let_in(dut: Dut) -> Iterator[Answer]:
    """Violated for each service that went on without a credential."""
    for seen in dut.services(*GUARDED):
        tests = [t for t in _tests(dut, seen) if _without(t) is LoginResult.ACCEPTED]
        if tests:
            proof = [p for t in tests for p in t.proof]
            yield violated(where(seen), f"{named(seen)} asked for no credential.", *proof)


def unknown_guards(dut: Dut) -> Iterator[Answer]:
    """Inconclusive for each service of which it is not known that it asks first."""
    for seen in dut.services(*GUARDED):
        if seen.fact.protocol != "http":
            yield from _unasked(dut, seen)
        elif not only_redirects(dut, [seen]):
            yield from [*_pages(dut, seen)] or _unasked(dut, seen)


def open_to_all(dut: Dut, seen: Seen[Service]) -> bool:
    """Whether the service gave data or a session to somebody without a credential."""
    here = (seen.fact.transport, seen.fact.address, seen.fact.port)
    given = (s.fact for s in dut.all(OpenAccess))
    return any((o.transport, o.address, o.port) == here for o in given) or any(
        _without(test) is LoginResult.ACCEPTED for test in _tests(dut, seen)
    )


def _tests(dut: Dut, seen: Seen[Service]) -> list[Seen[LoginTest]]:
    here = (seen.fact.transport, seen.fact.address, seen.fact.port)
    tests = dut.all(LoginTest)
    return [t for t in tests if (t.fact.transport, t.fact.address, t.fact.port) == here]


def _without(test: Seen[LoginTest]) -> LoginResult:
    return test.fact.without_credential


def _unasked(dut: Dut, seen: Seen[Service]) -> Iterator[Answer]:
    tests = _tests(dut, seen)
    if seen.fact.refuses_strangers or (tests and {*map(_without, tests)} == {LoginResult.REFUSED}):
        return
    said = [s.fact for s in dut.missing("login") if s.fact.subject == where(seen)]
    if tests:
        test = tests[0].fact
        reason, settle = test.problem or "it gave no clear answer", ASK
        owner = Owner(test.owner) if test.owner else Owner.DEVICE
    elif said:
        reason, owner, settle = said[0].reason, Owner(said[0].owner), said[0].settle
    else:
        reason, owner, settle = "it was not tried", Owner.OPERATOR, RUN_AGAIN
    proof: list[Proof] = [*seen.proof, *(p for t in tests for p in t.proof)]
    summary = f"Whether {named(seen)} serves without a credential is not known: {reason}."
    yield inconclusive(where(seen), summary, *proof, owner=owner, settle=settle)


def _pages(dut: Dut, seen: Seen[Service]) -> Iterator[Answer]:
    """What the pages leave open, with or without a login test of the service."""
    here = (seen.fact.address, seen.fact.port)
    pages = [p for p in dut.all(HttpPage) if (p.fact.address, p.fact.port) == here]
    shown = [p for p in pages if _shows(p.fact)]
    roots = [p for p in pages if p.fact.path == "/"]
    led_on = any(300 <= p.fact.status < 400 for p in roots)
    if shown:
        page = shown[0].fact
        what = f", titled '{page.title[:60]}'" if page.title else ""
        summary = f"{named(seen)} shows {page.path} without a login (status {page.status}{what})."
        proof = [p for s in shown for p in s.proof]
        yield inconclusive(where(seen), summary, *proof, owner=Owner.TOOL, settle=BY_HAND)
    elif not roots:
        summary = f"The first page of {named(seen)} was not read."
        yield inconclusive(where(seen), summary, *seen.proof, owner=Owner.DEVICE, settle=READ)
    elif led_on and not any(p.fact.path not in ("/", *MADE_FOR_ALL) for p in pages):
        summary = f"{named(seen)} leads on to {roots[0].fact.redirect[:80]}, which was not read."
        yield inconclusive(where(seen), summary, *roots[0].proof, owner=Owner.TOOL, settle=READ)


def _shows(page: HttpPage) -> bool:
    """Whether the page is there for anybody, and is not the one that asks for the login."""
    return 200 <= page.status < 300 and not page.login_form and page.path not in MADE_FOR_ALL
