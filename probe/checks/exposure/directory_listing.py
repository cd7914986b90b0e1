"""Do the web services keep the list of their files to themselves?"""

from collections.abc import Iterator

from probe.checks.exposure.pages import crawl_gaps, crawls, first_pages, proof_of, subject
from probe.checks.support import conclude, scan_proof
from probe.model.dut import Dut
from probe.model.finding import Answer, violated


def check(dut: Dut) -> Iterator[Answer]:
    found = []
    for crawl in crawls(dut):
        pages = [p for p in crawl.fact.pages if p.listing]
        if pages:
            paths = ", ".join(p.path[:60] for p in pages)[:200]
            summary = f"It lists its files to everybody: {paths}."
            found.append(violated(subject(crawl.fact), summary, *proof_of(crawl, pages)))
    named = {answer.subject for answer in found}
    for place, read in first_pages(dut).items():
        lists = [s for s in read if s.fact.title.lower().startswith("index of /")]
        if lists and place not in named:
            summary = f"It lists its files to everybody: {lists[0].fact.path[:60]}."
            found.append(violated(place, summary, *lists[0].proof))
    yield from conclude(
        dut,
        found,
        crawl_gaps(dut),
        "No page that was read without a session listed the files of a directory.",
        proof=(*(p for c in crawls(dut) for p in c.proof), *scan_proof(dut)),
    )
