"""Facts about a device that have no file of their own: addresses, web pages, traffic, health.

The facts of the other topics can be had from here too.
"""

from dataclasses import dataclass
from enum import StrEnum

from probe.model.access import CandidateResult as CandidateResult
from probe.model.access import LoginResult as LoginResult
from probe.model.access import LoginTest as LoginTest
from probe.model.access import SnmpWrite as SnmpWrite
from probe.model.access import SpokenBeside as SpokenBeside
from probe.model.fact import Fact as Fact
from probe.model.fact import NotMeasured as NotMeasured
from probe.model.fact import Observation as Observation
from probe.model.service import ANNOUNCED_PORT as ANNOUNCED_PORT
from probe.model.service import Announced as Announced
from probe.model.service import OpenAccess as OpenAccess
from probe.model.service import PortScan as PortScan
from probe.model.service import Service as Service
from probe.model.service import UdpSilence as UdpSilence

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
class AddressFormed(Fact):
    """An address of the device and, for IPv6, what is known about how it was formed."""

    address: str
    methods: tuple[str, ...]
    """Which discovery methods saw it."""
    iid_class: IidClass | None = None
    """None for IPv4."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipv6Survey(Fact):
    """What was tried to find IPv6 addresses of the device; says so when none was found."""

    methods: tuple[str, ...]
    addresses: tuple[str, ...]
    router_present: bool
    """A router advertisement was seen, so that global addresses could be expected."""


# --- services ------------------------------------------------------------------------------------

# --- http ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPage(Fact):
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
class TrafficView(Fact):
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
class PlainTransfer(Fact):
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
class Health(Fact):
    """A change in whether the device still answers."""

    state: str
    """``answering``, ``stopped answering`` or ``answering again``."""
    during: str
    """The job before which, or after which, it was noticed."""
    method: str
    waited_s: float
