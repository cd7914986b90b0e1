"""What the checks of web pages share: the crawls, the first pages, and what is unknown about both."""

from collections.abc import Iterable, Iterator

from probe.checks.access.logins import only_redirects
from probe.checks.support import named, tcp_gaps, where
from probe.model.device import endpoint
from probe.model.dut import Dut, Seen
from probe.model.evidence import Proof
from probe.model.exposure import CrawledPage, Shown, WebCrawl
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.observation import HttpPage, Service

NOT_CRAWLED = "Run again when the service answers; else walk through its pages with a browser."
UNREAD = "Walk through the pages that were not read with a browser, and record the result."
FIRST_PAGE = "Read the headers of its first page by hand."
DULL = ("javascript", "css", "image/", "font", "manifest")
"""Media types that make up a page and say nothing by themselves."""
MADE_FOR_ALL = ("/robots.txt", "/favicon.ico", "/.well-known/")

Place = tuple[str, int, bool]


def web_services(dut: Dut) -> list[Seen[Service]]:
    """Every web service over TCP that does more than lead to another one of the device."""
    found = [s for s in dut.services("http") if s.fact.transport == "tcp"]
    return [s for s in found if not only_redirects(dut, [s])]


def crawls(dut: Dut) -> list[Seen[WebCrawl]]:
    return list(dut.all(WebCrawl))


def subject(crawl: WebCrawl) -> str:
    return endpoint("tcp", crawl.address, crawl.port)


def proof_of(crawl: Seen[WebCrawl], pages: Iterable[CrawledPage]) -> tuple[Proof, ...]:
    return crawl.showing(tuple(page.evidence for page in pages))


def crawl_gaps(dut: Dut) -> Iterator[Answer]:
    """What is unknown about the pages of the device, ports and addresses included.

    The crawl of a service on one address stands for the same port on the others.
    """
    crawled = {(s.fact.port, s.fact.tls): s for s in crawls(dut)}
    read = {(s.fact.address, s.fact.port) for s in dut.all(HttpPage)}
    for seen in web_services(dut):
        crawl = crawled.get((seen.fact.port, seen.fact.tls))
        if (seen.fact.address, seen.fact.port) not in read:
            summary = f"{named(seen)} answers, and its first page was not read."
            yield inconclusive(
                where(seen), summary, *seen.proof, owner=Owner.DEVICE, settle=FIRST_PAGE
            )
        elif crawl is None:
            summary = f"The pages of {named(seen)} were not read further than the first."
            owner, settle = Owner.DEVICE, NOT_CRAWLED
            yield inconclusive(where(seen), summary, *seen.proof, owner=owner, settle=settle)
        elif crawl.fact.problem:
            summary = f"Reading the pages broke off: {crawl.fact.problem}."
            owner, settle = Owner.DEVICE, NOT_CRAWLED
            yield inconclusive(where(seen), summary, *crawl.proof, owner=owner, settle=settle)
        elif silent := [page.path for page in crawl.fact.pages if page.status is None]:
            summary = f"{len(silent)} pages gave no answer, the first of them {silent[0]}."
            owner, settle = Owner.DEVICE, NOT_CRAWLED
            yield inconclusive(where(seen), summary, *crawl.proof, owner=owner, settle=settle)
        elif crawl.fact.unread:
            summary = (
                f"{crawl.fact.unread} linked pages were not read: {crawl.fact.most} connections were "
                "allowed."
            )
            owner, settle = Owner.OPERATOR, UNREAD
            yield inconclusive(where(seen), summary, *crawl.proof, owner=owner, settle=settle)
    yield from tcp_gaps(dut)


def content(crawl: WebCrawl) -> list[CrawledPage]:
    """The pages that somebody without a session reads, without what only makes them up."""
    return [
        page
        for page in crawl.pages
        if page.shown is Shown.READABLE
        and not any(word in page.media_type for word in DULL)
        and not page.path.startswith(MADE_FOR_ALL)
    ]


def first_pages(dut: Dut) -> dict[str, list[Seen[HttpPage]]]:
    """The pages of each service that were really pages (2xx, or a login), by subject."""
    found: dict[str, list[Seen[HttpPage]]] = {}
    for seen in dut.all(HttpPage):
        page = seen.fact
        if 200 <= page.status < 300 and not page.path.startswith(MADE_FOR_ALL):
            found.setdefault(endpoint("tcp", page.address, page.port), []).append(seen)
    return found


def unread_services(dut: Dut) -> Iterator[Answer]:
    """Inconclusive for each web service of which no page was shown: unread, or behind a login."""
    for seen in web_services(dut):
        if where(seen) not in first_pages(dut):
            summary = f"{named(seen)} answers, and it showed no page."
            yield inconclusive(
                where(seen), summary, *seen.proof, owner=Owner.DEVICE, settle=FIRST_PAGE
            )
    yield from tcp_gaps(dut)
