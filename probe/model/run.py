"""One run: who, when, where, on what."""

from dataclasses import dataclass
from enum import StrEnum

from probe.model.declaration import Declaration
from probe.model.ids import RunId
from probe.model.job import Job as Job
from probe.model.plan import Permission, Plan
from probe.model.scope import Scope as Scope
from probe.model.scope import WanSide as WanSide


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
class GivenImage:
    """A firmware image of the device with this address."""

    address: str
    path: str
    """On the machine of the run, absolute."""
    sha256: str


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
    images: tuple[GivenImage, ...] = ()
    keys: tuple[str, ...] = ()
    """Files of the public keys that should have signed the images."""
    demonstration: str = ""
    """``namespaces`` or ``loopback`` when the devices are the reference devices brought up there; the
    network of such a run has to be built again before it can be resumed."""
