"""The files of genuine packages as a root file system: what ships in them gives no finding that is not true.

Files that a package brings are read where it is installed (``dpkg-query -L``); what a first start makes (host
keys, passwords) is not among them. Every allowed finding was looked at and is true.
"""

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.content import inspectors
from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View
from probe.model.firmware import ImageHardening
from tests.firmware_checks.content.test_trees import above_info

PACKAGES = (
    *("busybox", "dropbear-bin", "lighttpd", "mosquitto", "mosquitto-clients", "snmpd", "snmp", "dnsmasq-base"),
    *("hostapd", "wpasupplicant", "openssl", "ca-certificates", "curl", "wget", "openssh-server", "openssh-client"),
    *("vsftpd", "inetutils-telnetd", "nginx-common", "libgnutls30", "libssl3", "login", "passwd", "base-files"),
    *("stunnel4", "ppp", "iproute2", "libpam-runtime", "apt", "bash", "perl-base", "systemd", "udev", "nodejs"),
)  # fmt: skip
LARGEST = 8 << 20
TRUE = {
    "package manager": "apt and dpkg are package managers",
    "development tool": "tcpdump is one",
    "debugger": "strace and perf are debuggers",
}


def files() -> list[Path]:
    """Of all packages that are installed, each once."""
    found: dict[str, None] = {}
    for name in PACKAGES:
        done = subprocess.run(["dpkg-query", "-L", name], capture_output=True, text=True, check=False)  # fmt: skip
        found.update(dict.fromkeys(done.stdout.split("\n") if not done.returncode else ()))
    return [Path(name) for name in found if name.startswith("/") and name != "/."]


def entry_of(path: Path) -> tuple[Entry, View]:
    found = path.lstat()
    kinds = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.DIRECTORY, stat.S_IFLNK: Kind.LINK}
    kind = kinds.get(stat.S_IFMT(found.st_mode), Kind.OTHER)
    data = path.read_bytes() if kind is Kind.FILE and found.st_size <= LARGEST else b""
    target = os.readlink(path) if kind is Kind.LINK else ""
    mode = stat.S_IMODE(found.st_mode)
    name = str(path).lstrip("/")
    entry = Entry(path=name, kind=kind, mode=mode, uid=0, gid=0, size=len(data), target=target)
    return entry, View(data)


def test_what_packages_bring_is_clean() -> None:
    paths = [p for p in files() if os.access(p, os.R_OK) or p.is_symlink()]
    if len(paths) < 300:
        pytest.skip("no packages of Debian here")
    looking, found = inspectors("image", "0"), list[Any]()
    for path in paths:
        entry, view = entry_of(path)
        found += [fact for one in looking for fact, _ in one.look(entry, view)]
    found += [fact for one in looking for fact, _ in one.end()]
    loud = [fact for fact in above_info(found) if not isinstance(fact, ImageHardening)]
    assert [fact for fact in loud if getattr(fact, "kind", "") not in TRUE] == []
