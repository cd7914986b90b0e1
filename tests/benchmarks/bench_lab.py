"""Figures of the whole probe on laboratory devices; prints them, asserts nothing.

    python tests/benchmarks/bench_lab.py [one] [ten] [fragile] [discovery]

- one: the standard plan on one ordinary device (IPv4 and link-local, five services)
- ten: the same on ten of them at once, and the ratio
- fragile: five runs on the device that dies of haste
- discovery: seconds until every device of the laboratory is listed
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "lab")]

import daemons  # noqa: E402
import laboratory  # noqa: E402

from probe.demo.devices.certs import good_pem  # noqa: E402
from probe.demo.namespaces import namespaces_available  # noqa: E402
from probe.demo.net import Stage  # noqa: E402
from probe.demo.network import mac_of  # noqa: E402
from probe.demo.spec import DeviceSpec  # noqa: E402
from probe.model.event import DeviceSeen, Entry, Judged  # noqa: E402
from probe.model.ids import RunId  # noqa: E402
from probe.model.verdict import Status  # noqa: E402
from probe.store.journal import entries_after  # noqa: E402
from probe.store.store import Store  # noqa: E402

DECIDED = (Status.PASS, Status.FAIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Seconds from the start of the run."""

    whole: float
    first_verdict: float | None
    last_device: float
    devices: int
    peak_mib: float


def ordinary(stage: Stage, number: int) -> DeviceSpec:
    """MQTT, web behind a password, TLS, SSH and SNMP: five services on an otherwise plain device."""
    address = f"198.51.100.{100 + number}"
    folder = stage.folder / f"ordinary-{number}"
    folder.mkdir()
    run = ("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    return DeviceSpec(
        name=f"ordinary-{number}",
        mac=mac_of(address),
        ipv4=(f"{address}/24",),
        programs=(
            daemons.mosquitto(folder),
            daemons.lighttpd(folder, method="basic"),
            daemons.nginx(folder, good_pem("ordinary", address), legacy=False),
            daemons.openssh(folder),
            daemons.snmpd(folder),
        ),
        setup=(run, ("mkdir", "-m", "755", "/run/sshd")),
    )


def measure(stage: Stage) -> Timed:
    """One run of the standard plan on whatever is on the stage."""
    with tempfile.TemporaryDirectory() as store:
        argv = [
            sys.executable,
            "-m",
            "probe",
            "run",
            "-i",
            "probe0",
            "--plain",
            "--authorised-by",
            "the benchmark",
        ]
        argv += ["--store", store, "--format", "json", "--output", f"{store}/report.json"]
        process = stage.popen_in(
            stage.probe,
            argv,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, worker_mib(store))
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:
                continue
        found = Store(store, create=False)
        return timed(entries_after(found, RunId(found.find("last")), 0), peak)


def timed(entries: list[Entry], peak: float) -> Timed:
    began, seen = entries[0].at, {}
    for entry in entries:
        if isinstance(entry.event, DeviceSeen):
            seen.setdefault(entry.event.device.id, entry.at - began)
    verdicts = (
        e.at - began
        for e in entries
        if isinstance(e.event, Judged) and e.event.verdict.status in DECIDED
    )
    return Timed(
        whole=entries[-1].at - began,
        first_verdict=next(verdicts, None),
        last_device=max(seen.values(), default=0.0),
        devices=len(seen),
        peak_mib=peak,
    )


def worker_mib(store: str) -> float:
    """Resident memory of the run's process: the one whose command line is the worker's."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if b"probe.runner.worker" not in (entry / "cmdline").read_bytes():
                continue
            status = (entry / "status").read_text()
        except OSError:
            continue
        total = max(total, int(status.partition("VmRSS:")[2].split()[0]))
    return total / 1024


def several(count: int) -> Timed:
    with Stage() as stage:
        for number in range(count):
            stage.add_device(ordinary(stage, number))
        stage.wait_ready(30)
        return measure(stage)


def said(what: str, timing: Timed) -> None:
    verdict = "none" if timing.first_verdict is None else f"{timing.first_verdict:.1f} s"
    print(
        f"{what}: {timing.whole:.1f} s, first verdict {verdict}, {timing.devices} devices listed "
        f"after {timing.last_device:.1f} s, run process {timing.peak_mib:.0f} MiB",
        flush=True,
    )


def fragile() -> None:
    alive, peaks = 0, []
    for _ in range(5):
        with Stage() as stage:
            lab = laboratory.build(stage, frozenset({"sensor"}))
            measure(stage)
            counters = json.loads(lab.fragile_counters.read_text())
        alive += counters["alive"]
        peaks.append(counters["peak_packets_per_s"])
        if not counters["alive"]:
            print(f"  it died of: {counters['died_of']}")
    print(f"fragile device: alive after {alive} of 5 runs, peak packets/s {peaks}", flush=True)


def discovery() -> None:
    with Stage() as stage:
        lab = laboratory.build(stage)
        timing = measure(stage)
        said(f"laboratory of {len(lab.addresses)} devices", timing)


def main(wanted: list[str]) -> None:
    usable, reason = namespaces_available()
    if not usable:
        print(f"no network namespaces here: {reason}")
        return
    everything = not wanted
    one = ten = None
    if everything or "one" in wanted:
        said("one ordinary device", one := several(1))
    if everything or "ten" in wanted:
        said("ten ordinary devices", ten := several(10))
    if one and ten:
        print(f"ten devices take {ten.whole / one.whole:.2f} times as long as one")
    if everything or "fragile" in wanted:
        fragile()
    if everything or "discovery" in wanted:
        discovery()


if __name__ == "__main__":
    main(sys.argv[1:])
