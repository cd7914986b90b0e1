"""The answer of one check about one subject of one device."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from probe.model.evidence import Proof
from probe.model.ids import CheckId, DeviceId


class Outcome(StrEnum):
    """What is known, not a colour."""

    SATISFIED = "satisfied"
    VIOLATED = "violated"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not applicable"
    ERROR = "error"


class Owner(StrEnum):
    """Whose doing it is that something is not known."""

    DEVICE = "device"
    NETWORK = "network"
    OPERATOR = "operator"
    ENVIRONMENT = "environment"
    TOOL = "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a check returns for one subject. Build it with the four functions below, never directly."""

    outcome: Outcome
    subject: str
    """What was asked about: ``tcp 198.51.100.11:443``, an address, or ``device``."""
    summary: str
    """One sentence, past tense, understandable without the evidence."""
    proof: tuple[Proof, ...] = ()
    owner: Owner | None = None
    settle: str = ""
    """For an unknown: what the user can do to make it known."""
    measured: Mapping[str, int] = field(default_factory=dict)
    """What a mapping's ``requires`` is compared with, e.g. ``{"tcp_ports": 1000}``."""
    policy: str = ""
    """Rule table, edition and paragraph that the answer rests on, when the check was given one."""

    def __post_init__(self) -> None:
        if self.outcome in (Outcome.SATISFIED, Outcome.VIOLATED) and not self.proof:
            raise ValueError(f"a {self.outcome} answer needs proof: {self.summary}")
        if self.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR) and self.owner is None:
            raise ValueError(f"an {self.outcome} answer needs an owner: {self.summary}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An Answer with its check and device: the unit that the judge reads and the store keeps."""

    check: CheckId
    device: DeviceId
    answer: Answer
    policy: str = ""
    """Rule table, edition and paragraph, when the answer depends on one."""

    @property
    def id(self) -> str:
        """Stable within a run: ``check|device|subject``."""
        return f"{self.check}|{self.device}|{self.answer.subject}"


def satisfied(
    subject: str, summary: str, *proof: Proof, measured: Mapping[str, int] | None = None
) -> Answer:
    """The question was answered as the requirement wants it; raises ValueError without proof."""
    return Answer(
        outcome=Outcome.SATISFIED,
        subject=subject,
        summary=summary,
        proof=proof,
        measured=measured or {},
    )


def violated(subject: str, summary: str, *proof: Proof) -> Answer:
    """The opposite was shown; raises ValueError without proof."""
    return Answer(outcome=Outcome.VIOLATED, subject=subject, summary=summary, proof=proof)


def inconclusive(subject: str, summary: str, *proof: Proof, owner: Owner, settle: str) -> Answer:
    """Not known, whose doing that is, and what would settle it."""
    return Answer(
        outcome=Outcome.INCONCLUSIVE,
        subject=subject,
        summary=summary,
        proof=proof,
        owner=owner,
        settle=settle,
    )


def not_applicable(subject: str, summary: str, *proof: Proof) -> Answer:
    """The question has no object here (no TLS service was found). It never counts towards a pass."""
    return Answer(outcome=Outcome.NOT_APPLICABLE, subject=subject, summary=summary, proof=proof)
