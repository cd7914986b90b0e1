"""The pages of text: a device, a requirement, a verdict, a finding. Pure functions of the state."""

import time
from collections.abc import Iterable, Mapping

from probe.model.catalogue import Catalogue, Requirement
from probe.model.check import CheckInfo
from probe.model.evidence import Coverage, EvidenceRef, Proof
from probe.model.finding import Finding
from probe.model.given import given_of
from probe.model.ids import CheckId, DeviceId
from probe.model.observation import NotMeasured, PortScan, Service
from probe.model.state import RunState
from probe.model.verdict import Status, Verdict
from probe.tui import glyphs, view
from probe.tui.blocks import Block, Field, Gap, Heading, Item, Page, Para, Title
from probe.tui.firmware_page import firmware_blocks, signature
from probe.tui.spans import Line, join
from probe.tui.tls_page import tls_blocks

MOST_ITEMS = 200
"""Of one kind on a page; a device can make us find any number of things."""


def status_span(status: Status, *, word: bool = True) -> Line:
    """``✗ FAIL`` in its colour."""
    text = f"{glyphs.STATUS_GLYPH[status]} {status}" if word else glyphs.STATUS_GLYPH[status]
    return ((text, glyphs.STATUS_ROLE[status]),)


def outcome_span(finding: Finding) -> Line:
    """``✗ violated`` in its colour."""
    status = glyphs.OUTCOME_STATUS[finding.answer.outcome]
    text = f"{glyphs.STATUS_GLYPH[status]} {finding.answer.outcome}"
    return ((text, glyphs.STATUS_ROLE[status]),)


def counts_line(counts: Mapping[Status, int], total: bool = True) -> Line:
    """Every status with its count; the counts add up to the number at the end."""
    parts: list[Line] = []
    for status in Status:
        number = counts.get(status, 0)
        role = glyphs.STATUS_ROLE[status] if number else "dim"
        parts.append(((f"{glyphs.STATUS_GLYPH[status]} {status} {number}", role),))
    if total:
        parts.append(((f"= {sum(counts.values())}", "strong"),))
    return join(parts)


def device_page(state: RunState, device: DeviceId, catalogues: Iterable[Catalogue]) -> Page:
    """Who the device is and who says so, its results, its findings, its services."""
    found = state.devices.get(device)
    if found is None:
        return (Title("This device is not part of the run any more."),)
    page: list[Block] = [Title(found.label), Gap()]
    page += [Field("MAC address", found.mac)] if found.mac else []
    page += [Field("Addresses" if i == 0 else "", a) for i, a in enumerate(found.addresses[:12])]
    if len(found.addresses) > 12:
        page.append(Field("", f"and {len(found.addresses) - 12} more"))
    for a in found.attributes[:40]:
        if a.name != "name":
            value = ((a.value, ""), (f"  said by {a.source}", "dim"))
            page.append(Field(a.name.capitalize(), value))
    page.append(Field("Seen by", ", ".join(found.seen_by)))
    dut = state.dut(device)
    page += signature(dut)
    page += _results(state, device, catalogues)
    page += _findings(view.findings_of(state, device))
    page += firmware_blocks(dut, view.findings_of(state, device))
    if not found.is_image_only:
        page += _services(state, device)
    page += tls_blocks(dut)
    page += _not_measured(state, device)
    return tuple(page)


def _results(state: RunState, device: DeviceId, catalogues: Iterable[Catalogue]) -> list[Block]:
    page: list[Block] = [Heading("Results")]
    for catalogue in catalogues:
        one = next(v for v in view.device_views(state, catalogue) if v.device.id == device)
        title = f"{catalogue.title} {catalogue.edition}"
        shown = {s: n for s, n in one.counts.items() if n}
        line = join(
            (((f"{glyphs.STATUS_GLYPH[s]} {s} {shown[s]}", glyphs.STATUS_ROLE[s]),))
            for s in Status
            if s in shown
        )
        target = ("requirements", catalogue.id, catalogue.edition, device)
        page.append(Item(target, ((title, "strong"),), line))
    return page if len(page) > 1 else [*page, Para("No verdicts yet.", role="dim")]


def _findings(found: list[Finding]) -> list[Block]:
    page: list[Block] = [Heading(f"Findings ({len(found)})")]
    page += [finding_item(f) for f in found[:MOST_ITEMS]]
    if len(found) > MOST_ITEMS:
        page.append(Para(f"and {len(found) - MOST_ITEMS} more", role="dim"))
    return page if found else [*page, Para("None yet.", role="dim")]


