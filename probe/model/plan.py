"""What a run does, and how gently."""

from dataclasses import dataclass, field
from enum import StrEnum


class TlsDepth(StrEnum):
    """How much is asked of each TLS service."""

    VERDICT = "verdict"
    """What a judgement needs: at most 13 connections to an ordinary service."""
    INVENTORY = "inventory"
    """Every suite, group and signature scheme by name: one connection more for each."""


class Permission(StrEnum):
    """A test that may disturb or change the device. Done only when somebody allowed it by name."""

    TLS_ATTACKS = "tls-attacks"
    """Malformed TLS that a faulty stack may not survive: Heartbleed, CCS injection, ROBOT, Ticketbleed."""
    BRUTE_FORCE = "brute-force"
    """Some dozens of wrong logins, to see what holds an attacker back; an account may be locked by it."""
    SNMP_WRITE = "snmp-write"
    """One value written over itself, to prove that a community may write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gentleness:
    """The budget of one device. The defaults suit a device that dies above 40 packets a second."""

    connections_at_once: int = 1
    packets_per_s: float = 36.0
    burst: int = 2
    logins_per_account: int = 3
    failures_per_name: int = 4
    """Failed logins under one user name on all services together: they may share their accounts, and a
    common lock falls at five."""
    logins_per_device: int = 25
    login_gap_s: float = 1.0
    """Pause between two logins; three times the observed failure delay when that is longer."""
    web_connections: int = 25
    """How many may be made to read one web service without a session; 0 leaves it at the first page."""
    seconds: float = 3600.0
    """No job starts on the device after this much time."""
    guesses: int = 20
    """Wrong passwords in one round of a guessing test, of which there are three; only with permission."""
    recovery_s: float = 300.0
    """How long a device that locked itself is waited for after a guessing test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCredential:
    """A row that the operator added to the list of documented defaults."""

    id: str
    protocols: tuple[str, ...]
    username: str
    password: str
    vendor: str = ""
    """Empty: whatever the device is."""
    model: str = "*"
    """A glob on what the device says of itself."""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One named way of testing, from ``probe/plans/*.toml`` and the command line."""

    name: str
    summary: str
    catalogues: tuple[str, ...]
    tcp_ports: str
    """``quick``, ``standard``, ``full``, or port ranges."""
    collectors: tuple[str, ...] = ()
    """Names of the collectors that may run; empty: all."""
    gentleness: Gentleness = field(default_factory=Gentleness)
    discovery_s: float = 6.0
    """How long active discovery may take; listening goes on throughout the run."""
    listen_s: float = 20.0
    """How long traffic is watched at least before it is judged."""
    router_advertisement: bool = False
    """Send an RA to elicit addresses: changes the network, so only on request."""
    tls: TlsDepth = TlsDepth.VERDICT
    logins: bool = True
    """Try documented default credentials."""
    permits: tuple[Permission, ...] = ()
    """What was allowed beyond the ordinary; never from a plan file, only from who starts the run."""
    credentials: tuple[OwnCredential, ...] = ()
    """Rows beside the shipped list; from the operator's file, never from a plan file."""
    second_source: str = ""
    """A further address of the probe's own interface, to see whether a ban is one of the address."""
