"""Does a web interface with a login show nothing but the login before it?"""

from collections.abc import Iterator

from probe.checks.exposure.pages import content, crawl_gaps, crawls, proof_of, subject
from probe.checks.support import conclude, scan_proof
from probe.model.dut import Dut, Seen
from probe.model.exposure import Shown, WebCrawl
from probe.model.finding import Answer, Owner, inconclusive, violated

BY_HAND = "Look at the pages, and record whether each is meant for everybody."


def check(dut: Dut) -> Iterator[Answer]:
    found = [answer for crawl in crawls(dut) for answer in judged(crawl)]
    yield from conclude(
        dut,
        found,
        crawl_gaps(dut),
        "No page was readable without a login.",
        proof=(*(p for c in crawls(dut) for p in c.proof), *scan_proof(dut)),
    )


def judged(crawl: Seen[WebCrawl]) -> Iterator[Answer]:
    readable = content(crawl.fact)
    if not readable:
        return
    asks = [p for p in crawl.fact.pages if p.shown is Shown.GUARDED]
    paths = ", ".join(p.path[:60] for p in readable)[:240]
    pages = "1 page" if len(readable) == 1 else f"{len(readable)} pages"
    if asks:
        summary = f"{asks[0].path[:60]} asks for a login, and {pages} can be read without: {paths}."
        yield violated(subject(crawl.fact), summary, *proof_of(crawl, (*asks[:1], *readable)))
    else:
        summary = f"{pages} can be read, and none asks for a login: {paths}."
        yield inconclusive(
            subject(crawl.fact),
            summary,
            *proof_of(crawl, readable),
            owner=Owner.OPERATOR,
            settle=BY_HAND,
        )
