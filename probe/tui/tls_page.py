"""The TLS services of a device, each as a line that is read at a glance and the reasons under it."""

from probe.checks.tls.posture import Posture, posture
from probe.checks.tls.services import measured_services, service_of
from probe.model.dut import Dut
from probe.model.verdict import Status
from probe.tui import glyphs
from probe.tui.blocks import Block, Field, Heading, Para

MOST_SERVICES = 50


def tls_blocks(dut: Dut) -> list[Block]:
    """Per service the versions offered, then only the reasons that have something to say."""
    measured = measured_services(dut)
    services = [s.fact for s in measured.values()][:MOST_SERVICES]
    gaps = [s.fact for s in dut.missing("tls") if service_of(s.fact.subject) not in measured]
    page: list[Block] = [Heading("TLS")] if services or gaps else []
    for seen in map(posture, services):
        page += _service(seen)
    for gap in gaps[:MOST_SERVICES]:
        page.append(
            Para(((f"{service_of(gap.subject)}: inconclusive: ", "strong"), (gap.reason, "")), "•")
        )
    return page


def _service(seen: Posture) -> list[Block]:
    status = _status(seen)
    offered = ", ".join(seen.offered) or "no TLS"
    mark = (f"{glyphs.STATUS_GLYPH[status]} {offered}", glyphs.STATUS_ROLE[status])
    where, _, port = seen.where.rpartition(":")
    transport, _, address = where.partition(" ")
    page: list[Block] = [
        Field(f"{transport} {port}", (mark, (f"  {seen.kind}  {address}", "dim"))),
    ]
    for label, text in (
        ("offered but weak", "; ".join(seen.weak)),
        ("not offered", ", ".join(seen.not_offered)),
        (seen.trust.value, seen.trust_detail),
        ("no answer about", "; ".join(seen.unknown)),
    ):
        if text:
            page.append(Para(((f"{label}: ", "strong"), (text, "")), "•"))
        elif label == seen.trust.value:
            page.append(Para(((label, "strong"),), "•"))
    return page


def _status(seen: Posture) -> Status:
    """For glyph and colour only. Nothing weak seen is no pass: the checks and the judge decide."""
    if seen.bad:
        return Status.FAIL
    return Status.NOT_TESTED if seen.certain else Status.INCONCLUSIVE
