"""Whatever a device says, every format stays well formed and says it as data."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import report_sample
from hypothesis import given, settings
from hypothesis import strategies as st
from report_sample import CAM, CATALOGUES, CHECKS, EVIDENCE

from probe.model.device import Attribute
from probe.report import FORMATS
from probe.report.text import show_requirement
from probe.report.view import build_view

ODD = st.text(st.characters(), max_size=60) | st.sampled_from(
    [
        "]]>",
        "--><b>",
        "{{ 7*7 }}",
        "{% raw %}",
        "\ud800",
        "\uffff",
        "\u2028",
        "\x9b31m",
        "' onx=1 \"",
    ]
)


@settings(max_examples=25, deadline=None)
@given(name=ODD, said=ODD)
def test_any_text_in_any_format(name: str, said: str) -> None:
    state = report_sample.state()
    odd = (Attribute(name="name", value=name or "x", source=said),)
    state.devices[CAM.id] = replace(CAM, attributes=odd)
    for key, finding in state.findings.items():
        state.findings[key] = replace(finding, answer=replace(finding.answer, summary=said))
    for where, verdict in state.verdicts.items():
        state.verdicts[where] = replace(verdict, reason=said or "x")
    view = build_view(state, CATALOGUES, CHECKS, EVIDENCE.get, tool_version="0.1.0")
    made = {kind: render(view) for kind, render in FORMATS.items()}
    assert ET.fromstring(made["junit"]).tag == "testsuites"
    page = made["html"].decode("utf-8")
    assert page.count("<script") == page.count("<b>") == page.count('onx=1 "') == 0
    assert ">49<" not in page
    for out in (*made.values(), show_requirement(view, "S-1").encode()):
        text = out.decode("utf-8")
        assert all(c.isprintable() or c == "\n" or c.isspace() for c in text)
        assert not {"\x1b", "\x9b", "\x00", "\u2028", "\u202e"} & set(text)
