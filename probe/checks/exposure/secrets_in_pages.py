"""Are the pages that anybody may read free of passwords, keys and saved settings?"""

from collections.abc import Iterator

from probe.checks.exposure.pages import crawl_gaps, crawls, proof_of, subject
from probe.checks.support import conclude, scan_proof
from probe.model.dut import Dut
from probe.model.exposure import CrawledPage
from probe.model.finding import Answer, violated


def check(dut: Dut) -> Iterator[Answer]:
    found = []
    for crawl in crawls(dut):
        pages = [p for p in crawl.fact.pages if any(s.secret for s in p.sensitive)]
        if pages:
            said = "; ".join(map(told, pages))
            summary = f"Readable without a login: {said[:300]}."
            found.append(violated(subject(crawl.fact), summary, *proof_of(crawl, pages)))
    yield from conclude(
        dut,
        found,
        crawl_gaps(dut),
        "No page that was read without a session held a password, a key or a settings file.",
        proof=(*(p for c in crawls(dut) for p in c.proof), *scan_proof(dut)),
    )


def told(page: CrawledPage) -> str:
    """``a wifi key in 'wpa_psk' on /status.json``; what it is, never its value."""
    kinds = dict.fromkeys(f"{s.kind} ({s.where})" for s in page.sensitive if s.secret)
    return f"{', '.join(kinds)} on {page.path[:60]}"
