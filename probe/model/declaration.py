"""What the manufacturer claims (ICS/IXIT) and what people decided or did by hand.

One small TOML file per product. A declaration never makes a device better than its measurements: it
gives measurements something to be compared with.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredService:
    """One logical interface that is meant to be reachable (IXIT 13-SoftServ, 28-LogIntf)."""

    transport: str
    """``tcp`` or ``udp``."""
    port: int
    protocol: str = ""
    purpose: str = ""
    authentication: str = ""
    """How it authenticates; ``none`` when it is meant to be open."""
    side: str = ""
    """Of a gateway: ``lan``, ``wan`` or ``both``; empty is ``lan``. What is declared for a side where the
    probe does not stand is neither expected nor judged."""

    def faces(self, *, wan: bool) -> bool:
        """Whether it is declared for the outside of a gateway, or else for its inside."""
        return self.side == "both" or (self.side == "wan") is wan


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredAccount:
    """The documented factory credential, or the statement that there is none (IXIT 1-AuthMech)."""

    service: str
    """``http``, ``telnet``, ``ssh``, ``ftp``, ``snmp``, ``mqtt`` or ``any``."""
    username: str
    password: str | None = None
    """None: unique per device or chosen by the user, see ``origin``."""
    origin: str = ""
    """``universal``, ``unique-per-device`` or ``user-defined``."""
    changed_from: str | None = None
    """The password before somebody changed it: no login of the device may take it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLabel:
    """What is printed on, or stored in, one unit of the model: two of them can be compared."""

    password: str
    """As it comes from the factory."""
    unit: str = ""
    """A name for this unit in the report."""
    username: str = ""
    serial: str = ""
    mac: str = ""
    ssid: str = ""
    others: tuple[str, ...] = ()
    """Further identifiers on the label: IMEI, device id, date of production …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessingLimit:
    """What is declared to hold back guessing (IXIT 1-AuthMech, Brute Force Prevention)."""

    most_per_hour: int | None = None
    """Guesses for one account; more than this is too many. None: the usual one."""
    wrong_passwords: int | None = None
    """After this many the device locks."""
    lock_s: int | None = None
    """For this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePolicy:
    """IXIT 7-UpdMech in short."""

    mechanism: str = ""
    """``network``, ``usb``, ``app`` or ``none``."""
    automatic: bool | None = None
    signed: bool | None = None
    transport: str = ""
    signature: str = ""
    period_days: int | None = None
    non_updatable_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportPeriod:
    """The published end of security updates (EN 303 645 5.3-13, PSTI Schedule 1 paragraph 3)."""

    end: str = ""
    """ISO date, empty when none is declared."""
    published_at: str = ""
    """Where the public reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosurePolicy:
    """EN 303 645 5.2-1, PSTI Schedule 1 paragraph 2."""

    published_at: str = ""
    contact: str = ""
    acknowledge_days: int | None = None
    update_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplicable:
    """A recorded applicability decision."""

    catalogue: str
    """A catalogue id, or ``*`` for every catalogue that has the requirement."""
    requirement: str
    reason: str
    decided_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualResult:
    """What a person found by following a requirement's manual procedure."""

    catalogue: str
    requirement: str
    result: str
    """``pass`` or ``fail``."""
    by: str
    on: str
    """ISO date."""
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IcsEntry:
    """One row of the ICS: is the provision supported, and if a recommendation is not, why."""

    requirement: str
    support: str
    """``Y``, ``N`` or ``N/A``."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """The whole file, with the hash of the bytes it was read from as its proof."""

    product: str
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    applies_to: tuple[str, ...] = ()
    """MAC addresses or IP addresses of the units it speaks for; empty: every tested device."""
    services_complete: bool = False
    """True when ``services`` is meant to be the whole list, so that anything else is undeclared."""
    services: tuple[DeclaredService, ...] = ()
    accounts: tuple[DeclaredAccount, ...] = ()
    update: UpdatePolicy | None = None
    support: SupportPeriod | None = None
    disclosure: DisclosurePolicy | None = None
    labels: tuple[UnitLabel, ...] = ()
    """Of two or more units of this model."""
    guessing: GuessingLimit | None = None
    ics: tuple[IcsEntry, ...] = ()
    not_applicable: tuple[NotApplicable, ...] = ()
    manual: tuple[ManualResult, ...] = ()
    sha256: str = ""
    """Of the file as read; it is kept as evidence."""

    def speaks_for(self, addresses: tuple[str, ...], mac: str | None) -> bool:
        """Whether this declaration is about the device with these addresses."""
        named = {name.lower() for name in self.applies_to}
        return not named or bool(named & {*addresses, (mac or "").lower()})
