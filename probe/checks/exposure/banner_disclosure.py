"""Do the services keep model and version to themselves until somebody has logged in?"""

import re
from collections.abc import Iterator

from probe.checks.support import (
    conclude,
    scan_proof,
    tcp_gaps,
    udp_scan_gaps,
    unrecognised_udp,
    where,
)
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Proof
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import HttpPage

VERSION = re.compile(
    r"(?i)\b[a-z][\w+-]*[ /_-]v?\d+(?:\.\d+)+|\b(?:version|firmware|fw)\W{0,3}v?\d"
)
OF_PROTOCOL = re.compile(r"(?i)\b(?:HTTP|RTSP|SIP|SSH|UPnP|TLS|RFB|IPP|DLNADOC)[/ -]\d+(?:\.\d+)*")
ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
TELLING = {"server", "x-powered-by", "x-aspnet-version", "via"}


def check(dut: Dut) -> Iterator[Answer]:
    told: dict[str, list[tuple[str, tuple[Proof, ...]]]] = {}
    for seen in dut.services():
        fact = seen.fact
        text = f"{fact.product} {fact.version}".strip() if fact.version else fact.banner
        if fact.version or (fact.protocol != "http" and telling(text)):
            told.setdefault(where(seen), []).append((text, seen.proof))
    read = set()
    for page in dut.all(HttpPage):
        subject = endpoint("tcp", page.fact.address, page.fact.port)
        if page.fact.path == "/":
            read.add(subject)
        said = [value for name, value in page.fact.headers if name in TELLING]
        for text in filter(telling, (*said, page.fact.title)):
            told.setdefault(subject, []).append((text, page.proof))
    unread = [
        inconclusive(
            where(s),
            "A web service answers, and its pages were not read.",
            *s.proof,
            owner=Owner.DEVICE,
            settle="Read the headers and the title of its first page by hand.",
        )
        for s in dut.services("http")
        if where(s) not in read
    ]
    yield from conclude(
        dut,
        [disclosure(subject, items) for subject, items in told.items()],
        [*unread, *tcp_gaps(dut), *unrecognised_udp(dut), *udp_scan_gaps(dut)],
        "No service told a model or version to a visitor without a login.",
        proof=(*scan_proof(dut), *scan_proof(dut, "udp")),
    )


def telling(text: str) -> bool:
    """Whether a text names the version of a product, rather than of a protocol."""
    return VERSION.search(ADDRESS.sub("", OF_PROTOCOL.sub("", text))) is not None


def disclosure(subject: str, items: list[tuple[str, tuple[Proof, ...]]]) -> Answer:
    said = "; ".join(dict.fromkeys(text for text, _ in items))
    summary = f"Before any login the service told: {said[:160]}"
    return violated(subject, summary, *(p for _, proof in items for p in proof))
