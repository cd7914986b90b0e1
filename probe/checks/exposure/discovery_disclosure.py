"""Do the device's own announcements keep the firmware version to themselves?"""

import re
from collections.abc import Iterator

from probe.checks.support import DEVICE, FILTER_SETTLE, conclude, scan_proof, udp_gaps
from probe.model.dut import Dut
from probe.model.evidence import Proof
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import Announced, UdpSilence

KEYS = re.compile(r"(?i)^(?:fv|fw|fwver|firmware.*|sw|swver|software.*|ver|version|srcvers)$")
SERVER_VERSION = re.compile(r"\d+\.\d+")


def check(dut: Dut) -> Iterator[Answer]:
    seen = list(dut.all(Announced))
    found = 0
    for announced in seen:
        fact = announced.fact
        told = [f"{k}={v}" for k, v in fact.attributes if v and KEYS.match(k)]
        told += [v for k, v in fact.attributes if k == "server" and SERVER_VERSION.search(v)]
        if told:
            found += 1
            subject = f"{fact.via} {fact.kind} {fact.name}"[:160]
            yield violated(
                subject, f"Announced to everybody: {', '.join(told)[:160]}", *announced.proof
            )
    if found:
        return
    # What was heard of a protocol answers for it; of the other, silence is not a word.
    gaps = [*udp_gaps(dut, {"mdns", "ssdp"} - {s.fact.via for s in seen})]
    if not seen and (gaps or dut.services("mdns", "ssdp")):
        summary = "No announcement was heard; that the device makes none is not shown by that."
        yield inconclusive(DEVICE, summary, owner=Owner.NETWORK, settle=FILTER_SETTLE)
        return
    yield from conclude(
        dut,
        [],
        gaps,
        "Its announcements held no version."
        if seen
        else "It announced nothing and refused mDNS and SSDP questions.",
        proof=(*(p for a in seen for p in a.proof), *scan_proof(dut, "udp"), *refusals(dut)),
    )


def refusals(dut: Dut) -> tuple[Proof, ...]:
    """The proofs of mDNS and SSDP questions that the device refused."""
    asked = (s for s in dut.all(UdpSilence) if s.fact.protocol in ("mdns", "ssdp"))
    return tuple(p for seen in asked for p in seen.proof)
