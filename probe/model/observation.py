"""Typed facts about a device. Only collectors make them; checks read them.

Each fact is one dataclass. Text that came from the device has passed ``probe.model.text.clean``.
"""

from dataclasses import dataclass
from enum import StrEnum

from probe.model.access import CandidateResult as CandidateResult
from probe.model.access import GuessingTest, LoginAttempt
from probe.model.access import LoginResult as LoginResult
from probe.model.access import LoginTest as LoginTest
from probe.model.access import SnmpWrite as SnmpWrite
from probe.model.access import SpokenBeside as SpokenBeside
from probe.model.evidence import Proof
from probe.model.exposure import GatewayControl, HostAnswer, SecurityTxt, WebCrawl
from probe.model.firmware import FirmwareFact
from probe.model.ids import DeviceId
from probe.model.tls import TlsAttackTest, TlsService

# --- discovery -----------------------------------------------------------------------------------


class IidClass(StrEnum):
    """How the lower 64 bits of an IPv6 address were formed (RFC 7721 section 3)."""

    EUI64 = "EUI-64"
    STABLE_OPAQUE = "stable opaque"
    TEMPORARY = "temporary"
    DHCPV6 = "DHCPv6"
    LOW_BYTE = "low-byte"
    EMBEDDED_IPV4 = "embedded IPv4"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressFormed:
    """An address of the device and, for IPv6, what is known about how it was formed."""

    address: str
    methods: tuple[str, ...]
    """Which discovery methods saw it."""
    iid_class: IidClass | None = None
    """None for IPv4."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipv6Survey:
    """What was tried to find IPv6 addresses of the device; says so when none was found."""

    methods: tuple[str, ...]
    addresses: tuple[str, ...]
    router_present: bool
    """A router advertisement was seen, so that global addresses could be expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A service or property that the device announces by itself to anybody on the link."""

    via: str
    """``mdns``, ``ssdp``, ``dhcp`` …"""
    name: str
    kind: str
    """Service type such as ``_http._tcp``, or ``upnp:rootdevice``."""
    port: int | None
    attributes: tuple[tuple[str, str], ...] = ()


# --- services ------------------------------------------------------------------------------------

ANNOUNCED_PORT = "announced"
"""The ``list_name`` of a scan of one port that the device itself announced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortScan:
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
class Service:
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
class UdpSilence:
    """A typed UDP probe without a protocol answer: ``closed`` (ICMP), ``filtered`` or ``silent``."""

    address: str
    port: int
    protocol: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccess:
    """A service gave data or functions to somebody who presented no credential."""

    transport: str
    address: str
    port: int
    protocol: str
    what: str
    """What was readable, in one phrase: ``system description``, ``topic tree`` …"""
    write_possible: bool = False


# --- http ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPage:
    """One response to an unauthenticated GET."""

    address: str
    port: int
    tls: bool
    path: str
    status: int
    headers: tuple[tuple[str, str], ...]
    title: str = ""
    auth_schemes: tuple[str, ...] = ()
    """From WWW-Authenticate: ``basic``, ``digest`` …"""
    login_form: bool = False
    redirect: str = ""
    """Location header; ``redirect_in_scope`` says whether it was followed."""
    redirect_in_scope: bool = True


# --- traffic -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficView:
    """What the probe could see of the device's own conversations from where it sits."""

    position: str
    """``mirror`` (frames between the device and others were seen) or ``endpoint`` (none were)."""
    seconds: float
    frames_of_others: int
    bytes_of_others: int
    unread: int = 0
    """Plain HTTP conversations of the device that were not looked at, or not to their end."""
    lost_frames: int = 0
    """Frames, of this device or another, that came too fast to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTransfer:
    """A request that the device made over unencrypted HTTP, seen on the wire."""

    server: str
    host: str
    path: str
    user_agent: str
    status: int | None
    content_type: str
    size: int | None
    magic: str
    """Name of the file format that the first body bytes show, empty when none."""
    update_like: bool
    version_text: str = ""
    """A version string readable in the request or response."""


# --- health --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A change in whether the device still answers."""

    state: str
    """``answering``, ``stopped answering`` or ``answering again``."""
    during: str
    """The job before which, or after which, it was noticed."""
    method: str
    waited_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMeasured:
    """A job that could not do its work: what is missing, why, and whose doing that is."""

    collector: str
    subject: str
    reason: str
    owner: str
    """An Owner value."""
    settle: str


Fact = (
    AddressFormed
    | Ipv6Survey
    | Announced
    | PortScan
    | Service
    | UdpSilence
    | OpenAccess
    | HttpPage
    | WebCrawl
    | HostAnswer
    | SecurityTxt
    | GatewayControl
    | TlsService
    | TlsAttackTest
    | LoginTest
    | SpokenBeside
    | LoginAttempt
    | GuessingTest
    | SnmpWrite
    | TrafficView
    | PlainTransfer
    | Health
    | FirmwareFact
    | NotMeasured
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A fact with its device, its proof, and who recorded it when."""

    id: str
    """``job#n``: stable, so that findings can point at it."""
    device: DeviceId
    collector: str
    at: float
    fact: Fact
    proof: tuple[Proof, ...]
