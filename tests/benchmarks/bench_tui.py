"""Figures of the terminal UI on a finished run; prints them, asserts nothing.

    python tests/benchmarks/bench_tui.py [STORE]

Seconds from the start of the command to the first frame in a pseudo-terminal of 80x24, then resident
memory and the share of a core while nobody touches it. Without STORE, the demonstration on loopback
addresses is run first. The bare ``textual`` application beside it is what the library alone costs.
"""

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
STARTS = 5
SETTLE_S, IDLE_S = 3.0, 20.0
BARE = "from textual.app import App\nclass A(App):\n    TITLE = 'Devices'\n    def compose(self):\n"
BARE += "        from textual.widgets import Static\n        yield Static('Devices')\nA().run()"


@dataclass(frozen=True, slots=True)
class Shown:
    """A running terminal program."""

    process: "subprocess.Popen[bytes]"
    terminal: int
    first_frame_s: float

    def read_for(self, seconds: float) -> None:
        """Take what it paints, as a terminal would."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self.terminal], [], [], left)[0]:
                os.read(self.terminal, 65_536)

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()
        os.close(self.terminal)


def shown(argv: list[str], store: str) -> Shown:
    """Start ``argv`` in a terminal and wait until the word Devices has been painted."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "PROBE_STORE": store, "TERM": "xterm-256color"}
    began = time.monotonic()
    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    painted = b""
    while b"Devices" not in painted:
        if not select.select([ours], [], [], 20)[0]:
            raise SystemExit(f"no frame within 20 s: {painted[-500:]!r}")
        painted += os.read(ours, 65_536)
    return Shown(process, ours, time.monotonic() - began)


def measure(what: str, argv: list[str], store: str) -> None:
    firsts = []
    for _ in range(STARTS):
        one = shown(argv, store)
        firsts.append(one.first_frame_s)
        one.end()
    one = shown(argv, store)
    one.read_for(SETTLE_S)
    before = one.cpu_s()
    one.read_for(IDLE_S)
    used, memory = one.cpu_s() - before, one.rss_mb()
    one.end()
    print(
        f"{what}: first frame {statistics.median(firsts):.2f} s (median of {STARTS}, slowest "
        f"{max(firsts):.2f}), idle {memory:.0f} MB RSS, {100 * used / IDLE_S:.1f} % of a core",
        flush=True,
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = sys.argv[1] if len(sys.argv) > 1 else f"{folder}/store"
        if len(sys.argv) == 1:
            argv = ["-m", "probe", "demo", "--loopback", "--plain", "--plan", "quick"]
            subprocess.run(
                [sys.executable, *argv, "--store", store],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        measure("bare textual application", [sys.executable, "-c", BARE], store)
        measure("probe tui", [sys.executable, "-m", "probe", "tui", "last"], store)


if __name__ == "__main__":
    main()
