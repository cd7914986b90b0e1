"""Starting the process of a run and hearing its first word."""

import base64
import contextlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from probe.codec import to_plain
from probe.errors import ProbeError
from probe.model.finding import Owner
from probe.model.ids import RunId
from probe.model.run import Run

WORKER = [sys.executable, "-m", "probe.runner.worker"]


def new_run_id(now: float | None = None) -> RunId:
    """Sortable by time, and different for two runs of the same second."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    return RunId(f"{stamp}-{secrets.token_hex(2)}")


def start(
    run: Run, store: str, *, files: Sequence[Path] = (), argv: list[str] | None = None
) -> RunId:
    """Start a new run; returns as soon as its journal has begun.

    ``files`` (the declarations) are kept as evidence. ``argv`` replaces the worker's own command.
    """
    kept = [{"name": f.name, "data": base64.b64encode(f.read_bytes()).decode()} for f in files]
    return _launch({"store": store, "run": to_plain(run), "files": kept}, argv or WORKER)


def resume(run: str, store: str, argv: list[str] | None = None) -> RunId:
    """Take up an interrupted or stopped run."""
    return _launch({"store": store, "resume": run}, argv or WORKER)


def _launch(spec: dict[str, Any], argv: list[str]) -> RunId:
    # A session of its own: neither Ctrl+C nor a lost SSH connection reaches the run.
    worker = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    # One that died at once reads nothing; its silence is told below.
    with contextlib.suppress(BrokenPipeError), worker.stdin as stdin:
        stdin.write(json.dumps(spec).encode())
    first = worker.stdout.readline()
    try:
        answer = json.loads(first)
    except ValueError:
        code = worker.wait()
        raise ProbeError(
            f"The process of the run ended at once (exit code {code})",
            "Its own message stands above; 'probe doctor' tells what this machine lacks.",
            owner=Owner.TOOL,
        ) from None
    if "error" in answer:
        raise ProbeError(answer["error"], answer["next"], owner=Owner(answer["owner"]))
    return RunId(answer["run"])
