"""The journal's events, in the order in which they happened.

Resume, the terminal UI, progress on the command line and every report read these and nothing else.
"""

from dataclasses import dataclass

from probe.model.device import Device
from probe.model.finding import Finding, Owner
from probe.model.ids import DeviceId, JobId
from probe.model.observation import Observation
from probe.model.run import Job, Run, RunStatus
from probe.model.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSeen:
    """A device appeared, or more became known about it; replaces the earlier entry of the same id."""

    device: Device


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKnown:
    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStarted:
    """Started once more, it begins anew: what it recorded before no longer counts (``Fact.outlasts`` but)."""

    job: JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished:
    """``ok`` says that the job did its work, not that the device is good."""

    job: JobId
    ok: bool
    reason: str = ""
    owner: Owner | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReopened:
    """The job is to be done again: what it could not measure before no longer counts.

    What it did record counts until it is started again; nothing of it when it had not finished.
    """

    job: JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    observation: Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Replaces an earlier finding of the same id."""

    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Replaces an earlier verdict on the same catalogue edition, requirement and device."""

    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """Every check has looked at all that is known of the device; ``findings`` (ids) is all they say.

    An earlier finding that is not among them no longer holds.
    """

    device: DeviceId
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLogins:
    """Login attempts on one account, in all sittings of the run: an account must not be locked out."""

    service: str
    username: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSpent:
    """Running totals of one device, over all sittings of the run."""

    device: DeviceId
    packets: int
    connections: int
    logins: int
    seconds: float
    accounts: tuple[AccountLogins, ...] = ()
    guesses: int = 0
    """Wrong passwords of permitted guessing tests; not among ``logins``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDone:
    """Every job of the device's plan was tried, and its verdicts say so.

    It is open again as soon as more becomes known: a further address, another observation.
    """

    device: DeviceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something a person should read: the helper died, the run was resumed, the clock jumped."""

    level: str
    """``info``, ``warning`` or ``error``."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """Pause, resume and the end of the run."""

    status: RunStatus
    reason: str = ""


Event = (
    RunStarted
    | DeviceSeen
    | JobKnown
    | JobStarted
    | JobFinished
    | JobReopened
    | Observed
    | Found
    | Assessed
    | Judged
    | BudgetSpent
    | DeviceDone
    | Noted
    | StatusChanged
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal."""

    seq: int
    at: float
    event: Event
