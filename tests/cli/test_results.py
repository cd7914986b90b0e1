"""The result of a run is told, whatever happens to the files beside it."""

from pathlib import Path

import pytest

from probe.cli import results
from probe.cli.show import Show
from probe.errors import ProbeError
from probe.model.event import RunStarted, StatusChanged
from probe.model.ids import RunId
from probe.model.plan import Plan
from probe.model.run import Run, RunStatus, Scope
from probe.store.journal import Journal
from probe.store.store import Store


@pytest.fixture
def run(tmp_path: Path) -> Run:
    head = Run(
        id=RunId("20260101-000000-aaaa"),
        started_at=1.0,
        scope=Scope(interface="lo", networks=("127.0.0.0/8",)),
        plan=Plan(name="t", summary="", catalogues=(), tcp_ports="quick"),
    )
    journal = Journal(Store(str(tmp_path)), head.id)
    journal.begin(RunStarted(run=head))
    journal.append(StatusChanged(status=RunStatus.FINISHED))
    return head


def test_a_folder_that_cannot_be_written_costs_the_html_and_not_the_summary(
    run: Run, tmp_path: Path, monkeypatch, capsys
) -> None:
    def readonly(self: Path, data: bytes) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", readonly)
    results.follow_to_end(run.id, Show(), str(tmp_path))
    out, err = capsys.readouterr()
    assert f"screen: probe tui {run.id}" in out
    assert "Report:" not in out, "no report is named that was not written"
    assert "cannot be written: Permission denied" in err
    assert f"probe report {run.id} --output FILE" in err


def test_in_a_folder_that_can_be_written_the_html_is_named(
    run: Run, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    results.follow_to_end(run.id, Show(), str(tmp_path))
    assert f"Report: probe-{run.id}.html" in capsys.readouterr().out
    assert (tmp_path / f"probe-{run.id}.html").exists()


def test_a_file_that_was_asked_for_by_name_has_to_be_written(run: Run, tmp_path: Path) -> None:
    wanted = Show(output=tmp_path / "no such folder" / "x.txt")
    with pytest.raises(ProbeError, match="cannot be written"):
        results.follow_to_end(run.id, wanted, str(tmp_path))


def test_a_recorded_run_is_shown_under_a_catalogue_that_it_was_not_planned_with(
    run: Run, tmp_path: Path, capsys
) -> None:
    def shown(requirement: str | None, *names: str) -> str:
        results.show(run.id, requirement, names, str(tmp_path), show_passwords=False)
        return " ".join(capsys.readouterr().out.split())

    assert "en18031" not in shown(None)
    with pytest.raises(ProbeError, match="No requirement 'AUM-5-1'"):
        shown("AUM-5-1", "cra")
    with pytest.raises(ProbeError, match="There is no catalogue 'en18032'"):
        shown(None, "en18032")
