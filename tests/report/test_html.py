"""The page parses, is complete without scripts, and shows what devices say as data."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
import report_sample
from report_sample import CATALOGUES, CHECKS, EVIDENCE

from probe.model.event import Entry, RunStarted
from probe.model.state import RunState
from probe.report.groups import other_ways
from probe.report.html import GLYPHS, render
from probe.report.view import build_view
from probe.report.viewmodel import ReportView

VOID = {"meta", "br", "wbr", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Collects tags, ids, links and text; fails on a tag that closes another."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.append(name)
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(view: ReportView) -> Page:
    return Page(render(view).decode())


def test_every_tag_is_closed_in_order(page: Page) -> None:
    assert page.open == []


def test_nothing_is_executed_or_fetched(page: Page) -> None:
    assert not {"script", "iframe", "img", "object", "link", "form"} & set(page.tags)
    assert not [name for name in page.attributes if name.startswith("on")]
    assert all(link.startswith("#") for link in page.links)


def test_every_link_has_its_target_once(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)


def test_markup_and_escapes_of_a_device_are_text(view: ReportView, page: Page) -> None:
    source = render(view).decode()
    assert report_sample.MARKUP in page.text
    assert report_sample.MARKUP not in source
    assert "\x1b" not in source
    assert "\x00" not in source


def test_tables_have_headers(view: ReportView) -> None:
    source = render(view).decode()
    for table in source.split("<table")[1:]:
        assert 'scope="col"' in table.split("</table>")[0]


def test_the_sections_come_in_the_order_a_reader_needs(view: ReportView) -> None:
    source = render(view).decode()
    for number in ("1", "2"):
        places = [source.index(f'<h2 id="d-{number}-{section}"') for section in range(1, 7)]
        assert places == sorted(places)
    assert source.index('id="d-2-6"') < source.index('id="evidence"') < source.index('id="annex"')


def test_columns_are_in_the_order_of_the_counts(view: ReportView) -> None:
    counts = view.devices[0].catalogues[0].counts
    assert [c.status for c in counts] == list(GLYPHS)


def test_status_is_a_word_and_a_glyph(page: Page) -> None:
    for shown in (
        "\u2713PASS",
        "\u2717FAIL",
        "!ERROR",
        "?INCONCLUSIVE",
        "\u00b7NOT TESTED",
        "\u2013N/A",
    ):
        assert shown in page.text


def test_every_unknown_requirement_shows_how_to_settle_it(view: ReportView, page: Page) -> None:
    for device in view.devices:
        for catalogue in device.catalogues:
            for requirement in catalogue.requirements:
                if requirement.status in ("INCONCLUSIVE", "NOT TESTED", "ERROR"):
                    ways = other_ways(requirement)
                    assert all(way in page.text for way in ways)
                    assert ways or requirement.manual[0] in page.text


def test_what_the_page_for_the_buyer_leaves_out_is_told(view: ReportView) -> None:
    device = view.devices[0]
    some = [p for p in device.problems if p.fails]
    many = tuple(replace(some[0], ask=f"Question {n}?") for n in range(11))
    text = Page(render(replace(view, devices=(replace(device, problems=many),))).decode()).text
    sheet, _, rest = text.partition("2 What is not known")
    assert "And 3 more, see section 4." in sheet
    assert "Question 10?" in rest


def test_a_single_device_begins_with_its_decision_sheet() -> None:
    state = report_sample.state()
    del state.devices[report_sample.PLUG.id], state.devices[report_sample.PRINTER.id]
    view = build_view(state, CATALOGUES, CHECKS, EVIDENCE.get, tool_version="0.1.0")
    source = render(view).decode()
    assert "devices</h1>" not in source
    assert Page(source).open == []


def test_an_empty_run_still_makes_a_page() -> None:
    full = report_sample.state()
    assert full.run
    state = RunState()
    state.apply(Entry(seq=1, at=full.started_at, event=RunStarted(run=full.run)))
    page = Page(render(build_view(state, [], {}, EVIDENCE.get, tool_version="0.1.0")).decode())
    assert "No device was tested." in page.text


def test_a_run_judged_under_nothing_still_makes_a_page() -> None:
    view = build_view(report_sample.state(), [], CHECKS, EVIDENCE.get, tool_version="0.1.0")
    assert "judged under no catalogue" in Page(render(view).decode()).text
