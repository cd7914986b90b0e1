"""The laboratory: reference devices and genuine daemons, each alone in a network namespace.

What each device is known to be stands in ``truth.toml`` beside this file.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import daemons

from probe.demo.devices.certs import good_pem, weak_pem
from probe.demo.net import Stage
from probe.demo.network import ADDRESSES, mac_of, twin
from probe.demo.spec import DeviceSpec, Program

ODD = Path(__file__).with_name("odd.py")
OTHERS = {
    "router": "198.51.100.3",
    "hub": "198.51.100.21",
    "broker": "198.51.100.22",
    "nas": "198.51.100.23",
    "recorder": "198.51.100.24",
    "lossy": "198.51.100.25",
    "garbage": "198.51.100.26",
    "oldtls": "198.51.100.27",
    "meter": "198.51.100.28",
    "keyed": "198.51.100.29",
    "traps": "198.51.100.30",
}
ALL = {**ADDRESSES, **OTHERS}
EVERY_SECOND_SYN = (
    "add table inet loss",
    "add chain inet loss in { type filter hook input priority 0; }",
    "add rule inet loss in tcp flags & (syn | ack) == syn numgen inc mod 2 0 drop",
)


@dataclass(slots=True)
class Laboratory:
    """What was built, and what could not be, with the reason."""

    stage: Stage
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def addresses(self) -> dict[str, str]:
        return {name: ALL[name] for name in self.stage.devices}

    @property
    def fragile_counters(self) -> Path:
        return self.stage.folder / "sensor.json"


def build(stage: Stage, only: frozenset[str] = frozenset()) -> Laboratory:
    """Start every device, or ``only`` some, that this machine has the programs and the rights for."""
    laboratory = Laboratory(stage)
    for name in ALL:
        if only and name not in only:
            continue
        try:
            spec = _spec(stage, name)
        except LookupError as missing:
            laboratory.left_out[name] = str(missing.args[0])
        else:
            stage.add_device(spec)
    stage.wait_ready()
    return laboratory


def _spec(stage: Stage, name: str) -> DeviceSpec:
    if name in ADDRESSES:
        more = ("--state", str(stage.folder / "sensor.json")) if name == "sensor" else ()
        return twin(name, ADDRESSES[name], *more)
    folder = stage.folder / name
    folder.mkdir()
    return SPECS[name](folder)


def _device(name: str, *programs: Program, **more: object) -> DeviceSpec:
    address = ALL[name]
    return DeviceSpec(
        name=name,
        mac=mac_of(address),
        ipv4=(f"{address}/24",),
        programs=programs,
        **more,  # type: ignore[arg-type]
    )


def _router(folder: Path) -> DeviceSpec:
    _needs_root("dnsmasq changes its group")
    forwarding = (("ipv6/conf/all/forwarding", "1"),)
    return _device("router", daemons.dnsmasq(folder), sysctl=forwarding)


def _hub(folder: Path) -> DeviceSpec:
    """Open broker, default password on the web page, community public."""
    programs = (
        daemons.mosquitto(folder),
        daemons.lighttpd(folder, method="basic"),
        daemons.snmpd(folder),
    )
    return _device("hub", *programs, link_local="stable")


def _broker(folder: Path) -> DeviceSpec:
    """A broker with a password nobody guesses, and a good web server."""
    programs = (
        daemons.mosquitto(folder, password=("fleet", "J4x-unguessable-91")),
        daemons.nginx(folder, good_pem("broker.example", ALL["broker"]), legacy=False),
    )
    return _device("broker", *programs, link_local="stable")


def _nas(folder: Path) -> DeviceSpec:
    programs = (
        daemons.vsftpd(folder),
        daemons.lighttpd(folder, method="digest"),
        daemons.redis(folder),
    )
    _needs_root("vsftpd changes its user")
    return _device("nas", *programs, link_local="stable")


def _recorder(folder: Path) -> DeviceSpec:
    """Telnet and SSH with the password that everybody knows."""
    _needs_root("login changes its user")
    return _device(
        "recorder",
        daemons.telnetd(),
        daemons.dropbear(folder),
        files=daemons.accounts(root="root", admin="admin"),
        link_local="stable",
    )


def _lossy(folder: Path) -> DeviceSpec:
    """Hears every second SYN only, and is otherwise an ordinary page behind a password; IPv4 only."""
    rules = folder / "loss.nft"
    rules.write_text("\n".join(EVERY_SECOND_SYN) + "\n")
    return _device(
        "lossy",
        daemons.lighttpd(folder, method="basic", port=80),
        setup=((daemons.path_of("nft"), "-f", str(rules)),),
        link_local="none",
    )


def _garbage(_: Path) -> DeviceSpec:
    return _device("garbage", _odd("garbage"), link_local="none")


def _oldtls(folder: Path) -> DeviceSpec:
    """Everything old that a TLS server can still offer, on a genuine server."""
    return _device(
        "oldtls", daemons.nginx(folder, weak_pem("oldtls"), legacy=True), link_local="stable"
    )


def _meter(folder: Path) -> DeviceSpec:
    """CoAP and TFTP, and a web page that only IPv6 can see."""
    programs = (
        daemons.coap(),
        daemons.tftpd(folder),
        daemons.lighttpd(folder, method="none", port=8081, only_ipv6=True),
    )
    return _device("meter", *programs, link_local="stable")


def _keyed(folder: Path) -> DeviceSpec:
    """SSH with keys only: a good device with a login nobody can guess."""
    _needs_root("sshd changes its user")
    run = ("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    return _device(
        "keyed",
        daemons.openssh(folder),
        setup=(run, ("mkdir", "-m", "755", "/run/sshd")),
        link_local="stable",
    )


def _traps(_: Path) -> DeviceSpec:
    return _device("traps", _odd("traps"), link_local="stable")


def _odd(kind: str) -> Program:
    root = str(ODD.parents[2])
    argv = (sys.executable, str(ODD), kind)
    return Program(argv=argv, says="ready", environment={"PYTHONPATH": root})


def _needs_root(why: str) -> None:
    if os.geteuid() != 0:
        raise LookupError(f"root ({why})")


SPECS: dict[str, Callable[[Path], DeviceSpec]] = {
    "router": _router,
    "hub": _hub,
    "broker": _broker,
    "nas": _nas,
    "recorder": _recorder,
    "lossy": _lossy,
    "garbage": _garbage,
    "oldtls": _oldtls,
    "meter": _meter,
    "keyed": _keyed,
    "traps": _traps,
}
