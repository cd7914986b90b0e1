"""The parts without a screen: filter language, spans, decoding, signs, counts."""

import json

import pytest
from fake_run import CATALOGUES, CHECKS, EN, HOSTILE, LOGIN, FakeSource
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from probe.model.verdict import Status, Verdict
from probe.tui import decode, filters, glyphs, spans, view
from probe.tui.rates import Rates, sparkline

FIELDS = {"status": "fail", "sev": "high", "check": "tls/min_version\naccess/login"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", True),
        ("status:fail", True),
        ("status:f sev:high tls", True),
        ("status:pass", False),
        ("status:pass,fail", True),
        ("-status:fail", False),
        ("-status:pass tls", True),
        ("check:access", True),
        ('"tls versions"', True),
        ('"versions tls"', False),
        ("nothing", False),
        ("TLS", True),
        ("status:", True),
        ('"open quote', False),
    ],
)
def test_filter(text: str, shown: bool) -> None:
    assert filters.parse(text, FIELDS).accepts("old tls versions", FIELDS) is shown


def test_filter_names_the_nearest_key() -> None:
    assert "did you mean 'status'" in filters.parse("stauts:fail", FIELDS).problem
    assert filters.parse("tcp 10.0.0.1:80", FIELDS).problem == ""


@given(st.text(), st.integers(0, 40))
def test_fit_gives_exactly_the_width(text: str, width: int) -> None:
    line = spans.fit(spans.as_line(text), width)
    assert spans.width_of(line) == width


@example("0000000\u2e80", 8, 0)
@given(st.text(), st.integers(8, 40), st.integers(0, 6))
def test_wrap_keeps_within_the_width_and_loses_nothing(text: str, width: int, indent: int) -> None:
    line = spans.as_line(text)
    lines = spans.wrap(line, width, indent)
    assert all(spans.width_of(one) <= max(width, indent + 8) for one in lines)
    kept = "".join(spans.text_of(one) for one in lines).replace(" ", "")
    assert kept == spans.text_of(line).replace(" ", "")


@given(st.text())
def test_safe_leaves_nothing_that_a_terminal_acts_on(text: str) -> None:
    assert all(c.isprintable() for c in spans.safe(text))


@given(st.binary())
def test_escaped_is_printable_and_ascii_when_asked(data: bytes) -> None:
    assert spans.escaped(data).isprintable()
    assert spans.escaped(data, ascii_only=True).isascii()


@given(st.binary(max_size=300), st.integers(0, 300), st.integers(0, 300), st.booleans())
def test_any_bytes_can_be_decoded(data: bytes, start: int, end: int, as_hex: bool) -> None:
    for media in ("application/octet-stream", decode.TRANSCRIPT):
        shown = decode.decoded(media, data, decode.Cited(start, end), as_hex=as_hex)
        assert shown
        assert all(text.isprintable() for one in shown for text, _ in (*one.lead, *one.body))


@pytest.mark.parametrize(
    "line", ["[1,2]", "3", '"connection"', '{"t": "x"}', "[" * 5000, '{"t":1}']
)
def test_a_line_that_is_not_ours_is_shown_as_it_is(line: str) -> None:
    shown = decode.decoded(decode.TRANSCRIPT, line.encode())
    assert spans.text_of(shown[0].body) == line[: decode.LINE_CELLS]


def test_transcript_reads_as_a_dialogue() -> None:
    shown = decode.decoded(decode.TRANSCRIPT, LOGIN)
    text = "\n".join(spans.text_of((*one.lead, *one.body)) for one in shown)
    assert "> probe  GET / HTTP/1.1" in text
    assert r"Server: [bold red]kettled[/]\x1b[2J\x1b]52;c;cm0=\x07" in text
    assert "< device closed its side" in text


def test_only_the_cited_lines_are_marked() -> None:
    second = len(LOGIN.splitlines(keepends=True)[0])
    shown = decode.decoded(decode.TRANSCRIPT, LOGIN, decode.Cited(second, second + 1))
    assert [one.cited for one in shown][:3] == [False, True, False]


def test_hex_line() -> None:
    line = decode.hex_line(b"\x1b[31mKettle\x00", 0, 16, decode.Cited(1, 3))
    assert spans.text_of(line).startswith("000000  1b 5b 33 31 6d 4b 65 74  74 6c 65 00")
    assert spans.text_of(line).endswith(".[31mKettle.")
    assert ("5b 33 ", "mark") in line


