"""The helper process itself on a real link: what it may do, what it gives up, how it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probe.collect.packet import lines, protocol
from probe.demo.namespaces import namespaces_available
from probe.demo.net import INTERFACE, DeviceSpec, Stage

ROOT = Path(__file__).parents[3]
MAC, IP, LL = "00:00:5e:00:53:0b", "198.51.100.11", "fe80::200:5eff:fe00:530b"
PROBE_MAC = "02:00:5e:00:53:02"
pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def stage():
    usable, reason = namespaces_available()
    if not usable:
        pytest.skip(f"no network namespaces here: {reason}")
    with Stage() as made:
        made.add_device(DeviceSpec(name="host", mac=MAC, ipv4=(f"{IP}/24",)))
        yield made


class Helper:
    """A helper spoken to by hand."""

    def __init__(self, stage: Stage, targets=(), interface=INTERFACE, drop=()):
        argv = stage.command_in(
            stage.probe, [*drop, sys.executable, "-m", "probe.collect.packet.helper"]
        )
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        index = stage.run_in(stage.probe, ["cat", "/proc/net/if_inet6"]).stdout
        row = next(r.split() for r in index.splitlines() if r.endswith(INTERFACE))
        self.begin = protocol.Begin(
            interface=interface,
            index=int(row[1], 16),
            mac=PROBE_MAC,
            ipv4=("198.51.100.2/24",),
            ipv6=(),
            networks=("198.51.100.0/24",),
            targets=targets,
        )
        self.tell(self.begin)

    def tell(self, command) -> None:
        self.process.stdin.write(lines.encode(command))
        self.process.stdin.flush()

    def hear(self, *kinds):
        """The next report of these kinds."""
        while True:
            report = lines.decode_report(self.process.stdout.readline())
            if isinstance(report, kinds):
                return report

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(5) in (0, 2)


def ping(number=1, mac=MAC, address=IP, within=1.0):
    return protocol.Ping(id=number, mac=mac, address=address, within_s=within, everybody=False)


def test_privileges_are_gone_when_it_is_ready(stage):
    with Helper(stage) as helper:
        assert "no capability" in helper.hear(protocol.Ready).privileges
        status = Path(f"/proc/{helper.process.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines())
        assert {fields[f"Cap{kind}"] for kind in ("Eff", "Prm", "Inh", "Bnd")} == {"0" * 16}
        assert fields["NoNewPrivs"] == "1"
        helper.tell(ping())
        assert helper.hear(protocol.Answered).alive is True


def test_who_is_there_by_arp_and_nd(stage):
    with Helper(stage) as helper:
        helper.hear(protocol.Ready)
        for number, (mac, address, alive) in enumerate(
            [
                (MAC, IP, True),
                ("", IP, True),
                (MAC, LL, True),
                ("00:00:5e:00:53:77", IP, False),
                (MAC, "198.51.100.77", False),
                (MAC, "203.0.113.1", None),
            ]
        ):
            helper.tell(ping(number, mac, address, 0.6))
            answer = helper.hear(protocol.Answered)
            assert (answer.id, answer.alive) == (number, alive), address


def test_a_sweep_out_of_scope_sends_nothing(stage):
    with Helper(stage, targets=(IP,)) as helper:
        helper.hear(protocol.Ready)
        sweep = protocol.ArpSweep(
            id=5, targets=(IP, "198.51.100.12"), rounds=1, gap_s=0.1, rate=100
        )
        helper.tell(sweep)
        done = helper.hear(protocol.Done)
        assert (done.id, done.sent) == (5, 0)
        assert "198.51.100.12 is outside the scope" in done.problem


def test_the_advertisement_trick_shows_who_forms_addresses(stage):
    with Helper(stage) as helper:
        helper.hear(protocol.Ready)
        stage.run_in(stage.devices["host"], ["sysctl", "-w", "net.ipv6.conf.eth0.accept_dad=1"])
        helper.tell(protocol.Advertise(id=9, prefix="fd12:3456:5bd::/64", wait_s=3.0))
        while (seen := helper.hear(protocol.Sighting)).method != "ra-dad":
            pass
        assert (seen.mac, seen.address) == (MAC, "fd12:3456:5bd:0:200:5eff:fe00:530b")
        assert helper.hear(protocol.Done).sent == 2


def test_without_permission_it_says_so_and_ends(stage):
    if os.geteuid() != 0:
        pytest.skip("needs root to give up a capability")
    drop = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", "--")
    with Helper(stage, drop=drop) as helper:
        refused = helper.hear(protocol.Refused)
        assert "CAP_NET_RAW" in refused.reason
        assert refused.owner == "environment"
        assert helper.process.wait(5) == 0


def test_garbage_ends_it_at_once(stage):
    with Helper(stage) as helper:
        helper.hear(protocol.Ready)
        helper.process.stdin.write(b'{"is":"Format","disk":0}\n')
        helper.process.stdin.flush()
        assert helper.process.wait(5) == 2
        assert b"unknown message" in helper.process.stderr.read()


@pytest.mark.parametrize("first", [b"", b"not json\n", lines.encode(ping())])
def test_it_needs_a_proper_beginning(stage, first):
    helper = subprocess.run(
        [sys.executable, "-m", "probe.collect.packet.helper"],
        input=first,
        capture_output=True,
        check=False,
        timeout=20,
        cwd=ROOT,
    )
    assert helper.returncode == (2 if first else 0)
    assert b"Traceback" not in helper.stderr
    assert helper.stdout == b""


PARENT = """
import asyncio, sys
from probe.collect.packet.client import PacketClient
from probe.model.run import Scope
async def main():
    scope = Scope(interface="probe0", networks=("198.51.100.0/24",))
    client = await PacketClient.start("probe0", scope, on_note=lambda *a: None)
    print(client.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def test_it_ends_with_the_process_that_started_it_however_that_ends(stage):
    parent = stage.popen_in(
        stage.probe,
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    helper = Path(f"/proc/{int(parent.stdout.readline())}")
    assert "packet.helper" in (helper / "cmdline").read_text()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(5)
    until = time.monotonic() + 5
    while helper.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not helper.exists() or "packet.helper" not in (helper / "cmdline").read_text()


def test_it_stays_small(stage):
    with Helper(stage) as helper:
        helper.hear(protocol.Ready)
        targets = tuple(f"198.51.100.{n}" for n in range(1, 255))
        helper.tell(protocol.ArpSweep(id=1, targets=targets, rounds=1, gap_s=0.1, rate=500))
        done = helper.hear(protocol.Done)
        assert (done.sent, done.silent) == (253, 252)
        status = Path(f"/proc/{helper.process.pid}/status").read_text()
        assert int(status.partition("VmHWM:")[2].split()[0]) / 1024 < 75
