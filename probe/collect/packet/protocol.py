"""The words between the main process and the packet helper. ``lines`` puts them on the wire."""

import ipaddress
import re
from dataclasses import dataclass

MAX_FRAME = 2048
"""Bytes kept of one frame."""
MAX_HEAD = 8 * 1024
"""Bytes kept of each direction of a conversation between others."""
MAX_TARGETS = 4096
MAX_RATE = 500
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def _require(ok: bool, what: str) -> None:
    if not ok:
        raise ValueError(what)


# --- commands, main process to helper ------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """The first line: where to work, as whom, and what may be spoken to."""

    interface: str
    index: int
    mac: str
    ipv4: tuple[str, ...]
    """Own addresses with prefix length, ``198.51.100.2/24``."""
    ipv6: tuple[str, ...]
    networks: tuple[str, ...]
    targets: tuple[str, ...]

    def __post_init__(self) -> None:
        _require(MAC.fullmatch(self.mac) is not None, "mac")
        for address in (*self.ipv4, *self.ipv6):
            ipaddress.ip_interface(address)
        for network in self.networks:
            ipaddress.ip_network(network)
        for target in self.targets:
            ipaddress.ip_address(target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admit:
    """Further addresses of devices in scope, as the scope guard admitted them."""

    known: tuple[str, ...]
    learned: str

    def __post_init__(self) -> None:
        for address in (*self.known, self.learned):
            ipaddress.ip_address(address)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArpSweep:
    """Ask for each target in ``rounds`` rounds, each time only for those still silent."""

    id: int
    targets: tuple[str, ...]
    rounds: int
    gap_s: float
    rate: int

    def __post_init__(self) -> None:
        _require(len(self.targets) <= MAX_TARGETS, "targets")
        for target in self.targets:
            ipaddress.IPv4Address(target)
        _require(1 <= self.rounds <= 10, "rounds")
        _require(0.05 <= self.gap_s <= 5, "gap_s")
        _require(1 <= self.rate <= MAX_RATE, "rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipv6Sweep:
    """``methods`` of ``echo``, ``mld`` and ``ns``; ``ns`` asks for the EUI-64 guess of each MAC in
    link-local and in each of ``prefixes`` (64 bits long)."""

    id: int
    methods: tuple[str, ...]
    macs: tuple[str, ...]
    prefixes: tuple[str, ...]
    wait_s: float

    def __post_init__(self) -> None:
        _require(set(self.methods) <= {"echo", "mld", "ns"}, "methods")
        _require(all(MAC.fullmatch(m) for m in self.macs), "macs")
        _require(len(self.macs) <= MAX_TARGETS and len(self.prefixes) <= 16, "too many")
        for prefix in self.prefixes:
            _require(ipaddress.IPv6Network(prefix).prefixlen == 64, "prefixes")
        _require(0 <= self.wait_s <= 10, "wait_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertise:
    """Announce a short-lived prefix without a router, and listen who forms addresses."""

    id: int
    prefix: str
    wait_s: float

    def __post_init__(self) -> None:
        network = ipaddress.IPv6Network(self.prefix)
        # A unique local prefix (RFC 4193) can never take traffic away from a real network.
        unique_local = network.subnet_of(ipaddress.IPv6Network("fd00::/8"))
        _require(network.prefixlen == 64 and unique_local, "prefix")
        _require(0 <= self.wait_s <= 10, "wait_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Ask one neighbour by ARP or NS whether it is there."""

    id: int
    mac: str
    """Empty when unknown: then anybody who owns the address counts."""
    address: str
    within_s: float
    everybody: bool
    """Listen for the whole time to whoever answers, not only until the first one does."""

    def __post_init__(self) -> None:
        _require(not self.mac or MAC.fullmatch(self.mac) is not None, "mac")
        ipaddress.ip_address(self.address)
        _require(0.01 <= self.within_s <= 60, "within_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpInform:
    """Ask for a DHCP server, which gives nothing away: the answer comes as a sighting."""

    id: int
    address: str
    """Of the one that is asked; empty to ask the whole link."""
    mac: str
    """The same one's."""
    wait_s: float

    def __post_init__(self) -> None:
        _require(bool(self.address) == bool(self.mac), "mac")
        if self.address:
            ipaddress.IPv4Address(self.address)
            _require(MAC.fullmatch(self.mac) is not None, "mac")
        _require(0 <= self.wait_s <= 10, "wait_s")


Command = Begin | Admit | ArpSweep | Ipv6Sweep | Advertise | Ping | DhcpInform

# --- reports, helper to main process -------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The sockets are open and the privileges are gone."""

    interface: str
    privileges: str
    """What is left of them, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The helper cannot work, and ends."""

    reason: str
    owner: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A frame that shows a neighbour: the first of its kind for this method, MAC and address."""

    method: str
    mac: str
    address: str
    """Empty when the frame shows a MAC without an address."""
    at: float
    frame: bytes

    def __post_init__(self) -> None:
        _require(MAC.fullmatch(self.mac) is not None, "mac")
        if self.address:
            ipaddress.ip_address(self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSeen:
    """A router advertisement; ``prefixes`` are those announced as on-link."""

    mac: str
    address: str
    prefixes: tuple[str, ...]
    at: float
    frame: bytes

    def __post_init__(self) -> None:
        ipaddress.IPv6Address(self.address)
        for prefix in self.prefixes:
            ipaddress.IPv6Network(prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answer to a Ping. ``alive`` is None when the question could not be put."""

    id: int
    alive: bool | None
    macs: tuple[str, ...]
    """Everybody who answered for the address, also those who were not meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A sweep is over."""

    id: int
    sent: int
    silent: int
    seconds: float
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSeen:
    """The heads of one plain HTTP conversation between others; replaces the one of same number."""

    number: int
    at: float
    client_mac: str
    server_mac: str
    client: str
    client_port: int
    server: str
    server_port: int
    up: bytes
    down: bytes
    up_total: int
    down_total: int
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficSeen:
    """Unicast frames of one MAC that were neither from nor to the probe, since the start."""

    mac: str
    frames_out: int
    bytes_out: int
    frames_in: int
    bytes_in: int
    unread: int
    """Plain HTTP conversations that it began and that could not be followed: too many at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficLost:
    """Frames between others that nobody looked at, since the start: whose they were is not known."""

    frames: int
    """Dropped by the kernel because they came too fast, and reports for which there was no room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Something a person should read."""

    level: str
    text: str


Report = (
    Ready
    | Refused
    | Sighting
    | RouterSeen
    | Answered
    | Done
    | FlowSeen
    | TrafficSeen
    | TrafficLost
    | Said
)
