"""The screen after an image: what to mend first, in which files, and how; never more than a terminal shows."""

from dataclasses import replace
from pathlib import Path

import pytest

from probe.cli import app
from probe.report.firmware_summary import SCREEN, in_order, summary
from probe.report.viewmodel import ProblemView, ReportView, TableView
from tests.firmware_checks.content.planted import archive, plants

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def test_the_planted_router_fills_one_screen_worst_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "store"))
    image = tmp_path / "planted.cpio"
    image.write_bytes(archive({p.path: p.bad for p in plants()}))
    monkeypatch.setattr("sys.argv", ["probe", "firmware", str(image)])
    assert app.run_app() == 1
    logged = capsys.readouterr().out
    assert ELLIPSIS not in logged, "a log keeps whole what a terminal has no room for"
    assert len(logged.splitlines()) > SCREEN
    assert "    and 1" not in logged
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert app.run_app() == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= SCREEN
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "To mend, in this order (19: 5 critical, 5 high" in text
    first = lines.index(next(line for line in lines if line.startswith(" 1. ")))
    assert lines[first].startswith(" 1. critical")
    said = "\n".join(lines[first : first + 5])
    assert "line " in said
    assert "In: etc/" in said
    assert "Mend (" in said
    severities = [line.split()[1] for line in lines if line[:3].strip().rstrip(".").isdigit()]
    assert severities == sorted(severities)  # critical before high
    assert "more" in text


def problem(check: str, severity: str, effort: str, *, fails: bool = True) -> ProblemView:
    return ProblemView(
        check=check, question="?", severity=severity, effort=effort, risk="", why="w", fix="f",
        references=(), findings=(), fails=("x",) if fails else (), reproduce=(),
    )  # fmt: skip


def test_the_order_is_severity_then_what_fails_then_effort() -> None:
    given = (
        problem("a", "low", "hours"),
        problem("b", "critical", "weeks"),
        problem("c", "critical", "hours", fails=False),
        problem("d", "critical", "hours"),
        problem("e", "", ""),
        problem("f", "high", "days"),
    )
    assert [p.check for p in in_order(given)] == ["d", "b", "c", "f", "a", "e"]


@pytest.mark.parametrize("number", [0, 1, 3, 4, 30])
def test_however_many_there_are_it_is_one_screen(view: ReportView, number: int) -> None:
    long = [
        replace(problem(f"c{n}", "high", "weeks"), why="word " * 90, fix="mend " * 90)
        for n in range(number)
    ]
    device = replace(view.devices[1], problems=tuple(long))
    out = summary(replace(view, devices=(device,))).splitlines()
    assert len(out) <= SCREEN
    assert max(map(len, out)) <= 80
    counted = sum(line[:3].strip().rstrip(".").isdigit() for line in out)
    more = next((int(line.split()[1]) for line in out if line.startswith("    and ")), 0)
    assert counted + (more if counted < number else 0) == number


def test_what_is_no_image_and_what_nobody_signed_is_said_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "store"))
    page, tree = tmp_path / "b.bin", tmp_path / "a.cpio"
    page.write_bytes(b"<html><title>404 Not Found</title></html>\n")
    tree.write_bytes(archive({"etc/motd": b"hello\n"}))
    no_format, unknown = "No format was recognised", "Signature: not known"

    def said(*images: Path) -> str:
        monkeypatch.setattr("sys.argv", ["probe", "firmware", *map(str, images)])
        assert app.run_app() == 3
        return capsys.readouterr().out

    assert no_format in (out := said(page))
    assert unknown in out
    assert no_format not in (out := said(tree))
    assert unknown in out
    listed = said(page, tree)
    assert listed.index("a.cpio") < listed.index("b.bin")
    assert listed.count("signature not known") == 2


@pytest.mark.parametrize("word", ["tampered", "stripped", "unsigned"])
def test_an_image_that_was_changed_is_said_first_and_whole(view: ReportView, word: str) -> None:
    why = "The hash in the trailer is not that of the payload, " + "and more of it " * 12 + "END"
    good = ("0 outer", "signed and verified", "It holds.", "", "", "none", "no")
    row = ("0/1 inner", word, why, "", "", "none", "no")
    rows = (row,) if word == "unsigned" else (good, row)
    tables = [t for t in view.devices[1].inventory if t.id != "protections"]
    table = TableView(id="protections", title="", columns=("",) * 7, rows=rows, left_off=0)
    many = tuple(problem(f"c{n}", "critical", "hours") for n in range(30))
    device = replace(view.devices[1], problems=many, inventory=(*tables, table))
    out = summary(replace(view, devices=(device,))).splitlines()
    assert len(out) <= SCREEN
    above = " ".join(" ".join(out[: out.index(next(s for s in out if s[:3] == " 1."))]).split())
    assert why in above
    if word != "unsigned":
        assert out[1].startswith(f"  {word.upper()}: layer 0/1 inner.")
        both = summary(replace(view, devices=(device, device)))
        assert f", {word}; to mend" in " ".join(both.split())
