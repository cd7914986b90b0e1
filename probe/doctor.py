"""``probe doctor``: what this machine can and cannot test, and how to mend it. Sends no packet."""

import os
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from probe.errors import ProbeError

IPV6_SWITCHES = Path("/proc/sys/net/ipv6/conf")


@dataclass(frozen=True, slots=True)
class Report:
    """One line about the machine. ``word`` is OK, LIMITED or MISSING."""

    topic: str
    word: str
    text: str
    mend: str = ""
    blocks: bool = False
    """True when no test is possible without it."""


def examine(interface: str | None, store: str) -> list[Report]:
    """Everything that decides what can be tested here."""
    checks: list[Callable[[], Report]] = [
        _python,
        _raw_sockets,
        _namespaces,
        lambda: _interface(interface),
        lambda: _ipv6(interface),
        _clock,
        lambda: _store(store),
        _tls,
        _terminal,
        _tools,
    ]
    return [check() for check in checks]


def render(reports: list[Report]) -> str:
    """Plain lines: topic, word, text, and below what to do."""
    lines: list[str] = []
    for report in reports:
        lines.append(f"{report.topic:<12} {report.word:<8} {report.text}")
        if report.mend:
            lines.append(f"{'':<21} to mend: {report.mend}")
    return "\n".join(lines)


def _python() -> Report:
    version = ".".join(map(str, sys.version_info[:3]))
    return Report("python", "OK", f"{version} on {os.uname().machine}")


def _raw_sockets() -> Report:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        return Report(
            "raw sockets",
            "LIMITED",
            "not permitted: silent devices, IPv6 neighbours and traffic stay unseen",
            "run the test with 'sudo probe run …'; only the packet helper keeps the privilege",
        )
    except OSError as error:
        return Report("raw sockets", "LIMITED", f"not available: {error.strerror}")
    return Report("raw sockets", "OK", "permitted: ARP, ND and passive listening work")


def _namespaces() -> Report:
    try:
        from probe.demo.namespaces import namespaces_available

        available, reason = namespaces_available()
    except ImportError as error:
        available, reason = False, str(error)
    why = f" ({reason})" if reason else ""
    if available:
        return Report("namespaces", "OK", f"the demonstration network can be brought up{why}")
    return Report(
        "namespaces",
        "LIMITED",
        f"not available{why}: the demonstration uses loopback addresses",
        "run 'probe demo' as root, or allow unprivileged user namespaces",
    )


def _interface(name: str | None) -> Report:
    from probe.collect.packet.interface import interface_facts

    known = [n for _, n in socket.if_nameindex()]
    if name is None:
        return Report("interface", "OK", f"present: {', '.join(known)}; look closer with -i NAME")
    try:
        facts = interface_facts(name)
    except ProbeError as error:
        return Report("interface", "MISSING", error.what, error.next_step, blocks=True)
    state = Path(f"/sys/class/net/{name}/operstate")
    up = state.read_text().strip() if state.exists() else "unknown"
    if not facts.networks:
        return Report(
            "interface",
            "LIMITED",
            f"{name} is {up} and has no address",
            f"ip addr add 192.0.2.2/24 dev {name}; ip link set {name} up",
        )
    word = "OK" if up in ("up", "unknown") else "LIMITED"
    mend = "" if word == "OK" else f"plug in the cable, then: ip link set {name} up"
    return Report("interface", word, f"{name} is {up}, networks {', '.join(facts.networks)}", mend)


def _ipv6(interface: str | None) -> Report:
    if not IPV6_SWITCHES.exists():
        return Report(
            "ipv6",
            "LIMITED",
            "the kernel has none: nothing about IPv6 can be tested",
            "start the machine without ipv6.disable=1",
        )
    # Each interface has a switch of its own, which decides; "all" only writes to all of them.
    known = [n for _, n in socket.if_nameindex()]
    asked = [interface] if interface in known else []
    off = [name for name in ("all", *asked) if _ipv6_is_off(str(name))]
    if off:
        where = f"on {interface}" if interface in off else "on this machine"
        return Report(
            "ipv6",
            "LIMITED",
            f"switched off {where}: nothing about IPv6 can be tested",
            "; ".join(f"sysctl net/ipv6/conf/{name}/disable_ipv6=0" for name in off),
        )
    return Report("ipv6", "OK", f"switched on{f', also on {interface}' if asked else ''}")


def _ipv6_is_off(name: str) -> bool:
    switch = IPV6_SWITCHES / name / "disable_ipv6"
    return not switch.exists() or switch.read_text().strip() != "0"


def _clock() -> Report:
    now = time.time()
    newest = Path(__file__).stat().st_mtime
    if now < newest - 86_400:
        return Report(
            "clock",
            "LIMITED",
            f"says {time.strftime('%Y-%m-%d', time.gmtime(now))}, which is before this program was "
            "installed: certificate dates cannot be judged",
            "set it: 'timedatectl set-time', or connect a time server",
        )
    synchronised = Path("/run/systemd/timesync/synchronized").exists()
    how = "set by a time server" if synchronised else "not known to be set by a time server"
    return Report("clock", "OK", f"{time.strftime('%Y-%m-%d %H:%M:%SZ', time.gmtime(now))}, {how}")


def _store(where: str) -> Report:
    if "://" in where:
        return Report("store", "OK", f"database {where.partition('@')[2] or where}")
    folder = Path(where).expanduser()
    existing = next((p for p in (folder, *folder.parents) if p.exists()), Path("/"))
    if not os.access(existing, os.W_OK):
        return Report(
            "store",
            "MISSING",
            f"{where} is not writable for this user",
            "choose another folder with --store",
            blocks=True,
        )
    free_mb = shutil.disk_usage(existing).free // 2**20
    if free_mb < 200:
        return Report("store", "LIMITED", f"{where}: only {free_mb} MB free", "free some space")
    return Report("store", "OK", f"{where}, {free_mb} MB free")


def _tls() -> Report:
    return Report(
        "tls", "OK", f"{ssl.OPENSSL_VERSION} for finishing handshakes; older versions by own codec"
    )


def _terminal() -> Report:
    if not sys.stdout.isatty():
        return Report("terminal", "OK", "no terminal: plain output")
    columns, rows = shutil.get_terminal_size()
    if columns < 60 or rows < 20:
        return Report(
            "terminal",
            "LIMITED",
            f"{columns}x{rows}: too small for the UI",
            "make it 80x24, or use --plain",
        )
    encoding = (sys.stdout.encoding or "").lower()
    glyphs = "Unicode glyphs" if "utf" in encoding else "ASCII glyphs"
    return Report("terminal", "OK", f"{columns}x{rows}, {glyphs}")


def _tools() -> Report:
    wanted = {"ip": "iproute2", "nsenter": "util-linux", "unshare": "util-linux"}
    missing = sorted({package for tool, package in wanted.items() if shutil.which(tool) is None})
    if missing:
        return Report(
            "tools",
            "LIMITED",
            f"missing {', '.join(missing)}: no demonstration network",
            f"apt-get install {' '.join(missing)}",
        )
    return Report("tools", "OK", "ip, nsenter and unshare are there")
