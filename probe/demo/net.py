"""Plumbing for a small test network in network namespaces.

Works as root, and without root where unprivileged user namespaces are allowed. Only util-linux
(unshare, nsenter) and iproute2 are needed. Everything ends with this process (see ``namespaces``), and
the links go with the namespaces. The machine's own interfaces are never touched.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probe.demo.namespaces import Namespace, StageError, hold, namespaces_available
from probe.demo.spec import DeviceSpec, Program

INTERFACE = "probe0"
PROBE_ADDRESSES = ("198.51.100.2/24",)
NETWORKS = ("198.51.100.0/24",)
SWITCH = "lan0"
_CHILD = subprocess.DEVNULL


@dataclass(frozen=True, slots=True)
class _Starting:
    device: Namespace
    program: Program
    log: Path
    process: "subprocess.Popen[bytes]"

    def is_up(self) -> bool:
        program, net = self.program, Path(f"/proc/{self.device.pid}/net")
        if program.says not in self.log.read_text(errors="replace"):
            return False
        listening = _bound([net / "tcp", net / "tcp6"], state="0A")
        bound = _bound([net / "udp", net / "udp6"], state="07")
        return listening >= set(program.tcp) and bound >= set(program.udp)


class Stage:
    """The network: a switch, the probe's own namespace with ``probe0``, and the devices.

    ``mirror`` makes the switch flood every frame to every port, as a hub or a mirror port would, so
    that the probe sees the conversations of the devices. Use it as a context manager, plain or async.
    """

    def __init__(
        self,
        *,
        mirror: bool = True,
        probe_addresses: Sequence[str] = PROBE_ADDRESSES,
        accept_ra: bool = False,
    ) -> None:
        self.mirror, self.probe_addresses, self.accept_ra = (
            mirror,
            tuple(probe_addresses),
            accept_ra,
        )
        self.devices: dict[str, Namespace] = {}
        self._user: Namespace | None = None
        self._waiting: list[_Starting] = []
        self._stopped = False

    # --- life ----------------------------------------------------------------------------------

    def open(self) -> "Stage":
        """Build the switch and the probe's namespace; raises StageError with the kernel's reason."""
        usable, reason = namespaces_available()
        if not usable:
            raise StageError(f"no network namespaces here: {reason}", "Run `probe doctor`.")
        self.folder = Path(tempfile.mkdtemp(prefix="probe-stage-"))
        self.folder.chmod(0o755)
        try:
            if os.geteuid() != 0:
                self._user = self._hold("user", "--user", "--map-root-user", "--net", "--mount")
            self.switch = self._hold("switch", "--net")
            self.probe = self._hold("probe", "--net")
            ageing = "0" if self.mirror else "30000"
            self._sysctl(self.switch, [("ipv6/conf/default/disable_ipv6", "1")])
            self._ip(
                self.switch,
                f"link add {SWITCH} type bridge ageing_time {ageing} mcast_snooping 0",
                f"link set {SWITCH} up",
            )
            self._attach(self.probe, "probe", INTERFACE, "02:00:5e:00:53:02", self._probe_sysctl())
            self._ip(
                self.probe,
                "link set lo up",
                *(f"addr add {a} dev {INTERFACE}" for a in self.probe_addresses),
                f"link set {INTERFACE} up",
            )
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Take everything down. Safe to call twice."""
        if self._stopped:
            return
        self._stopped = True
        kept = [getattr(self, name, None) for name in ("probe", "switch")]
        for namespace in [*self.devices.values(), *kept, self._user]:
            if namespace is not None:
                namespace.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> "Stage":
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> "Stage":
        # Not in a thread: a child's parent-death signal and its pipes belong to the calling thread.
        return self.open()

    async def __aexit__(self, *_: object) -> None:
        self.close()

    # --- building ------------------------------------------------------------------------------

    def add_device(self, spec: DeviceSpec) -> Namespace:
        """Attach a device and start its programs, without waiting for them (see ``wait_ready``)."""
        if spec.name in self.devices:
            raise ValueError(f"there is a device '{spec.name}' already")
        device = self._hold(spec.name, "--net", "--mount", "--pid", "--fork", "--kill-child")
        self.devices[spec.name] = device
        self._attach(device, spec.name, "eth0", spec.mac, spec.all_sysctl())
        self._ip(
            device,
            "link set lo up",
            *(f"addr add {a} dev eth0" for a in spec.ipv4),
            "link set eth0 up",
            *(f"addr add {a} dev eth0 nodad" for a in spec.ipv6),
        )
        for number, (path, text) in enumerate(spec.files):
            mine = self.folder / f"{spec.name}-file-{number}"
            mine.write_text(text)
            self._check(self.run_in(device, ("mount", "--bind", str(mine), path)), path)
        for argv in spec.setup:
            self._check(self.run_in(device, argv), " ".join(argv))
        for number, program in enumerate(spec.programs):
            self.start(device, program, f"{spec.name}-{number}.log")
        return device

    def remove_device(self, name: str) -> None:
        """Pull the plug of a device: its cable and everything in it are gone at once."""
        self._ip(self.switch, f"link del {_port(name)}")
        self.devices.pop(name).close()

    def start(
        self, device: Namespace, program: Program, log_name: str
    ) -> "subprocess.Popen[bytes]":
        """Start one program in a device; its output goes to the file ``log_name`` in ``folder``."""
        log = self.folder / log_name
        with log.open("wb") as output:
            process = self.popen_in(
                device,
                program.argv,
                stdin=_CHILD,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **program.environment},
            )
        self._waiting.append(_Starting(device, program, log, process))
        return process

    def wait_ready(self, within: float = 15.0) -> None:
        """Wait until every program started so far is up; raises StageError naming one that is not."""
        until = time.monotonic() + within
        while self._waiting:
            first = self._waiting[0]
            if first.is_up():
                del self._waiting[0]
            elif time.monotonic() > until or first.process.poll() is not None:
                said = first.log.read_text(errors="replace").strip()[-400:]
                raise StageError(
                    f"'{' '.join(first.program.argv[:4])}' of device {first.device.name} did not "
                    f"come up: {said or 'it said nothing'}",
                    "Start it by hand in a namespace to see why.",
                )
            else:
                time.sleep(0.03)

    def log(self, name: str, number: int = 0) -> str:
        """What program ``number`` of device ``name`` wrote."""
        return (self.folder / f"{name}-{number}.log").read_text(errors="replace")

    # --- running -------------------------------------------------------------------------------

    def command_in(self, namespace: Namespace, argv: Sequence[str]) -> list[str]:
        """The argv that runs ``argv`` in ``namespace``. For the probe it keeps its process id."""
        ns, mount = f"/proc/{namespace.pid}/ns", self._user and f"/proc/{self._user.pid}/ns/mnt"
        join = ["nsenter", f"--net={ns}/net"]
        if namespace in self.devices.values():
            join.append(f"--pid={ns}/pid_for_children")
            mount = f"{ns}/mnt"
        if self._user is not None:
            join += ["--preserve-credentials", f"--user=/proc/{self._user.pid}/ns/user"]
        if mount:
            # nsenter goes to the root of the mount namespace; we stay where we are.
            join += [f"--mount={mount}", f"--wd={os.getcwd()}"]
        return [*join, "--", *argv]

    def popen_in(
        self, namespace: Namespace, argv: Sequence[str], **options: Any
    ) -> "subprocess.Popen[bytes]":
        """``subprocess.Popen`` in the namespace."""
        return subprocess.Popen(self.command_in(namespace, argv), **options)

    def run_in(
        self, namespace: Namespace, argv: Sequence[str], text: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in the namespace to its end, with ``text`` on its standard input."""
        return subprocess.run(
            self.command_in(namespace, argv),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    # --- inside --------------------------------------------------------------------------------

    def _hold(self, name: str, *flags: str) -> Namespace:
        return hold(name, *flags, inside=self._user)

    def _attach(
        self,
        namespace: Namespace,
        name: str,
        interface: str,
        mac: str,
        sysctl: Sequence[tuple[str, str]],
    ) -> None:
        """A cable from the switch into the namespace, its far end still down."""
        port = _port(name)
        # Frames as a real port would carry them, not 64 kB segments for the peer to cut up.
        plain = "gso_max_segs 1"
        self._ip(
            self.switch,
            f"link add {port} type veth peer name {interface} netns {namespace.pid}",
            f"link set {port} master {SWITCH}",
            f"link set {port} {plain} up",
        )
        self._ip(namespace, f"link set {interface} address {mac} {plain}")
        self._sysctl(namespace, sysctl)

    def _ip(self, namespace: Namespace, *commands: str) -> None:
        done = self.run_in(namespace, ("ip", "-batch", "-"), "\n".join(commands) + "\n")
        self._check(done, "; ".join(commands))

    def _sysctl(self, namespace: Namespace, settings: Sequence[tuple[str, str]]) -> None:
        lines = [f"echo {value} >/proc/sys/net/{key}" for key, value in settings]
        if lines:
            done = self.run_in(namespace, ("sh", "-e"), "\n".join(lines) + "\n")
            self._check(done, "; ".join(lines))

    def _check(self, done: "subprocess.CompletedProcess[str]", what: str) -> None:
        if done.returncode:
            raise StageError(f"'{what}' failed: {done.stderr.strip()}", "Run `probe doctor`.")

    def _probe_sysctl(self) -> list[tuple[str, str]]:
        here = f"ipv6/conf/{INTERFACE}"
        ra = "1" if self.accept_ra else "0"
        return [(f"{here}/accept_dad", "0"), (f"{here}/accept_ra", ra)]


def _port(name: str) -> str:
    """The switch's end of the cable; the kernel allows 15 characters."""
    return f"p-{name}"[:15]


def _bound(tables: Sequence[Path], state: str) -> set[int]:
    """Local ports in a /proc/net table that are in ``state`` (0A: TCP listen, 07: UDP)."""
    ports = set()
    for table in tables:
        try:
            rows = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            if columns[3] == state:
                ports.add(int(columns[1].rpartition(":")[2], 16))
    return ports
