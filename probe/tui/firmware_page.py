"""Firmware images on the page of a device: bytes, containers, file systems, files, what was found."""

from collections.abc import Iterable

from probe.model import firmware as fw
from probe.model.dut import Dut
from probe.model.finding import Finding, Outcome
from probe.report.firmware_tree import Node, in_order, tree
from probe.tui.blocks import Block, Field, Heading, Item, Para
from probe.tui.spans import Line

MOST_NODES = 300
MOST_COMPONENTS = 100
_ROLE = {
    fw.Signing.VERIFIED: "pass",
    fw.Signing.NOT_VERIFIED: "unknown",
    fw.Signing.ENCRYPTED: "unknown",
    fw.Signing.UNREADABLE: "unknown",
}
"""Every other word on a signature is bad news."""


def firmware_blocks(dut: Dut, findings: Iterable[Finding]) -> list[Block]:
    """Nothing for a device without an image. What a finding speaks of leads to it."""
    nodes = tree(dut)
    if not nodes:
        return []
    page: list[Block] = [Heading("Layers of the image, and files of interest")]
    bad = {f.answer.subject: f.id for f in findings if f.answer.outcome is Outcome.VIOLATED}
    page += [_block(node, bad) for node in nodes[:MOST_NODES]]
    if len(nodes) > MOST_NODES:
        page.append(Para(f"and {len(nodes) - MOST_NODES} more", role="dim"))
    for seen in dut.all(fw.ImageSurvey):
        unread = seen.fact.unread
        page += [Para(f"not read: {words}", role="dim") for words in unread[:20]]
        if len(unread) > 20:
            page.append(Para(f"and {len(unread) - 20} more that were not read", role="dim"))
    return page + _protections(dut) + _components(dut)


def _block(node: Node, bad: dict[str, str]) -> Block:
    where = f"layer {node.place}"
    about = f"{node.name} in {where}" if node.what == "file" else where
    line: Line = (("  " * node.depth, ""), *_line(node))
    found = next(
        (f for subject, f in bad.items() if subject == about or subject.startswith(f"{about} of ")),
        None,
    )
    return Item(("finding", found), line) if found else Para(line)


def _line(node: Node) -> Line:
    says = "; ".join(node.says)
    if node.what == "file":
        return ((node.name, ""), (f"  {says}", "dim"))
    words = "  ".join(filter(None, (node.what, f"{node.size} bytes", node.version)))
    return ((f"{node.place} {node.name}", "strong"), (f"  {words}", ""), (f"  {says}", "dim"))


def _protections(dut: Dut) -> list[Block]:
    latest = {(s.fact.image, s.fact.place): s.fact for s in dut.all(fw.ImageProtection)}
    page: list[Block] = []
    for p in sorted(latest.values(), key=lambda p: in_order(p.place)):
        name = f"{p.place} {p.format}"
        page.append(
            Field(name, ((p.signing.value, _ROLE.get(p.signing, "fail")), (f"  {p.detail}", "")))
        )
        counter = "" if p.rollback_value is None else f" ({p.rollback_value})"
        for word, text in (
            ("scheme", p.scheme),
            ("weak", p.weak),
            ("public test key", p.public_key),
            ("covers", p.covers),
            ("against older", p.rollback.value + counter),
        ):
            if text:
                page.append(Field("", ((f"{word}: ", "dim"), (text, ""))))
    return [Heading("Protection of the layers"), *page] if page else []


def _components(dut: Dut) -> list[Block]:
    found = sorted(
        (s.fact for s in dut.all(fw.ImageComponent)),
        key=lambda c: (not c.advisories, c.name, c.version),
    )
    page: list[Block] = []
    for c in found[:MOST_COMPONENTS]:
        known = f"  by version alone: {'; '.join(c.advisories)}" if c.advisories else ""
        page.append(Field(c.name, ((c.version, ""), (f"  {c.evidence}, {c.path}{known}", "dim"))))
    if len(found) > MOST_COMPONENTS:
        page.append(Para(f"and {len(found) - MOST_COMPONENTS} more", role="dim"))
    return [Heading(f"Components ({len(found)})"), *page] if page else []
