"""The laboratory runs once for the whole suite: the first test that needs it pays for it.

Under pytest-xdist a file is never split over workers (``--dist loadfile``), so one worker has it.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the helper modules beside this file

import laboratory  # noqa: E402

from probe.demo import truth  # noqa: E402
from probe.demo.namespaces import namespaces_available  # noqa: E402
from probe.demo.net import Stage  # noqa: E402
from probe.model.state import RunState  # noqa: E402
from probe.store.journal import RunReader  # noqa: E402
from probe.store.store import Store  # noqa: E402

RUN_LIMIT_S = 400


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)
            item.add_marker(pytest.mark.timeout(RUN_LIMIT_S + 60))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRun:
    """What is left of the one run: its journal, its words, and what the fragile device counted."""

    state: RunState
    left_out: dict[str, str]
    exit_code: int
    stdout: str
    stderr: str
    fragile: dict
    store: Path


@pytest.fixture(scope="session")
def lab_run(tmp_path_factory) -> LabRun:
    """``probe run`` with the standard plan on the whole laboratory."""
    usable, reason = namespaces_available()
    if not usable:
        pytest.skip(f"no network namespaces here: {reason}")
    folder = tmp_path_factory.mktemp("lab")
    store = folder / "store"
    argv = (
        *(sys.executable, "-m", "probe", "run", "-i", "probe0", "--plain", "--plan", "standard"),
        *("--authorised-by", "the tests, owner of the devices"),
        *("--store", str(store), "--format", "json", "--output", str(folder / "report.json")),
    )
    root = str(HERE.parents[1])
    with Stage() as stage:
        lab = laboratory.build(stage)
        process = stage.popen_in(
            stage.probe,
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": root},
        )
        try:
            stdout, stderr = process.communicate(timeout=RUN_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
        fragile = json.loads(lab.fragile_counters.read_text())
        left_out = lab.left_out
    words = stderr.decode(errors="replace")
    (folder / "stderr.txt").write_text(words)
    assert store.exists(), words[-2000:]
    found = Store(str(store), create=False)
    reader = RunReader(found, found.find("last"))
    reader.poll()
    return LabRun(
        state=reader.state,
        left_out=left_out,
        exit_code=process.returncode,
        stdout=stdout.decode(errors="replace"),
        stderr=words,
        fragile=fragile,
        store=store,
    )


def known_truths() -> list[truth.DeviceTruth]:
    """The reference devices and the laboratory's own, in one list."""
    return [*truth.load(), *truth.load(HERE / "truth.toml")]
