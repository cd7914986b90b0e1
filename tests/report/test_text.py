"""Plain text: one fact a line, narrow, without anything a terminal would obey."""

import pytest

from probe.errors import Exit, ProbeError
from probe.model.run import RunStatus
from probe.model.summary import RunSummary
from probe.model.verdict import Status
from probe.report import text
from probe.report.groups import short_name, ways_to_settle
from probe.report.limits import UNKNOWN
from probe.report.viewmodel import ReportView


def summary(status: RunStatus) -> RunSummary:
    return RunSummary(
        id="20260101-000000-aaaa",
        started_at=1.0,
        status=status,
        interface="eth1",
        plan="quick",
        devices=3,
        counts={Status.FAIL: 5, Status.PASS: 2},
    )


def outputs(view: ReportView) -> dict[str, str]:
    return {
        "summary": text.summary(view, "report.html"),
        "run": text.show_run(view),
        "requirement": text.show_requirement(view, "S-1"),
        "runs": text.runs_table([summary(RunStatus.FINISHED)]),
    }


@pytest.mark.parametrize("which", ["summary", "run", "requirement", "runs"])
def test_lines_are_narrow_and_harmless(view: ReportView, which: str) -> None:
    out = outputs(view)[which]
    assert out.endswith("\n")
    for line in out.splitlines():
        assert len(line) <= 100 or line.startswith("    $ "), "a command stays whole"
        assert line.isprintable()
        assert line == line.rstrip()


def test_the_summary_tells_counts_failures_and_where_the_report_is(view: ReportView) -> None:
    out = text.summary(view, "/tmp/report.html")
    assert "8 requirements: 3 FAIL, 1 INCONCLUSIVE, 2 NOT TESTED, 1 PASS, 1 N/A." in out
    assert out.count("  FAIL  ") == 3
    assert out.endswith("Report: /tmp/report.html\n")
    assert "Seen, not tested: 198.51.100.99" in out


def test_a_requirement_is_shown_from_verdict_to_evidence(view: ReportView) -> None:
    out = text.show_requirement(view, "sample:S-1")
    order = ["Verdict: FAIL", "Finding: violated", "sha256 ", "| ", "GET /config"]
    places = [out.index(part) for part in order]
    assert places == sorted(places)
    assert "Small catalogue" not in out
    assert "Verdict: ERROR" in out, "the second device is shown too"


def test_an_unknown_requirement_shows_every_way_out(view: ReportView) -> None:
    out = text.show_requirement(view, "sample:S-5")
    assert "Next: Declare the disclosure policy." in out
    assert "By hand (still owed):" in out
    assert "  3. Write down where it was." in out


def test_coverage_is_told_as_what_was_tried(view: ReportView) -> None:
    out = text.show_requirement(view, "small:S-9")
    assert "Tried: connect to tcp 198.51.100.12:23: tried 3 times, 2 s each, nothing" in out


def test_a_wrong_id_is_answered_with_the_nearest(view: ReportView) -> None:
    with pytest.raises(ProbeError, match="Did you mean S-1") as caught:
        text.show_requirement(view, "S-11")
    assert caught.value.exit_code is Exit.USAGE


def test_no_run_yet() -> None:
    assert text.runs_table([]) == "There is no run yet.\n"


def test_the_list_of_runs_says_how_each_ended() -> None:
    given = [summary(RunStatus.INTERRUPTED), summary(RunStatus.FINISHED)]
    lines = text.runs_table(given).splitlines()
    assert lines[0].split()[:4] == ["RUN", "STARTED", "STATUS", "INTERFACE"]
    assert [line.split()[4] for line in lines[1:]] == ["interrupted", "finished"]
    assert lines[1].split()[-2:] == ["3", "5"]


def test_each_way_to_settle_an_unknown_stands_once_with_what_it_settles(view: ReportView) -> None:
    out = " ".join(text.show_run(view).split())
    for device in view.devices:
        ways = ways_to_settle(device)
        unknown = [
            (short_name(c), r.id, r.settle[0])
            for c in device.catalogues
            for r in c.requirements
            if r.status in UNKNOWN and r.settle
        ]
        assert unknown
        assert all(requirement in ways[way][name] for name, requirement, way in unknown)
        for way, named in ways.items():
            ids = "; ".join(f"{name} {', '.join(which)}" for name, which in named.items())
            assert f"{ids}: {' '.join(way.split())}" in out
