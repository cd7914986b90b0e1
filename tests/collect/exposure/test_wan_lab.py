"""The whole probe on a gateway with two sides, with genuine daemons and a genuine filter (nftables)."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from probe.demo.namespaces import namespaces_available
from probe.demo.net import Stage
from probe.demo.spec import DeviceSpec, Program
from probe.model.exposure import OutsideSeen
from probe.model.finding import Outcome
from probe.model.state import RunState
from probe.store.journal import RunReader
from probe.store.store import Store

ROOT = Path(__file__).parents[3]
INNER, OUTER, MINE = "198.51.100.1", "203.0.113.7", "203.0.113.2"
WAN_SIDE = "exposure/wan_side"
PORTS = "21-23,53,80,443,7547,8080"
TELNET = Program(argv=("busybox", "telnetd", "-F", "-l", "/bin/login"), tcp=(23,))
PAGES = Program(argv=("busybox", "httpd", "-f", "-h", "/usr/share/common-licenses"), tcp=(80,))
DROP = """
table inet f {{
  chain out {{
    {rules}
    drop
  }}
  chain i {{
    type filter hook input priority 0; policy accept;
    iifname "wan0" meta l4proto {{ tcp, udp, icmp }} jump out
  }}
}}
"""

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not namespaces_available()[0], reason="no network namespaces here"),
    pytest.mark.skipif(
        not (shutil.which("nft") and shutil.which("busybox")), reason="needs nftables and busybox"
    ),
]


@dataclass
class Looked:
    """A run, and what passed on the probe's outer interface."""

    state: RunState
    stderr: str
    frames: list[str]

    def outcomes(self, check: str) -> dict[str, Outcome]:
        found = self.state.findings.values()
        return {f.answer.subject: f.answer.outcome for f in found if f.check == check}


def looked(folder: Path, rules: str | None, *more: str, plugged: bool = True) -> Looked:
    """``rules``: what passes from outside before the rest is dropped; None: no filter at all."""
    gateway = DeviceSpec(
        name="gateway",
        mac="02:00:5e:00:53:01",
        ipv4=(f"{INNER}/24",),
        link_local="none",
        programs=(TELNET, PAGES),
    )
    with Stage() as stage:
        inside = stage.add_device(gateway)
        stage.wait_ready()
        here = (
            f"link add wan0 type veth peer name wan0 netns {inside.pid}\n"
            f"addr add {MINE}/24 dev wan0\nlink set wan0 up\n"
        )
        there = f"addr add {OUTER}/24 dev wan0\nlink set wan0 up\n" if plugged else "link show\n"
        for namespace, commands in ((stage.probe, here), (inside, there)):
            done = stage.run_in(namespace, ("ip", "-batch", "-"), commands)
            assert not done.returncode, done.stderr
        if rules is not None:
            done = stage.run_in(inside, ("nft", "-f", "-"), DROP.format(rules=rules))
            assert not done.returncode, done.stderr
        frames = folder / "frames"
        child = Path(__file__).with_name("wan_frames.py")
        ear = stage.popen_in(stage.probe, (sys.executable, str(child), "wan0", str(frames)))
        done = subprocess.run(
            stage.command_in(
                stage.probe,
                (
                    *(sys.executable, "-m", "probe", "run", "-i", "probe0", "--plain"),
                    *("--plan", "quick", "--ports", PORTS, "--target", INNER, "--no-logins"),
                    *("--wan", f"wan0={OUTER}", "--store", str(folder / "store"), "-f", "json"),
                    *more,
                ),
            ),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        ear.terminate()
        ear.wait()
    store = Store(str(folder / "store"), create=False)
    reader = RunReader(store, store.find("last"))
    reader.poll()
    assert "Traceback" not in done.stderr
    return Looked(reader.state, done.stderr, json.loads(frames.read_text()))


def presence(run: Looked) -> list[str]:
    facts = (o.fact for o in run.state.observations.values())
    return [fact.by for fact in facts if isinstance(fact, OutsideSeen)]


def test_an_open_outside_is_found(tmp_path):
    run = looked(tmp_path, "tcp dport 23 accept")
    assert run.outcomes(WAN_SIDE) == {f"tcp {OUTER}:23": Outcome.VIOLATED}
    assert run.outcomes("exposure/telnet")[f"tcp {OUTER}:23"] is Outcome.VIOLATED
    [device] = run.state.devices.values()
    assert device.addresses == (INNER, OUTER)
    assert device.get("wan-address").source == "operator, on wan0"


def test_an_outside_that_drops_all_is_good_and_nothing_is_flooded(tmp_path):
    run = looked(tmp_path, "")
    assert run.outcomes(WAN_SIDE) == {f"wan {OUTER}": Outcome.SATISFIED}
    assert presence(run) == ["neighbour"]
    # What is found inside is no matter of the outside, and the outside leaves no gap for it.
    assert all(OUTER not in subject for subject in run.outcomes("exposure/telnet"))
    # Only the kernel's own ARP for the one address, and IPv4 to it: nothing else was sent over there.
    assert set(run.frames) <= {f"arp {OUTER}", f"tcp {OUTER}", f"udp {OUTER}"}
    assert f"udp {OUTER}" in run.frames


def test_a_gateway_that_is_not_connected_outside_is_not_known(tmp_path):
    run = looked(tmp_path, None, plugged=False)
    assert set(run.outcomes(WAN_SIDE).values()) == {Outcome.INCONCLUSIVE}
    assert presence(run) == [""]


def test_declared_for_the_outside_is_fine_for_the_inside_is_not(tmp_path):
    written = tmp_path / "gateway.toml"
    service = '[[service]]\ntransport = "tcp"\nport = {}\nprotocol = "{}"\nside = "{}"\n'
    written.write_text(
        'product = "Gateway"\nservices_complete = true\n'
        + service.format(23, "telnet", "lan")
        + service.format(80, "http", "both")
    )
    run = looked(tmp_path, "tcp dport { 23, 80 } accept", "--declaration", str(written))
    assert run.outcomes(WAN_SIDE) == {f"tcp {OUTER}:23": Outcome.VIOLATED}
    undeclared = run.outcomes("exposure/undeclared_services")
    assert undeclared[f"tcp {OUTER}:23"] is Outcome.VIOLATED
    assert f"tcp {INNER}:23" not in undeclared
    assert f"tcp {OUTER}:80" not in undeclared
