"""Is every web interface served over TLS only, with plain HTTP doing no more than leading there?"""

from collections.abc import Iterator

from probe.checks.support import conclude, scan_proof, tcp_gaps, where
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import HttpPage, Service

SETTLE = "Find out by hand what the plain HTTP service is for, and declare it."
NOTHING_HERE = {400, 403, 404, 405, 406, 410, 426, 501, 503}


def check(dut: Dut) -> Iterator[Answer]:
    found, gaps = [], [*tcp_gaps(dut)]
    for seen in dut.services("http"):
        if seen.fact.tls or seen.fact.transport != "tcp":
            continue
        answer = judged(seen, root_of(dut, seen.fact))
        found += [answer] if answer else []
    yield from conclude(
        dut, found, gaps, "No web interface was served over plain HTTP.", proof=scan_proof(dut)
    )


def root_of(dut: Dut, service: Service) -> Seen[HttpPage] | None:
    for page in dut.all(HttpPage):
        fact = page.fact
        place = (fact.address, fact.port, fact.tls, fact.path)
        if place == (service.address, service.port, False, "/"):
            return page
    return None


def judged(seen: Seen[Service], page: Seen[HttpPage] | None) -> Answer | None:
    subject = where(seen)
    if page is None:
        summary = "A plain HTTP service answers; its first page was not read."
        return inconclusive(subject, summary, *seen.proof, owner=Owner.DEVICE, settle=SETTLE)
    status, redirect = page.fact.status, page.fact.redirect
    if 300 <= status < 400 and redirect.lower().startswith("https://"):
        return None
    if status in NOTHING_HERE:
        summary = f"A plain HTTP service answers with status {status}; what it serves is not known."
        return inconclusive(subject, summary, *page.proof, owner=Owner.TOOL, settle=SETTLE)
    what = "asks for a login" if page.fact.auth_schemes or page.fact.login_form else "serves pages"
    return violated(subject, f"It {what} over plain HTTP (status {status}).", *page.proof)
