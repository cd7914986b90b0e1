"""What a device of a test network is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process of a device. It is up when it listens on ``tcp`` and ``udp``, and has said ``says``."""

    argv: tuple[str, ...]
    tcp: tuple[int, ...] = ()
    udp: tuple[int, ...] = ()
    says: str = ""
    """A line on its output that tells that it is ready; empty: the ports tell."""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """A device: one namespace with ``eth0``. Addresses are written with prefix length."""

    name: str
    mac: str
    ipv4: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()
    link_local: str = "eui64"
    """``eui64``, ``stable`` (RFC 7217) or ``none``."""
    programs: tuple[Program, ...] = ()
    sysctl: tuple[tuple[str, str], ...] = ()
    """Below /proc/sys/net, e.g. ``("ipv4/icmp_echo_ignore_all", "1")``; set before the link is up."""
    files: tuple[tuple[str, str], ...] = ()
    """``(path, text)``: files of the machine that this device alone sees with another content."""
    setup: tuple[tuple[str, ...], ...] = ()
    """Commands run in the namespace when the link is up, before the programs."""

    def all_sysctl(self) -> list[tuple[str, str]]:
        """Every setting of the device's network, the ones that follow from ``link_local`` too."""
        here = "ipv6/conf/eth0"
        settings = [(f"{here}/accept_dad", "0"), *self.sysctl]
        if self.link_local == "none":
            settings.append((f"{here}/disable_ipv6", "1"))
        if self.link_local == "stable":
            # Writing the secret also switches the interface to RFC 7217 identifiers. Derived from the
            # MAC, so that a device has the same address every time the network is built.
            seed = self.mac.replace(":", "")
            groups = [seed[0:4], seed[4:8], seed[8:12], "5ec2", "e75e", "c2e7", "5ec2", "e75e"]
            settings.append((f"{here}/stable_secret", ":".join(groups)))
        return settings
