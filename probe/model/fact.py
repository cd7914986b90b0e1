"""What is recorded of a device: a typed fact, with its proof, by whom and when.

A kind of fact is a frozen dataclass that inherits from ``Fact``; it stands in the file of its topic in
``probe.model``, and no list names it. Only collectors make facts; checks read them. Text that came from the
device has passed ``probe.model.text.clean``.
"""

from dataclasses import dataclass, is_dataclass
from importlib import import_module

from probe.model.evidence import Proof
from probe.model.ids import DeviceId

TOPICS = ("service", "tls", "access", "exposure", "firmware", "observation")
"""The files that hold the kinds; each is imported when facts have to be read back."""


class Fact:
    """The mark of every kind of fact."""

    __slots__ = ()

    @property
    def outlasts(self) -> bool:
        """Whether it still holds when the job that recorded it is done again: a line of a log, or what was
        proved and may not be asked for a second time."""
        return False


def kinds() -> tuple[type[Fact], ...]:
    """Every kind of fact, of all topics, by name."""
    rooms = [import_module(f"probe.model.{topic}") for topic in TOPICS]
    mine = {k for room in rooms for k in vars(room).values() if isinstance(k, type)}
    facts = (k for k in mine if issubclass(k, Fact) and is_dataclass(k))
    return tuple(sorted(facts, key=lambda kind: kind.__name__))


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMeasured(Fact):
    """A job that could not do its work: what is missing, why, and whose doing that is."""

    collector: str
    subject: str
    reason: str
    owner: str
    """An Owner value."""
    settle: str


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
