"""Firmware images on the page of a device: bytes, containers, file systems, files, what was found."""

from collections.abc import Iterable

from probe.model import firmware as fw
from probe.model.dut import Dut
from probe.model.finding import Finding, Outcome
from probe.report.firmware_tree import MORE, Node, in_order, tree
from probe.tui.blocks import Block, Field, Heading, Item, Para, Target
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
    """Nothing for a device without an image. A finding leads to itself, all else to its bytes."""
    nodes = tree(dut, MOST_NODES)
    if not nodes:
        return []
    page: list[Block] = [Heading("Layers of the image, and files of interest")]
    page.append(Item(("image", dut.device.id), (("the tree alone, with its findings", "accent"),)))
    bad = violations(findings)
    page += [_block(node, bad) for node in nodes[:MOST_NODES]]
    if len(nodes) > MOST_NODES:
        page.append(Para(f"and {len(nodes) - MOST_NODES} more", role="dim"))
    for seen in dut.all(fw.ImageSurvey):
        unread = seen.fact.unread
        page += [Para(f"not read: {words}", role="dim") for words in unread[:20]]
        if len(unread) > 20:
            page.append(Para(f"and {len(unread) - 20} more that were not read", role="dim"))
    return page + _protections(dut) + _components(dut)


def signature(dut: Dut) -> list[Block]:
    """In one line what is to be said of the protection: of a layer that was changed, or else the outermost."""
    latest = {(s.fact.image, s.fact.place): s.fact for s in dut.all(fw.ImageProtection)}
    changed = (fw.Signing.TAMPERED, fw.Signing.STRIPPED)
    order = sorted(latest.values(), key=lambda p: (p.signing not in changed, in_order(p.place)))
    page: list[Block] = []
    for image in dict.fromkeys(s.fact.image for s in dut.all(fw.ImageSurvey)):
        one = next((p for p in order if p.image == image), None)
        if one is None:
            page.append(Field("Signature", "not known, no update format was recognised"))
            continue
        word = (one.signing.value, _ROLE.get(one.signing, "fail"))
        page.append(Field("Signature", (word, (f"  layer {one.place}, {one.format}", "dim"))))
    return page


def violations(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """By their subject."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.answer.outcome is Outcome.VIOLATED and finding.check.startswith("firmware/"):
            found.setdefault(finding.answer.subject, []).append(finding)
    return found


def take(node: Node, bad: dict[str, list[Finding]]) -> list[Finding]:
    """The findings about the node, taken out of ``bad``."""
    where = f"layer {node.place}"
    about = f"{node.name} in {where}" if node.what == "file" else where
    image = f"{about} of image {node.image[:12]}"
    return [] if node.what == MORE else [*bad.pop(about, ()), *bad.pop(image, ())]


def opens(node: Node) -> Target | None:
    """The bytes that show the node."""
    if node.proof is None:
        return None
    end = "" if node.proof.end is None else str(node.proof.end)
    return ("evidence", node.proof.sha256, str(node.proof.start), end)


def _block(node: Node, bad: dict[str, list[Finding]]) -> Block:
    line: Line = (("  " * node.depth, ""), *_line(node))
    found = take(node, bad)
    target = ("finding", found[0].id) if found else opens(node)
    return Item(target, line) if target else Para(line)


def _line(node: Node) -> Line:
    says = "; ".join(node.says)
    if node.what == MORE:
        return ((says, "dim"),)
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