def test_a_large_transcript_is_bounded() -> None:
    data = json.dumps({"t": 0, "dir": "<", "hex": (b"x\n" * 100_000).hex()}).encode()
    assert len(decode.decoded(decode.TRANSCRIPT, data)) == decode.MAX_LINES + 1


@given(st.text())
def test_ascii_is_ascii_and_not_wider(text: str) -> None:
    shown = glyphs.to_ascii(spans.safe(text))
    assert shown.isascii()


def test_every_status_has_signs_of_one_cell_that_differ_also_in_ascii() -> None:
    signs = [glyphs.STATUS_GLYPH[status] for status in Status]
    assert all(cell_len(sign) == 1 for sign in signs)
    assert len({glyphs.to_ascii(sign) for sign in signs}) == len(signs)
    assert [glyphs.to_ascii(s) for s in "✓✗!?–·"] == list("+x!?-.")  # noqa: RUF001


@pytest.mark.parametrize(
    ("environ", "ascii_only"),
    [
        ({"LANG": "en_GB.UTF-8", "TERM": "xterm"}, False),
        ({"LANG": "C.utf8", "TERM": "screen"}, False),
        ({"LANG": "C", "TERM": "xterm"}, True),
        ({"LC_ALL": "POSIX", "LANG": "en_GB.UTF-8", "TERM": "xterm"}, True),
        ({"LANG": "en_GB.UTF-8", "TERM": "linux"}, True),
        ({"LANG": "en_GB.UTF-8", "TERM": "vt220"}, True),
    ],
)
def test_needs_ascii(environ: dict[str, str], ascii_only: bool) -> None:
    assert glyphs.needs_ascii(environ) is ascii_only


@pytest.mark.parametrize("seconds", [0.0, 5.0, 25.0, 52.0, 61.0])
def test_counts_add_up_to_the_catalogue(seconds: float) -> None:
    source = FakeSource(seconds)
    source.poll()
    devices = list(source.state.devices)
    for chosen in (devices, devices[:1]):
        views = view.requirement_views(source.state, EN, chosen, CHECKS)
        assert sum(view.totals(views).values()) == len(EN.requirements)
    for one in view.device_views(source.state, EN):
        assert sum(one.counts.values()) == len(EN.requirements)


def test_a_requirement_unjudged_on_one_device_is_not_a_pass() -> None:
    source = FakeSource(52.0)  # the camera and the kettle are judged, the others not
    source.poll()
    views = view.requirement_views(
        source.state, CATALOGUES["psti"], list(source.state.devices), CHECKS
    )
    assert [v.status for v in views] == [Status.FAIL, Status.NOT_TESTED, Status.NOT_TESTED]


def test_verdicts_on_an_edition_that_is_not_shipped_are_still_shown() -> None:
    source = FakeSource(61.0)
    source.poll()
    device = next(iter(source.state.devices))
    old = Verdict(catalogue="psti", edition="2019 draft", requirement=EN.requirements[0].id,
                  device=device, status=Status.FAIL, reason="It was so.")  # fmt: skip
    source.state.verdicts["psti", "2019 draft", old.requirement, device] = old
    found = view.editions(source.state, CATALOGUES)
    assert [(c.id, c.edition) for c in found][-1] == ("psti", "2019 draft")
    assert len(found[-1].requirements) == 1


def test_rates_come_from_running_totals() -> None:
    source, rates = FakeSource(10.0), Rates()
    for entry in source.poll():
        if type(entry.event).__name__ == "BudgetSpent":
            rates.add(entry.at, entry.event)
    device = next(iter(source.state.devices))
    assert rates.latest(device, source.now()) == pytest.approx(24, abs=20)
    assert rates.latest(device, source.now() + 60) is None
    assert sparkline([0, 1, 2], ascii_only=True).isascii()


def test_the_command_to_ask_again_is_quoted() -> None:
    source = FakeSource(61.0)
    source.poll()
    finding = next(iter(source.state.findings.values()))
    said = view.reproduce(source.state, finding)
    assert said == (
        "probe run -i eth1 --target 198.51.100.11 --plan standard -c psti -c en303645"
        "  # and --authorised-by WHO"
    )


def test_hostile_text_is_hostile() -> None:
    assert "\x1b" in HOSTILE
    assert "\u202e" in HOSTILE
