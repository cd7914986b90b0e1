"""``python -m probe.demo.stage -- COMMAND``: run a command on the demonstration network.

The network is built, the command runs where ``probe0`` is, with our standard streams, and when it
ends, or we do, everything is gone. The exit status is the command's.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

from probe.demo import network
from probe.demo.net import Stage
from probe.errors import ProbeError


def demo_command(inner: Sequence[str], *, loopback: bool = False) -> list[str]:
    """The argv that runs ``inner`` on the demonstration network; see ``network.setting``."""
    options = ["--loopback"] if loopback else []
    return [sys.executable, "-m", "probe.demo.stage", *options, "--", *inner]


def main(argv: Sequence[str] | None = None) -> int:
    """Build, run, take down. Exit status 2 on wrong arguments, 70 when the network cannot be built."""
    given = list(sys.argv[1:] if argv is None else argv)
    at = given.index("--") if "--" in given else 0
    options, inner = given[:at], given[at + 1 :]
    if not inner or set(options) - {"--loopback"}:
        sys.stderr.write("usage: python -m probe.demo.stage [--loopback] -- COMMAND\n")
        return 2
    try:
        where = network.setting(loopback=bool(options))
        return _on_loopback(inner) if where.loopback else _in_namespaces(inner)
    except ProbeError as error:
        sys.stderr.write(f"{error}\n")
        return 70


def _ended_with_us(inner: Sequence[str]) -> list[str]:
    # Without its network the command has nothing to do; a run journals what it has and can resume.
    return ["setpriv", "--pdeathsig", "TERM", "--", *inner]


def _in_namespaces(inner: Sequence[str]) -> int:
    with Stage() as stage:
        network.build(stage)
        return _follow(stage.popen_in(stage.probe, _ended_with_us(inner)))


def _on_loopback(inner: Sequence[str]) -> int:
    devices = network.start_on_loopback()
    try:
        return _follow(subprocess.Popen(_ended_with_us(inner)))
    finally:
        for device in devices:
            device.kill()
            device.wait()


def _follow(process: "subprocess.Popen[bytes]") -> int:
    """Wait for the command, handing on the signals that are meant for it."""

    def hand_on(number: int, _: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)

    # A terminal sends its interrupt to both of us already; the command decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, hand_on)
    status = process.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.stdout.flush()
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
