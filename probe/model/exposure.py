"""What a device shows to somebody who has not logged in: pages, gateway control, a published contact."""

from dataclasses import dataclass
from enum import StrEnum

from probe.model.fact import Fact


class Shown(StrEnum):
    """What an address of a web service gave to a visitor without a session."""

    READABLE = "readable"
    """Content of its own, not the login page and not what the service says to any address."""
    GUARDED = "asks for a login"
    """401, 403, a login form, or a redirect to one."""
    ABSENT = "absent"
    """404 or 410, or the same answer as an address that cannot exist."""
    LEADS_ON = "leads elsewhere"
    UNCLEAR = "unclear"
    """No answer, or a status that says neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitive:
    """Something in a page that was not meant for everybody. The value itself is never kept here."""

    kind: str
    """``password``, ``wifi key``, ``private key``, ``password hash``, ``configuration file``, ``serial``,
    ``mac``, ``ssid``, ``e-mail``, ``position`` or ``stack trace``."""
    where: str
    """The name of the field or the words beside it."""

    @property
    def secret(self) -> bool:
        """Whether knowing it opens something, rather than only telling units or people apart."""
        return self.kind in SECRET_KINDS


SECRET_KINDS = frozenset(
    ("password", "wifi key", "private key", "password hash", "configuration file")
)
IDENTIFIER_KINDS = frozenset(("serial", "mac", "ssid", "e-mail", "position"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawledPage:
    """One GET without a session."""

    path: str
    found: str
    """``first page``, ``link on /``, ``usual path`` or ``made up``."""
    status: int | None
    """None when there was no answer."""
    shown: Shown
    title: str = ""
    media_type: str = ""
    size: int = 0
    listing: bool = False
    """It lists the files of a directory."""
    sensitive: tuple[Sensitive, ...] = ()
    evidence: str = ""
    """SHA-256 of its transcript, one of the proofs of the observation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebCrawl(Fact):
    """The pages of one web service as a visitor without a session finds them, by links only."""

    address: str
    port: int
    tls: bool
    pages: tuple[CrawledPage, ...]
    connections: int
    """What it cost the device."""
    most: int
    """How many connections were allowed."""
    left_out: tuple[str, ...] = ()
    """Links that look like an action: never followed."""
    unread: int = 0
    """Links that were found and not read, because a limit was reached."""
    problem: str = ""
    """Why the crawl broke off; empty when it came to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAnswer(Fact):
    """A request under a name that is not the device's, beside one under its own address."""

    address: str
    port: int
    tls: bool
    host: str
    """The foreign name."""
    own_status: int
    status: int
    same_page: bool
    """The page itself was given under the foreign name: same status, same content but for what varies."""
    varies: bool = False
    """The page differs from one request to the next under its own name, so that nothing was compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityTxt(Fact):
    """``/.well-known/security.txt`` of the device (RFC 9116)."""

    address: str
    port: int
    tls: bool
    contacts: tuple[str, ...]
    expires: str = ""
    """As written; empty when there is none."""
    expired: bool | None = None
    """None when ``expires`` is missing or is no date."""
    policy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideSeen(Fact):
    """Whether the outer address of a gateway was there once all its ports had been asked."""

    address: str
    interface: str
    """Of the probe."""
    by: str
    """``tcp`` (an answer), ``neighbour`` (ARP or ND, by the kernel's table), empty: no sign of it."""
    mac: str = ""
    waited_s: float = 0.0


class MappingsRead(StrEnum):
    """What came of asking for the first port mapping."""

    LISTED = "listed"
    EMPTY = "empty"
    """The gateway said that there is none (713)."""
    REFUSED = "refused"
    NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayControl(Fact):
    """UPnP gateway control as its own description tells it. Nothing was added, changed or deleted."""

    address: str
    port: int
    location: str
    service: str
    """``WANIPConnection:1`` …"""
    actions: tuple[str, ...]
    """Of the service description; empty when that could not be read."""
    external_told: bool = False
    """GetExternalIPAddress was answered with an address."""
    mappings: tuple[str, ...] = ()
    """``tcp 8080 to 198.51.100.9:80``, as the gateway listed them; bounded."""
    mappings_read: MappingsRead = MappingsRead.NO_ANSWER
