"""Do error pages keep the inside of the program to themselves?"""

from collections.abc import Iterator

from probe.checks.exposure.pages import crawl_gaps, crawls, proof_of, subject
from probe.checks.support import conclude, scan_proof
from probe.model.dut import Dut
from probe.model.finding import Answer, violated

KIND = "stack trace"


def check(dut: Dut) -> Iterator[Answer]:
    found = []
    for crawl in crawls(dut):
        pages = [p for p in crawl.fact.pages if any(s.kind == KIND for s in p.sensitive)]
        if pages:
            of = {s.where for p in pages for s in p.sensitive if s.kind == KIND}
            summary = (
                f"A page shows where in the program an error arose ({', '.join(sorted(of))}): "
                f"{', '.join(p.path[:60] for p in pages)[:200]}."
            )
            found.append(violated(subject(crawl.fact), summary, *proof_of(crawl, pages)))
    yield from conclude(
        dut,
        found,
        crawl_gaps(dut),
        "No page that was read, nor the answer to a made-up path, showed the inside of the program.",
        proof=(*(p for c in crawls(dut) for p in c.proof), *scan_proof(dut)),
    )
