"""The demonstration where no namespaces are allowed: on loopback addresses, from the command line."""

import os
import subprocess
import sys
from pathlib import Path

from probe.demo import loopback, truth
from probe.errors import Exit


def test_only_what_needs_no_link_is_demanded() -> None:
    known = {one.name: one for one in loopback.known()}
    assert set(known) == {"gateway", "camera", "lamp", "sensor"}
    camera = {str(row) for row in known["camera"].facts}
    assert "violated: access/default_http tcp *:8080" in camera
    assert not any("9000" in row or "ipv6" in row or ":80 " in row for row in camera)
    assert len(known["camera"].facts) < len(
        next(t for t in truth.load() if t.name == "camera").facts
    )


def test_the_main_job_is_done_on_loopback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "probe", "demo", "--loopback", "--plain", "--plan", "quick"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PROBE_STORE": str(tmp_path / "store")},
        cwd=tmp_path,
        timeout=110,
    )
    assert done.returncode == Exit.PASS, done.stdout[-2000:] + done.stderr[-1000:]
    assert "declared facts found, 0 false" in done.stdout
    assert "The demonstration runs on loopback addresses" in done.stderr
    assert list(tmp_path.glob("probe-*.html"))
