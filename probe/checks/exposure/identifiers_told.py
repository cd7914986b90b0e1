"""Does the device keep what tells it or its owner apart to itself: serial, SSID, e-mail, position, MAC?"""

import re
from collections.abc import Iterator

from probe.checks.exposure.pages import crawl_gaps, crawls, subject
from probe.checks.support import conclude, scan_proof, where
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Proof
from probe.model.exposure import IDENTIFIER_KINDS
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import Announced, HttpPage

KEYS = (
    (re.compile(r"(?i)^(?:sn|serial.*)$"), "serial"),
    (re.compile(r"(?i)^e?ssid$"), "ssid"),
    (re.compile(r"(?i)^(?:e-?mail|owner)$"), "e-mail"),
    (re.compile(r"(?i)^(?:lat|lon|lng|latitude|longitude|gps)$"), "position"),
)
UNHEARD = "No announcement was heard, and no description was read; the device may make some."
LISTEN = "Run again, and let discovery listen on the network that the device is made for."

Told = dict[str, tuple[dict[str, None], list[Proof]]]


def check(dut: Dut) -> Iterator[Answer]:
    told: Told = {}
    for crawl in crawls(dut):
        for page in crawl.fact.pages:
            for one in page.sensitive:
                if one.kind in IDENTIFIER_KINDS:
                    text = f"{one.kind} ({one.where}, {page.path[:60]})"
                    add(told, subject(crawl.fact), text, crawl.showing((page.evidence,)))
    announced = list(dut.all(Announced))
    for said in announced:
        for kind in kinds(said.fact):
            add(told, f"{said.fact.via} {said.fact.kind}"[:120], kind, said.proof)
    if dut.device.mac:
        greeted(told, dut, dut.device.mac)
    unheard = inconclusive("announcements", UNHEARD, owner=Owner.NETWORK, settle=LISTEN)
    proof = [p for c in crawls(dut) for p in c.proof] + [p for s in announced for p in s.proof]
    yield from conclude(
        dut,
        [
            violated(place, f"Told before any login: {', '.join(texts)[:220]}.", *shown)
            for place, (texts, shown) in told.items()
        ],
        [*([] if announced else [unheard]), *crawl_gaps(dut)],
        "No serial number, network name, e-mail address or position was told before a login.",
        proof=(*proof, *scan_proof(dut)),
    )


def kinds(fact: Announced) -> Iterator[str]:
    """``serial (sn)`` for each attribute whose name says that it identifies somebody."""
    for key, value in fact.attributes:
        yield from (f"{kind} ({key})" for pattern, kind in KEYS if value and pattern.match(key))


def greeted(told: Told, dut: Dut, mac: str) -> None:
    """The device's own MAC address, in any spelling, in greetings and first pages.

    Announcements travel in frames that carry it anyway; pages and greetings are routed.
    """
    spelled = re.compile(f"(?i)(?<![0-9a-f]){'[:.-]?'.join(mac.split(':'))}(?![0-9a-f])")
    for service in dut.services():
        if spelled.search(f"{service.fact.product} {service.fact.banner}"):
            add(told, where(service), "mac (greeting)", service.proof)
    for read in dut.all(HttpPage):
        texts = (read.fact.title, *(value for _, value in read.fact.headers))
        if any(map(spelled.search, texts)):
            place = endpoint("tcp", read.fact.address, read.fact.port)
            add(told, place, "mac (page)", read.proof)


def add(told: Told, place: str, text: str, proof: tuple[Proof, ...]) -> None:
    texts, proofs = told.setdefault(place, ({}, []))
    texts.setdefault(text)
    proofs.extend(p for p in proof if p not in proofs)
