"""The network itself: who sees what, and that nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probe.demo import namespaces, network
from probe.demo.namespaces import Namespace, StageError
from probe.demo.net import Stage
from probe.demo.spec import DeviceSpec, Program
from probe.demo.stage import demo_command, main

pytestmark = pytest.mark.lab

PAGE = Program(argv=(sys.executable, "-m", "http.server", "80"), tcp=(80,))


def spec(name: str, host: int, **more) -> DeviceSpec:
    address = f"198.51.100.{host}"
    return DeviceSpec(name=name, mac=network.mac_of(address), ipv4=(f"{address}/24",), **more)


def ping(stage: Stage, where: Namespace, address: str) -> bool:
    return stage.run_in(where, ("ping", "-c1", "-W1", address)).returncode == 0


def test_device_is_reached_by_ipv4_and_by_its_eui64_address(stage):
    stage.add_device(spec("a", 11, programs=(PAGE,)))
    stage.wait_ready()
    assert ping(stage, stage.probe, "198.51.100.11")
    assert ping(stage, stage.probe, "fe80::200:5eff:fe00:530b%probe0")


def test_stable_device_has_no_eui64_address_and_always_the_same(stage):
    def addresses(name: str) -> str:
        return stage.run_in(stage.devices[name], ("ip", "-6", "-o", "addr", "show", "eth0")).stdout

    stage.add_device(spec("a", 11, link_local="stable"))
    first = addresses("a").split()[3]
    assert "stable-privacy" in addresses("a")
    stage.remove_device("a")
    stage.add_device(spec("a", 11, link_local="stable"))
    assert addresses("a").split()[3] == first


def test_mirror_shows_the_probe_a_conversation_of_others(stage):
    stage.add_device(spec("a", 11))
    stage.add_device(spec("b", 12))
    listen = "import socket,sys; s=socket.socket(17,3,socket.htons(0x800)); s.bind(('probe0',0)); "
    look = "s.settimeout(5); print('on', flush=True); print(s.recv(99)[26:34].hex())"
    watcher = stage.popen_in(
        stage.probe, (sys.executable, "-c", listen + look), stdout=subprocess.PIPE
    )
    assert watcher.stdout.readline() == b"on\n"
    ping(stage, stage.devices["a"], "198.51.100.12")
    assert watcher.communicate(timeout=8)[0].strip().startswith(b"c633640")  # 198.51.100.11 or .12


def test_closing_leaves_no_process_and_no_folder(stage):
    stage.add_device(spec("a", 11, programs=(PAGE,)))
    stage.wait_ready()
    inside = stage.run_in(stage.devices["a"], ("pgrep", "-f", "http.server 80")).stdout.split()
    assert inside
    stage.close()
    assert not stage.folder.exists()
    assert not list(processes("http.server 80"))


def processes(of: str):
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if of in line and "pytest" not in line:
            yield line


def test_killing_the_builder_takes_the_network_along():
    usable, reason = namespaces.namespaces_available()
    if not usable:
        pytest.skip(reason)
    inner = [sys.executable, "-c", "import time; print('in', flush=True); time.sleep(97)"]
    builder = subprocess.Popen(demo_command(inner), stdout=subprocess.PIPE)
    assert builder.stdout.readline() == b"in\n"
    mine = [line for line in processes("time.sleep(97)") if "probe.demo.stage" not in line]
    assert mine
    os.kill(builder.pid, signal.SIGKILL)
    builder.wait()
    until = time.monotonic() + 5
    while list(processes("time.sleep(97)")) and time.monotonic() < until:
        time.sleep(0.05)
    assert not list(processes("time.sleep(97)"))


def test_program_that_does_not_come_up_is_named_with_what_it_said(stage):
    bad = Program(argv=(sys.executable, "-c", "raise SystemExit('out of paper')"), tcp=(80,))
    stage.add_device(spec("printer", 11, programs=(bad,)))
    with pytest.raises(StageError, match="printer did not come up: out of paper"):
        stage.wait_ready()


def test_same_name_twice_is_refused(stage):
    stage.add_device(spec("a", 11))
    with pytest.raises(ValueError, match="'a'"):
        stage.add_device(spec("a", 12))


def test_file_of_one_device_is_seen_by_it_alone(stage):
    stage.add_device(spec("a", 11, files=(("/etc/hostname", "a-device\n"),)))
    stage.add_device(spec("b", 12))
    read = {n: stage.run_in(d, ("cat", "/etc/hostname")).stdout for n, d in stage.devices.items()}
    assert read["a"] == "a-device\n"
    assert read["b"] == Path("/etc/hostname").read_text()


def test_stage_runs_the_command_and_hands_on_its_exit_status(capfd):
    usable, reason = namespaces.namespaces_available()
    if not usable:
        pytest.skip(reason)
    code = "import socket; print(socket.if_nameindex()); raise SystemExit(7)"
    done = subprocess.run(demo_command([sys.executable, "-c", code]), capture_output=True)
    assert done.returncode == 7
    assert b"probe0" in done.stdout
    assert b"eth" not in done.stdout


@pytest.mark.parametrize("wrong", [[], ["--"], ["--fast", "--", "true"], ["true"]])
def test_wrong_arguments_are_answered_with_the_usage(wrong, capsys):
    assert main(wrong) == 2
    assert "usage" in capsys.readouterr().err


def test_loopback_devices_answer_and_end_with_the_command():
    code = "import urllib.request as u; print(u.urlopen('http://127.0.0.13:8080/').status)"
    done = subprocess.run(
        demo_command([sys.executable, "-c", code], loopback=True), capture_output=True
    )
    assert done.stdout.strip() == b"200", done.stderr
    assert not list(processes("probe.demo.devices sensor --address 127.0.0.13"))


def test_missing_tool_is_named_with_its_package(monkeypatch):
    namespaces.namespaces_available.cache_clear()
    monkeypatch.setattr(namespaces.shutil, "which", lambda _: None)
    usable, reason = namespaces.namespaces_available()
    namespaces.namespaces_available.cache_clear()
    assert not usable
    assert "util-linux" in reason
