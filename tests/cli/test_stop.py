"""A run that was left to itself can be ended from the command line."""

import os
import subprocess
import sys
from pathlib import Path

from probe.errors import Exit
from probe.model.run import RunStatus
from probe.store.journal import RunReader
from probe.store.store import Store


def probe(*argv: str, store: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "probe", *argv],
        capture_output=True,
        text=True,
        env={**os.environ, "PROBE_STORE": str(store)},
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def test_a_detached_run_is_stopped_and_keeps_what_it_measured(tmp_path: Path) -> None:
    started = probe(
        "run",
        "-i",
        "lo",
        "-t",
        "127.0.0.9",
        "-p",
        "quick",
        "--no-logins",
        "--detach",
        store=tmp_path,
    )
    assert started.returncode == Exit.PASS, started.stderr
    run = started.stdout.strip()
    stopped = probe("stop", run, store=tmp_path)
    assert stopped.returncode == Exit.PASS, stopped.stderr
    assert f"The run {run} is stopped." in stopped.stderr
    store = Store(str(tmp_path), create=False)
    reader = RunReader(store, store.find(run))
    reader.poll()
    assert reader.status() is RunStatus.STOPPED
    assert reader.state.verdicts, "a stopped run is judged as it stands"
    again = probe("stop", run, store=tmp_path)
    assert again.returncode == Exit.USAGE
    assert "is not going on, it is stopped" in again.stderr
