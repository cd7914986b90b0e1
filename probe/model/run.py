"""One run: who, when, where, on what."""

from dataclasses import dataclass
from enum import StrEnum

from probe.model.declaration import Declaration
from probe.model.ids import DeviceId, JobId, RunId
from probe.model.plan import Permission, Plan


class RunStatus(StrEnum):
    """Whether the run completed, which is a different thing from what it found."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    """The process is gone without having said so; the run can be resumed."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The only addresses that a packet may go to."""

    interface: str
    networks: tuple[str, ...]
    """CIDR text. Link-local IPv6 on the interface is always part of it."""
    targets: tuple[str, ...] = ()
    """When given, only these addresses and the other addresses of the same devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """Who allowed attempts at the devices' accounts, when, and on what."""

    by: str
    """Name and role, an order number: as it was written by who started the run."""
    at: float
    """Unix time."""
    logins: bool
    """Documented default credentials may be tried."""
    permits: tuple[Permission, ...]
    devices: tuple[str, ...]
    """The addresses or networks that it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The head of the journal."""

    id: RunId
    started_at: float
    scope: Scope
    plan: Plan
    declarations: tuple[Declaration, ...] = ()
    operator: str = ""
    authorisation: Authorisation | None = None
    """None when nothing was to be allowed: no login, and no test that may disturb."""
    tool_version: str = ""
    host: str = ""
    note: str = ""
    demonstration: str = ""
    """``namespaces`` or ``loopback`` when the devices are the reference devices brought up there; the
    network of such a run has to be built again before it can be resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One unit of work on one device: at most one connection at a time, done or not done."""

    id: JobId
    device: DeviceId
    collector: str
    title: str
    """What is being done, for people: ``TLS on tcp 198.51.100.11:443``."""