def finding_item(finding: Finding) -> Item:
    line = join((outcome_span(finding), ((finding.check, ""),), ((finding.answer.subject, "dim"),)))
    return Item(("finding", finding.id), line, finding.answer.summary)


def _services(state: RunState, device: DeviceId) -> list[Block]:
    dut = state.dut(device)
    page: list[Block] = [Heading("Services")]
    for seen in dut.services()[:MOST_ITEMS]:
        s: Service = seen.fact
        name = s.protocol + (" in TLS" if s.tls else "")
        what = " ".join(filter(None, (name, s.product, s.version)))
        page.append(Field(f"{s.transport} {s.port}", ((what, ""), (f"  {s.address}", "dim"))))
    for scan in dut.scans():
        fact: PortScan = scan.fact
        short = "" if fact.complete else ", cut short"
        said = f"{len(fact.open)} open, port list {fact.list_name}{short}"
        page.append(Field("scanned", ((said, "dim"), (f"  {fact.address}", "dim"))))
    return page if len(page) > 1 else [*page, Para("None found yet.", role="dim")]


def _not_measured(state: RunState, device: DeviceId) -> list[Block]:
    missing = [s.fact for s in state.dut(device).all(NotMeasured)][:MOST_ITEMS]
    if not missing:
        return []
    page: list[Block] = [Heading("Could not be measured")]
    for fact in missing:
        page.append(Para(((fact.subject, "strong"), (f"  {fact.collector}", "dim")), "•"))
        page.append(Para(f"  {fact.reason} (cause: {fact.owner})"))
        page.append(Para(f"  What would settle it: {fact.settle}", role="dim"))
    return page


def requirement_page(
    state: RunState,
    catalogue: Catalogue,
    one: view.RequirementView,
    checks: Mapping[CheckId, CheckInfo],
) -> Page:
    """One requirement: its verdict on one device, or the list of verdicts on several."""
    if len(one.verdicts) == 1:
        return verdict_page(state, catalogue, one.requirement, one.verdicts[0], checks)
    page: list[Block] = [_requirement_title(one.requirement), Gap()]
    page.append(Field("Status", (*status_span(one.status), ("  worst of all devices", "dim"))))
    page += _plain(one.requirement)
    page.append(Heading("Devices"))
    for verdict in one.verdicts:
        device = state.devices.get(verdict.device)
        label = device.label if device else verdict.device
        line = join((status_span(verdict.status), ((label, "strong"),)))
        page.append(Item(_verdict_target(verdict), line, verdict.reason))
    if not one.verdicts:
        page.append(Para("Not judged yet.", role="dim"))
    return tuple(page + _about(one.requirement, catalogue))


def _verdict_target(verdict: Verdict) -> tuple[str, ...]:
    return ("verdict", verdict.catalogue, verdict.edition, verdict.requirement, verdict.device)


def verdict_page(
    state: RunState,
    catalogue: Catalogue,
    requirement: Requirement,
    verdict: Verdict | None,
    checks: Mapping[CheckId, CheckInfo],
) -> Page:
    """Status, reason, what would settle it, findings, what a person does by hand."""
    page: list[Block] = [_requirement_title(requirement), Gap()]
    if verdict is None:
        page.append(Field("Status", status_span(Status.NOT_TESTED)))
        page.append(Para("Not judged yet."))
        return tuple(page + _plain(requirement) + _about(requirement, catalogue))
    device = state.devices.get(verdict.device)
    page.append(Field("Status", status_span(verdict.status)))
    page.append(Field("Device", device.label if device else verdict.device))
    page += [Gap(), Para(verdict.reason)]
    if verdict.settle:
        page.append(Heading("What would settle it"))
        page += [Para(way, f"{n}.") for n, way in enumerate(verdict.settle, 1)]
    page.append(Heading("Findings"))
    found = [state.findings[f] for f in verdict.findings if f in state.findings]
    page += [finding_item(f) for f in found[:MOST_ITEMS]]
    answered = {f.check for f in found}
    for mapping in requirement.checks:
        if mapping.check not in answered:
            absent = given_of(device).absent(mapping.check) if device else ""
            line: Line = ((f"{mapping.check} {_not_run(absent)}", "dim"),)
            page.append(Para(line, "·"))
    if not found and not requirement.checks:
        page.append(Para("No check of the probe speaks for this requirement.", role="dim"))
    page += _plain(requirement)
    if requirement.manual:
        owed = " (still owed)" if verdict.manual_owed else ""
        page += [Heading("By hand" + owed), Para(requirement.manual)]
    page += _how_measured(requirement, checks)
    return tuple(page + _about(requirement, catalogue))


