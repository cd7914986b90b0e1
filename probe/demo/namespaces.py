"""Namespaces held by a process of ours, and whether this machine lets us make them.

A namespace lives as long as its holder, whose standard input is a pipe from us: when this process ends,
in whatever way, the pipe closes and the holder ends. A device's holder is the init of its PID
namespace and takes every process of the device with it.
"""

import functools
import os
import shutil
import subprocess
from typing import IO

from probe.errors import ProbeError

_HOLD = ("sh", "-c", "echo up; exec cat >/dev/null")


class StageError(ProbeError):
    """The test network could not be built."""


class Namespace:
    """One network namespace (and, for devices, PID namespace), held by a process of ours."""

    def __init__(self, name: str, holder: "subprocess.Popen[bytes]") -> None:
        self.name, self.pid, self._holder = name, holder.pid, holder

    def close(self) -> None:
        """End everything in the namespace, and the namespace."""
        if self._holder.stdin is not None and not self._holder.stdin.closed:
            self._holder.stdin.close()
        try:
            self._holder.wait(3)
        except subprocess.TimeoutExpired:
            self._holder.kill()
            self._holder.wait()


def hold(name: str, *flags: str, inside: Namespace | None = None) -> Namespace:
    """A new namespace with the given ``unshare`` flags, ``inside`` a user namespace if one is given."""
    argv = ["unshare", *flags, "--", *_HOLD]
    if inside is not None:
        user = f"/proc/{inside.pid}/ns"
        enter = ["nsenter", "--preserve-credentials", f"--user={user}/user"]
        argv = [*enter, f"--mount={user}/mnt", "--", *argv]
    holder = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    if _first_line(holder.stdout) != b"up\n":
        holder.kill()
        reason = holder.communicate()[1].decode(errors="replace").strip()
        raise StageError(f"namespace '{name}' could not be made: {reason}", "Run `probe doctor`.")
    return Namespace(name, holder)


def _first_line(stream: IO[bytes] | None) -> bytes:
    assert stream is not None
    return stream.readline()


@functools.cache
def namespaces_available() -> tuple[bool, str]:
    """Whether this process may build a Stage, and if not, why not in one phrase."""
    for tool in ("unshare", "nsenter", "ip"):
        if shutil.which(tool) is None:
            package = "iproute2" if tool == "ip" else "util-linux"
            return False, f"the program '{tool}' is missing (Debian package {package})"
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    trial = "ip link add t0 type veth peer name t1 && ip link add t2 type bridge"
    try:
        done = subprocess.run(
            ["unshare", *user, "--net", "--pid", "--fork", "--kill-child", "sh", "-c", trial],
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except subprocess.TimeoutExpired:
        return False, "making a namespace took more than 10 s"
    return done.returncode == 0, done.stderr.strip().splitlines()[-1] if done.stderr else ""
