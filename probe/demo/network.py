"""The demonstration network: which reference device lives where, with namespaces and without."""

import subprocess
import sys
from dataclasses import dataclass

from probe.demo.devices.twins import own_link_local
from probe.demo.namespaces import namespaces_available
from probe.demo.net import INTERFACE, NETWORKS, Stage
from probe.demo.spec import DeviceSpec, Program

LOOPBACK_INTERFACE = "lo"
LOOPBACK_NETWORKS = ("127.0.0.0/24",)
GATEWAY, CAMERA, LAMP, SENSOR, PLUG = (f"198.51.100.{n}" for n in (1, 11, 12, 13, 14))
ADDRESSES = {"gateway": GATEWAY, "camera": CAMERA, "lamp": LAMP, "sensor": SENSOR, "plug": PLUG}
LOOPBACK_ADDRESSES = {
    "gateway": "127.0.0.21",
    "camera": "127.0.0.11",
    "lamp": "127.0.0.12",
    "sensor": "127.0.0.13",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What to give a run for the demonstration network: its interface, networks and targets."""

    interface: str
    networks: tuple[str, ...]
    targets: tuple[str, ...]
    loopback: bool
    reason: str
    """Why it is on loopback addresses only; empty with namespaces."""


def setting(*, loopback: bool = False) -> Setting:
    """How the demonstration can be run on this machine; ``loopback`` asks for less than possible."""
    usable, reason = (False, "asked for") if loopback else namespaces_available()
    if usable:
        return Setting(
            interface=INTERFACE, networks=NETWORKS, targets=(), loopback=False, reason=""
        )
    return Setting(
        interface=LOOPBACK_INTERFACE,
        networks=LOOPBACK_NETWORKS,
        targets=tuple(LOOPBACK_ADDRESSES.values()),
        loopback=True,
        reason=reason,
    )


def mac_of(address: str) -> str:
    """A MAC address from the block for documentation (RFC 9542 section 2.1.4), by host number."""
    return f"00:00:5e:00:53:{int(address.rpartition('.')[2]):02x}"


def device_argv(name: str, address: str, *more: str) -> tuple[str, ...]:
    """The command of one reference device."""
    return (sys.executable, "-m", "probe.demo.devices", name, "--address", address, *more)


def twin(name: str, address: str, *more: str) -> DeviceSpec:
    """A reference device at ``address`` (a /24) with its own namespace."""
    mac = mac_of(address)
    silent = name == "plug"
    if silent:
        more = (*more, "--link-local", own_link_local(mac))
    if name == "camera":
        more = (*more, "--update-server", GATEWAY)
    tcp = {"camera": (21, 23, 80, 443, 9000), "lamp": (443,), "sensor": (80,), "gateway": (80,)}
    return DeviceSpec(
        name=name,
        mac=mac,
        ipv4=() if silent else (f"{address}/24",),
        link_local={"lamp": "stable", "plug": "none"}.get(name, "eui64"),
        programs=(
            Program(
                argv=device_argv(name, address, *more),
                tcp=tcp.get(name, ()),
                udp=(161,) if name == "gateway" else (),
                says="ready",
            ),
        ),
    )


def build(stage: Stage) -> None:
    """Add the five reference devices and wait until all are up."""
    for name, address in ADDRESSES.items():
        stage.add_device(twin(name, address))
    stage.wait_ready()


def start_on_loopback() -> list["subprocess.Popen[bytes]"]:
    """Start the devices that can live on loopback addresses; they end with this process."""
    started = []
    for name, address in LOOPBACK_ADDRESSES.items():
        more = ["--loopback", "--interface", LOOPBACK_INTERFACE]
        if name == "camera":
            more += ["--update-server", LOOPBACK_ADDRESSES["gateway"]]
        process = subprocess.Popen(
            device_argv(name, address, *more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    return started