def _not_run(absent: str) -> str:
    return f"was not asked: {absent}" if absent else "has not run on this device"


def _requirement_title(requirement: Requirement) -> Title:
    return Title(((requirement.id + "  ", "accent"), (requirement.title, "strong")))


def _plain(requirement: Requirement) -> list[Block]:
    return [Heading("What it means"), Para(requirement.plain)] if requirement.plain else []


def _how_measured(requirement: Requirement, checks: Mapping[CheckId, CheckInfo]) -> list[Block]:
    page: list[Block] = []
    for mapping in requirement.checks:
        info = checks.get(mapping.check)
        question = info.question if info else mapping.check
        page.append(Para(((question, ""), (f"  {mapping.strength}", "dim")), "•"))
        if mapping.note:
            page.append(Para("  " + mapping.note, role="dim"))
    return [Heading("Checks, and how far they carry"), *page] if page else []


def _about(requirement: Requirement, catalogue: Catalogue) -> list[Block]:
    level = requirement.level or ("mandatory" if requirement.mandatory else "recommended")
    fields = (
        ("Catalogue", f"{catalogue.title} {catalogue.edition}"),
        ("Section", requirement.section),
        ("Level", level),
        ("Condition", requirement.condition),
        ("Confidence", requirement.confidence),
        ("Note", requirement.note),
    )
    return [Heading("About the requirement"), *(Field(k, v) for k, v in fields if v)]


def finding_page(
    state: RunState, finding: Finding | None, checks: Mapping[CheckId, CheckInfo]
) -> Page:
    """Question, answer, proof, why it matters, how to mend it, what the check cannot see."""
    if finding is None:
        return (Title("This finding is not part of the run any more."),)
    info, answer = checks.get(finding.check), finding.answer
    device = state.devices.get(finding.device)
    page: list[Block] = [Title(info.question if info else finding.check), Gap()]
    page.append(Field("Answer", outcome_span(finding)))
    page.append(Field("About", answer.subject))
    page.append(Field("Device", device.label if device else finding.device))
    if answer.owner:
        page.append(
            Field("Whose doing", f"that this is not known is the doing of the {answer.owner}")
        )
    page += [Gap(), Para(answer.summary)]
    if answer.settle:
        page += [Heading("What would settle it"), Para(answer.settle)]
    page.append(Heading(f"Proof ({len(answer.proof)})"))
    page += [_proof(p) for p in answer.proof[:MOST_ITEMS]]
    if not answer.proof:
        page.append(Para("None, because nothing was shown.", role="dim"))
    if info is not None:
        page += [Heading("Why it matters"), Para(info.why), Gap()]
        page += [Field("Risk", info.plain_risk), Field("Severity", info.severity)]
        page += [Heading(f"How to mend it (effort: {info.effort})"), Para(info.fix)]
        page += [Field("Ask the maker", info.ask)] if info.ask else []
        page.append(Heading("What this check cannot see"))
        page += [Para(text, "•") for text in info.limitations]
    page += [Heading("Ask again"), Para(view.reproduce(state, finding), role="accent")]
    page.append(Heading("About the check"))
    page.append(Field("Check", finding.check))
    page += [Field("Policy", finding.policy)] if finding.policy else []
    if info is not None and info.references:
        page.append(Field("References", "; ".join(info.references)))
    for name, value in answer.measured.items():
        page.append(Field("Measured", f"{name} = {value}"))
    return tuple(page)


def _proof(proof: Proof) -> Block:
    match proof:
        case EvidenceRef(sha256=sha256, start=start, end=end, caption=caption):
            part = "" if end is None and not start else f"bytes {start} to {end or 'the end'}"
            line = join(
                filter(
                    None,
                    (
                        ((caption or "recorded bytes", ""),),
                        ((part, "dim"),) if part else (),
                        ((f"sha256 {sha256[:16]}…", "dim"),),
                    ),
                )
            )
            return Item(("evidence", sha256, str(start), "" if end is None else str(end)), line)
        case Coverage(tried=tried, times=times, deadline_s=deadline, answered=answered):
            how = f"{times} times" if times != 1 else "once"
            said = f"Tried: {tried}, {how}, waited {deadline:g} s each, {answered} answers"
            return Para(said, "•")


def moment(at: float) -> str:
    """Local date and time of day."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
