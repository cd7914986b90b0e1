"""The first word of a run's process: an id, or what went wrong and whose doing that is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from probe.errors import Exit, ProbeError
from probe.model.finding import Owner
from probe.model.plan import Plan
from probe.model.run import Run, Scope
from probe.runner import launch
from probe.store.store import Store


def test_a_process_that_dies_before_it_reads_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ProbeError) as failed:
        # More than a pipe holds, so that the writer meets the closed end.
        launch._launch({"run": "x" * 1_000_000}, [sys.executable, "-c", "raise SystemExit(7)"])
    assert "exit code 7" in failed.value.what
    assert failed.value.owner is Owner.TOOL


def test_a_defect_before_the_journal_is_said_and_not_swallowed() -> None:
    worker = subprocess.run(
        launch.WORKER, input=json.dumps({"run": {}}), capture_output=True, text=True, timeout=60
    )
    assert worker.returncode == Exit.TOOL
    answer = json.loads(worker.stdout)
    assert answer["owner"] == "tool"
    assert "defect of the probe" in answer["error"]
    assert "Traceback" in worker.stderr


def test_a_run_that_another_process_has_is_not_written_by_two(tmp_path: Path, plan: Plan) -> None:
    scope = Scope(interface="lo", networks=("127.0.0.0/8",))
    run = Run(id=launch.new_run_id(), started_at=1.0, scope=scope, plan=plan)
    store = Store(str(tmp_path))
    held = store.lock(run.id)
    assert held.acquire()
    with pytest.raises(ProbeError, match="Another process has the run"):
        launch.start(run, str(tmp_path))
    held.release()
    assert store.runs() == []
