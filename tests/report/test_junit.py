"""A build server sees failures as failures and never an unknown as passed."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from probe.report.junit import render
from probe.report.viewmodel import ReportView


@pytest.fixture
def root(view: ReportView) -> ET.Element:
    return ET.fromstring(render(view))


def test_one_suite_for_each_device_and_catalogue(view: ReportView, root: ET.Element) -> None:
    assert len(root.findall("testsuite")) == sum(len(d.catalogues) for d in view.devices) == 4


def test_only_a_pass_has_no_result_element(view: ReportView, root: ET.Element) -> None:
    want = {"FAIL": "failure", "ERROR": "error", "PASS": None}
    cases = root.iter("testcase")
    for device in view.devices:
        for catalogue in device.catalogues:
            for requirement in catalogue.requirements:
                case = next(cases)
                got = [e.tag for e in case if e.tag != "properties"]
                expected = want.get(requirement.status, "skipped")
                assert got == ([expected] if expected else [])
    assert next(cases, None) is None


def test_each_check_of_an_image_is_a_case_with_what_mends_it(view: ReportView) -> None:
    """The first device's answers, as if they had come from checks on an image."""

    def renamed(one):
        return replace(one, check="firmware/" + one.check.replace("/", "_"))

    first = view.devices[0]
    device = replace(
        first,
        findings=tuple(map(renamed, first.findings)),
        problems=tuple(renamed(p) for p in first.problems if p.check),
    )
    of_images = ET.fromstring(render(replace(view, devices=(device,))))
    suite = of_images.findall("testsuite")[-1]
    assert suite.attrib["name"].endswith("firmware checks")
    cases = {case.attrib["name"]: case for case in suite.findall("testcase")}
    assert {*cases} == {f.check for f in device.findings}
    assert device.problems
    for problem in device.problems:
        (said,) = cases[problem.check]
        assert said.tag == ("failure" if problem.fails else "skipped")
        assert f"Fix: {problem.fix}" in said.attrib["message"]
    assert {"failure", "skipped"} <= {e.tag for case in cases.values() for e in case}
    for name, case in cases.items():
        outcomes = {f.outcome for f in device.findings if f.check == name}
        assert len(case) or outcomes <= {"satisfied", "not applicable"}, "an unknown is no pass"
    test_the_numbers_add_up(of_images)
    test_messages_explain(of_images)


def test_the_numbers_add_up(root: ET.Element) -> None:
    for suite in root.findall("testsuite"):
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.attrib[name]) == len(suite.findall(f"testcase/{tag}"))
    for name in ("tests", "failures", "errors", "skipped"):
        parts = sum(int(s.attrib[name]) for s in root.findall("testsuite"))
        assert int(root.attrib[name]) == parts


def test_messages_explain(root: ET.Element) -> None:
    for element in (*root.iter("failure"), *root.iter("skipped"), *root.iter("error")):
        assert element.attrib["message"].split(": ", 1)[1]
        assert "next: " in (element.text or "")
        assert "more: probe show" in (element.text or "")


def test_names_are_unique_in_a_suite(root: ET.Element) -> None:
    for suite in root.findall("testsuite"):
        names = [case.attrib["name"] for case in suite.findall("testcase")]
        assert len(names) == len(set(names))


def test_hostile_text_is_valid_xml_and_only_text(view: ReportView, root: ET.Element) -> None:
    assert root.find(".//script") is None
    assert any("<script>" in (e.text or "") for e in root.iter("failure"))
    out = render(view)
    assert not [b for b in out if b < 0x20 and b != 0x0A]
