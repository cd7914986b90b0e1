"""What stands behind a claim: recorded bytes, or a statement of what was tried."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The label of one recorded sequence of bytes; the bytes are kept by the store under ``sha256``."""

    sha256: str
    size: int
    media_type: str
    caption: str
    collector: str
    captured_at: float
    """Unix time in seconds, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRef:
    """Points at recorded bytes, whole or a range ``start:end`` (bytes, end excluded)."""

    sha256: str
    start: int = 0
    end: int | None = None
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Proof of a negative: what was tried, how often, and how long an answer was awaited."""

    tried: str
    times: int
    deadline_s: float
    answered: int = 0


Proof = EvidenceRef | Coverage
