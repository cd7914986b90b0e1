"""What is known of the logins of a device: each attempt, each test by contrast, each test by guessing."""

from dataclasses import dataclass
from enum import StrEnum

from probe.model.fact import Fact


class LoginResult(StrEnum):
    """What one attempt met. Silence, 404 and reset are NO_ANSWER, never success and never refusal."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NO_ANSWER = "no answer"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateResult:
    """One default credential and what it met."""

    username: str
    password: str
    tier: str
    """``declared``, ``product``, ``vendor`` or ``generic``; ``old`` for a password that was changed."""
    source: str
    result: LoginResult
    proved: bool = False
    """A read-only action that needs the login was done twice."""
    detail: str = ""
    must_change: bool = False
    """It was taken, but nothing is open before a new password is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginTest(Fact):
    """One service tested by contrast: no credential, a random one, then the candidates."""

    transport: str
    address: str
    port: int
    protocol: str
    tls: bool
    method: str
    """``basic``, ``digest``, ``form``, ``password``, ``community`` …"""
    without_credential: LoginResult
    random_credential: LoginResult
    candidates: tuple[CandidateResult, ...]
    old: tuple[CandidateResult, ...] = ()
    """Passwords that were declared as changed: none of them may work any more."""
    lockout_sign: str = ""
    """Why the test stopped early, in the device's own terms; empty when it did not."""
    problem: str = ""
    """Why the contrast could not be made; empty when it could."""
    owner: str = ""
    """Whose doing ``problem`` is, an Owner value."""
    further: bool = False
    """Only the attempt without a credential was made: the service was tested on another address."""
    no_password: str = ""
    """What the service takes instead of passwords, such as keys; no candidate was presented then."""
    also_clear: bool = False
    """The credentials went through TLS, but the service asked for one without it as well."""

    @property
    def outlasts(self) -> bool:
        """A proved login: an account's attempts are counted over all sittings, so that it may not be open to
        another proof."""
        taken = [c for c in (*self.candidates, *self.old) if c.result is LoginResult.ACCEPTED]
        return self.random_credential is LoginResult.REFUSED and any(c.proved for c in taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnmpWrite(Fact):
    """Whether an account that may read may also write: one value was set to what it is already."""

    address: str
    port: int
    account: str
    """The community, or the user of version 3."""
    version: str
    """``v1``, ``v2c`` or ``v3``."""
    objects: tuple[str, ...]
    """What was read, and with permission written over itself: ``sysContact.0``, ``sysLocation.0``."""
    may_write: bool | None
    """None: it was not permitted to try, or no verdict came."""
    unchanged: bool | None
    """Read back afterwards it was the same; None where nothing was written."""
    detail: str
    owner: str = ""
    """Whose doing a missing verdict is, an Owner value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAttempt(Fact):
    """One line of the log of attempts; the time is that of the observation, the proof stands behind it."""

    transport: str
    address: str
    port: int
    protocol: str
    method: str
    purpose: str
    """``no credential``, ``random``, ``default``, ``old password``, ``guess`` or ``right credential``."""
    username: str
    password: str
    tier: str
    source: str
    result: LoginResult
    proved: bool
    detail: str
    seconds: float
    """From the moment the credential was sent to the answer."""

    @property
    def outlasts(self) -> bool:
        """It was sent, whatever became of the job."""
        return True


class Guard(StrEnum):
    """What held back somebody who tried one wrong password after another."""

    NOTHING = "nothing"
    DELAY_PER_CONNECTION = "a delay on each connection"
    """The wait is over as soon as many connections are opened side by side."""
    DELAY = "a delay for all connections together"
    SOME_DELAY = "a delay, on each connection or for all"
    """The probe's own pace was too gentle to tell these two apart."""
    SLOWS_DOWN = "longer and longer delays"
    FEW_CONNECTIONS = "few connections at once"
    """Connections beyond a number are turned away; one after another there is no limit."""
    ADDRESS_BAN = "a ban of the address"
    ACCOUNT_LOCK = "a lock of the account"
    LOCK = "a lock"
    """Of the account or of the address: these two could not be told apart."""
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """One wrong password and what it met."""

    result: LoginResult
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessRound:
    """Wrong passwords for one account, in one way."""

    way: str
    """``one after another``, ``side by side`` or ``from a second address``."""
    connections: int
    """Open at once at most."""
    planned: int
    guesses: tuple[Guess, ...]
    """In the order in which their answers came."""
    seconds: float
    """From the first to the last."""
    sign: str = ""
    """Why it ended early, in the device's own terms; empty when it did not."""
    own_pace: bool = False
    """The packets a second that the plan allows set the pace, not the device."""
    still_lets_in: bool | None = None
    """A right credential worked directly after it; None: none is known, or it could not be tried."""

    @property
    def refused(self) -> int:
        """Guesses that were really judged: the device said no to the password."""
        return sum(guess.result is LoginResult.REFUSED for guess in self.guesses)

    @property
    def per_hour(self) -> float:
        """Judged guesses an hour at the pace of this round; a lower bound, the probe keeps to its own."""
        return self.refused * 3600.0 / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessingTest(Fact):
    """How a login service behaves under some dozens of wrong passwords, and afterwards."""

    transport: str
    address: str
    port: int
    protocol: str
    method: str
    username: str
    account_known: bool
    """A right credential of the account was accepted before the first guess, or there is only one."""
    rounds: tuple[GuessRound, ...]
    guard: Guard
    sign: str = ""
    """What gave the guard away."""
    recovered_s: float | None = None
    """How long after the sign the device let in again; None: not within ``watched_s``, or never shut."""
    watched_s: float = 0.0
    """How long its recovery was waited for."""
    recovered_by: str = ""
    """``a right credential`` or ``the question without a credential``."""
    problem: str = ""
    """Why nothing, or not all, can be said; empty when it can."""
    owner: str = ""
    """Whose doing ``problem`` is, an Owner value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenBeside(Fact):
    """A service was asked whether it speaks ``protocol`` beside its own, on the same port."""

    transport: str
    address: str
    port: int
    tls: bool
    protocol: str
    """``onvif`` …"""
    spoken: bool
    """It answered in that protocol, or clearly has none that a stranger could reach. No answer is a
    NotMeasured."""
