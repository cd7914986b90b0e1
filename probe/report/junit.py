"""The report for a build server.

One suite for each device and catalogue, one case for each requirement; last, for each device with a
firmware image, a suite with one case for each check on images. FAIL is a failure, ERROR an
error. What is not known and what does not apply is *skipped* with the reason, never a passed case: a
build server then shows the gap without turning every build red, and the exit code of ``probe`` still
tells the two apart. Device-supplied text was cleaned when the view was built, so it is valid in XML.
"""

import xml.etree.ElementTree as ET
from collections import Counter

from probe.model.verdict import Status
from probe.report import junit_checks
from probe.report.groups import short_name, slug
from probe.report.viewmodel import CatalogueView, DeviceView, ReportView, RequirementView


def render(view: ReportView) -> bytes:
    """UTF-8 XML in the dialect that Jenkins, GitLab and GitHub read."""
    root = ET.Element("testsuites", name=f"secure-by-design probe, run {view.run.id}")
    totals: Counter[str] = Counter()
    for device in view.devices:
        for catalogue in device.catalogues:
            suite = _suite(view, device, catalogue)
            totals.update({name: int(suite.attrib[name]) for name in _COUNTED})
            root.append(suite)
    for checks in filter(None, (junit_checks.suite(view, device) for device in view.devices)):
        totals.update({name: int(checks.attrib[name]) for name in _COUNTED})
        root.append(checks)
    for name in _COUNTED:
        root.set(name, str(totals[name]))
    ET.indent(root, " ")
    body: bytes = ET.tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"


_COUNTED = ("tests", "failures", "errors", "skipped")


def _suite(view: ReportView, device: DeviceView, catalogue: CatalogueView) -> ET.Element:
    counts = {c.status: c.all for c in catalogue.counts}
    bad, wrong = counts[Status.FAIL], counts[Status.ERROR]
    suite = ET.Element(
        "testsuite",
        name=f"{device.label} - {short_name(catalogue)}",
        tests=str(catalogue.total),
        failures=str(bad),
        errors=str(wrong),
        skipped=str(catalogue.total - bad - wrong - counts[Status.PASS]),
        timestamp=view.run.started.removesuffix(" UTC").replace(" ", "T"),
        time=f"{view.run.duration_s:g}",
        hostname=view.run.host,
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("device", device.id),
        ("addresses", " ".join(device.addresses)),
        ("mac", device.mac),
        *(("same content", a.value) for a in device.attributes if a.name == "same-content"),
        ("catalogue", catalogue.title),
        ("edition", catalogue.edition),
        ("overall", catalogue.overall),
        ("limit", catalogue.limit),
        ("run", view.run.id),
        ("run status", view.run.status),
        ("plan", view.run.plan),
        ("tool version", view.tool_version),
    ):
        ET.SubElement(properties, "property", name=name, value=value)
    for requirement in catalogue.requirements:
        suite.append(_case(device, catalogue, requirement))
    return suite


def _case(device: DeviceView, catalogue: CatalogueView, requirement: RequirementView) -> ET.Element:
    case = ET.Element(
        "testcase",
        # The device's id and not its label: a label may change from one run to the next.
        # Its dots would be read as packages.
        classname=".".join(
            slug(part).replace(".", "_") for part in (device.id, short_name(catalogue))
        ),
        name=f"{requirement.id} {requirement.title}",
        time="0",
    )
    properties = ET.SubElement(case, "properties")
    kind = "mandatory" if requirement.mandatory else "recommended"
    for name, value in (
        ("status", requirement.status),
        ("level", requirement.level),
        ("kind", kind),
    ):
        ET.SubElement(properties, "property", name=name, value=value)
    match requirement.status:
        case Status.PASS:
            return case
        case Status.FAIL:
            verdict = ET.SubElement(case, "failure", type=kind)
        case Status.ERROR:
            verdict = ET.SubElement(case, "error", type="tool")
        case _:
            verdict = ET.SubElement(case, "skipped")
    verdict.set("message", f"{requirement.status}: {requirement.reason}")
    verdict.text = "\n".join(_details(device, requirement))
    return case


def _details(device: DeviceView, requirement: RequirementView) -> list[str]:
    findings = {f.id: f for f in device.findings}
    weighed = [findings[f] for f in requirement.findings if f in findings]
    told = [f"{f.outcome}: {f.check} on {f.subject}: {f.summary}" for f in weighed]
    return [*told, *(f"next: {step}" for step in requirement.settle), f"more: {requirement.show}"]
