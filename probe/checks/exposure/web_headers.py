"""Do the web pages tell browsers not to frame them, not to guess types, and where scripts may come from?"""

import re
from collections.abc import Iterator

from probe.checks.exposure.pages import first_pages, unread_services
from probe.checks.support import conclude, scan_proof
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, violated
from probe.model.observation import HttpPage

FRAMING = re.compile(r"(?i)\bframe-ancestors\b")


def check(dut: Dut) -> Iterator[Answer]:
    pages = first_pages(dut)
    found = []
    for place, read in pages.items():
        lacking = dict.fromkeys(name for seen in read for name in missing(seen))
        if lacking:
            summary = f"Its pages come without {', '.join(lacking)}."
            found.append(violated(place, summary, *(p for s in read for p in s.proof)))
    yield from conclude(
        dut,
        found,
        unread_services(dut),
        "Every page that was read came with the headers that guard it in a browser.",
        proof=(*(p for read in pages.values() for s in read for p in s.proof), *scan_proof(dut)),
    )


def missing(seen: Seen[HttpPage]) -> Iterator[str]:
    said: dict[str, str] = {}
    for name, value in seen.fact.headers:
        said[name] = f"{said.get(name, '')}, {value}"
    policy = said.get("content-security-policy", "")
    if not policy:
        yield "Content-Security-Policy"
    if not FRAMING.search(policy) and "x-frame-options" not in said:
        yield "frame-ancestors or X-Frame-Options"
    if "nosniff" not in said.get("x-content-type-options", "").lower():
        yield "X-Content-Type-Options: nosniff"
