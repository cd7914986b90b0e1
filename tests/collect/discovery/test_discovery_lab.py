"""Discovery on a real link in network namespaces: the demonstration devices and some odd ones."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from probe.demo import network
from probe.demo.namespaces import namespaces_available
from probe.demo.net import DeviceSpec, Program, Stage

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PROBE_MAC = "02:00:5e:00:53:02"
PLUG, CAMERA, UPNP, PROXY = (f"mac-00005e0053{n}" for n in ("0e", "0b", "1f", "20"))
pytestmark = pytest.mark.lab


def odd(what: str, mac: str, ipv4: tuple[str, ...] = ()) -> DeviceSpec:
    argv = (sys.executable, str(HERE / "lab_devices.py"), what)
    program = Program(argv=argv, says="ready", environment={"PYTHONPATH": str(ROOT)})
    kind = "eui64" if ipv4 else "none"
    return DeviceSpec(name=what, mac=mac, ipv4=ipv4, link_local=kind, programs=(program,))


@pytest.fixture(scope="module")
def stage():
    usable, reason = namespaces_available()
    if not usable:
        pytest.skip(f"no network namespaces here: {reason}")
    with Stage() as made:
        network.build(made)
        made.add_device(odd("upnp", "00:00:5e:00:53:1f", ("198.51.100.31/24",)))
        made.add_device(odd("proxy", "00:00:5e:00:53:20"))
        made.add_device(odd("router", "00:00:5e:00:53:21"))
        made.wait_ready()
        yield made


def discover(stage, *targets: str, helper: bool = True, seconds: float = 0.0, kill: bool = False):
    wish = {"targets": targets, "helper": helper, "seconds": seconds, "kill": kill}
    argv = [sys.executable, str(HERE / "lab_run.py"), json.dumps(wish)]
    done = subprocess.run(
        stage.command_in(stage.probe, argv),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def everything(stage):
    """One run over the whole link, with the helper."""
    return discover(stage, seconds=3.0)


def facts(result, kind: str, device: str = ""):
    return [f for d, f in result["facts"] if f["is"] == kind and device in ("", d)]


def test_every_device_is_found_once_and_soon(everything):
    addresses = {a for d in everything["devices"].values() for a in d.get("addresses", ())}
    named = {*network.ADDRESSES.values(), "198.51.100.31"}
    assert named <= addresses
    # The proxy shows one of its 127 addresses, the router has only IPv6.
    assert len(everything["devices"]) == len(named) + 2
    assert max(everything["first"].values()) < 10
    assert everything["active"] < 15
    assert not any(d["mac"] == PROBE_MAC for d in everything["devices"].values())


def test_silent_device_is_found_by_arp_and_by_its_eui64_guess(everything):
    plug = everything["devices"][PLUG]
    assert plug["addresses"] == ["198.51.100.14", "fe80::200:5eff:fe00:530e"]
    assert set(plug["seen_by"]) >= {"arp", "ns-eui64"}
    (formed,) = [f for f in facts(everything, "AddressFormed", PLUG) if ":" in f["address"]]
    assert formed["iid_class"] == "EUI-64"
    assert "application/vnd.tcpdump.pcap" in everything["kept"]


def test_each_device_has_an_ipv6_survey_that_saw_the_router(everything):
    surveys = facts(everything, "Ipv6Survey")
    assert {d for d, f in everything["facts"] if f["is"] == "Ipv6Survey"} == set(
        everything["devices"]
    )
    assert all(s["router_present"] for s in surveys)
    assert all(set(s["methods"]) >= {"mld", "echo", "ns-eui64", "passive"} for s in surveys)


def test_announcements_have_their_sources(everything):
    camera = everything["devices"][CAMERA]
    assert {"mdns TXT model", "mdns _http._tcp"} <= {a["source"] for a in camera["attributes"]}
    said = [f for f in facts(everything, "Announced", UPNP) if f["via"] == "ssdp"]
    assert {f["name"] for f in said} == {"uuid:0", "uuid:1"}


def test_dhcp_server_is_heard_although_the_answer_goes_to_a_privileged_port(everything):
    said = [(d, f["kind"]) for d, f in everything["facts"] if f.get("via") == "dhcp"]
    assert (UPNP, "server") in said


def test_proxy_arp_is_one_device_with_one_address(everything):
    proxy = everything["devices"][PROXY]
    assert len(proxy["addresses"]) == 1
    assert any("proxy ARP" in a["value"] for a in proxy["attributes"])


def test_router_with_a_foreign_prefix_is_told_to_the_operator(everything):
    (note,) = [n for n in everything["notes"] if "fd99:1:2:3::/64" in n]
    assert "(operator)" in note


def test_traffic_of_others_is_seen_at_a_mirror_port_only_for_those_who_talk(everything):
    camera, plug = everything["traffic"][CAMERA], everything["traffic"][PLUG]
    assert camera[0]["position"] == "mirror"
    (update,) = [f for f in camera if f["is"] == "PlainTransfer" and f["update_like"]]
    assert update["magic"]
    assert plug[0]["position"] == "endpoint"


def test_named_target_and_its_other_address_only_and_no_packet_to_anybody_else(stage):
    argv = [sys.executable, str(HERE / "lab_devices.py"), "sniff", "p-probe", PROBE_MAC]
    sniffer = stage.popen_in(
        stage.switch, argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert sniffer.stdout.readline() == "ready\n"
    result = discover(stage, "198.51.100.14")
    out, _ = sniffer.communicate("", timeout=10)
    assert list(result["devices"]) == [PLUG]
    assert result["devices"][PLUG]["addresses"] == ["198.51.100.14", "fe80::200:5eff:fe00:530e"]
    assert set(out.split()) <= {"00:00:5e:00:53:0e"}


def test_without_helper_it_finds_what_the_kernel_can_find(stage):
    result = discover(stage, helper=False)
    found = {a for d in result["devices"].values() for a in d.get("addresses", ())}
    assert set(network.ADDRESSES.values()) <= found
    plug = result["devices"][PLUG]
    assert plug["seen_by"] == ["cached"]
    (missing,) = result["traffic"][PLUG]
    assert (missing["is"], missing["owner"]) == ("NotMeasured", "environment")


def test_helper_killed_in_the_middle_is_said_once_and_discovery_goes_on(stage):
    result = discover(stage, kill=True)
    told = [n for n in result["notes"] if "packet helper ended" in n]
    assert len(told) == 1
    assert CAMERA in result["devices"]
    assert facts(result, "AddressFormed", CAMERA)
    assert all(f[0]["is"] == "NotMeasured" for f in result["traffic"].values())


def test_target_that_claims_the_address_of_another_does_not_bring_it_into_scope(stage):
    claimant = odd("claimant", "00:00:5e:00:53:22", ("198.51.100.34/24",))
    stage.add_device(claimant)
    stage.wait_ready()
    result = discover(stage, "198.51.100.34", seconds=3.0)
    (device,) = result["devices"].values()
    assert device["addresses"] == ["198.51.100.34", "fe80::200:5eff:fe00:5322"]
    assert device["unproven"] == ["198.51.100.31"]
    assert any("more than one MAC" in note for note in result["notes"])
