"""Facts about services: what is announced, which ports are open, what answers on them."""

from dataclasses import dataclass

from probe.model.fact import Fact

ANNOUNCED_PORT = "announced"
"""The ``list_name`` of a scan of one port that the device itself announced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced(Fact):
    """A service or property that the device announces by itself to anybody on the link."""

    via: str
    """``mdns``, ``ssdp``, ``dhcp`` …"""
    name: str
    kind: str
    """Service type such as ``_http._tcp``, or ``upnp:rootdevice``."""
    port: int | None
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PortScan(Fact):
    """One address, one transport, one list of ports. ``tested`` etc. are texts for ``parse_ports``."""

    transport: str
    address: str
    list_name: str
    tested: str
    open: tuple[int, ...]
    filtered: str = ""
    """An ICMP error said that a filter is in the way."""
    silent: str = ""
    """No answer at all, after every try."""
    complete: bool = True
    """False when the scan was cut short; ``tested`` then names what was really tested."""

    @property
    def of_plan(self) -> bool:
        """Whether it is one of the plan's own lists, and not a single port that the device announced."""
        return self.list_name != ANNOUNCED_PORT

    @property
    def closed_is_known(self) -> bool:
        """Every tested port that is not open was refused by the device itself."""
        return self.complete and not self.filtered and not self.silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Fact):
    """An open port and what it answered. ``protocol`` is ``unknown`` when nothing was recognised."""

    transport: str
    address: str
    port: int
    protocol: str
    """``http``, ``telnet``, ``ssh``, ``ftp``, ``mqtt``, ``snmp``, ``dns``, ``coap`` … without TLS suffix."""
    tls: bool = False
    product: str = ""
    version: str = ""
    banner: str = ""
    """First bytes as cleaned text, bounded."""
    reason: str = ""
    """How it was recognised, or why not."""
    refuses_strangers: bool = False
    """It was asked for data or functions without a credential, and refused. False says nothing."""
    asked: str = ""
    """Of an ``unknown`` one: ``common`` or ``all``, the protocols that were asked for one by one, to the
    end and without trouble. Empty when that broke off, and it says nothing of a known one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKey:
    """A public key whose private half the SSH service holds: it signed a key exchange with it."""

    algorithm: str
    """``ssh-ed25519``, ``ssh-rsa`` …"""
    fingerprint: str
    """``SHA256:`` and the hash of the public key in base64, as ssh-keygen writes it."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SshHostKeys(Fact):
    """What an SSH service (TCP) shows before any login."""

    address: str
    port: int
    identification: str
    offered: tuple[str, ...]
    """Algorithms of host keys, in the order of the server's preference."""
    keys: tuple[HostKey, ...]
    unread: tuple[str, ...] = ()
    """Kinds that it offers and that were not read: ``ed25519``, ``ecdsa``, ``rsa``, ``dsa``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpSilence(Fact):
    """A typed UDP probe without a protocol answer: ``closed`` (ICMP), ``filtered`` or ``silent``."""

    address: str
    port: int
    protocol: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccess(Fact):
    """A service gave data or functions to somebody who presented no credential."""

    transport: str
    address: str
    port: int
    protocol: str
    what: str
    """What was readable, in one phrase: ``system description``, ``topic tree`` …"""
    write_possible: bool = False
