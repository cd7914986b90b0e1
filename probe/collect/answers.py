"""What can happen instead of an answer, each with the one whose doing it is."""

import errno
from enum import StrEnum

from probe.errors import ProbeError
from probe.model.evidence import EvidenceRef
from probe.model.finding import Owner

OWN_TROUBLE = frozenset({errno.ENETDOWN, errno.ENODEV, errno.EPERM, errno.EADDRNOTAVAIL})
"""The packet never left: the interface is down or gone, this machine's own firewall took the packet, or
it has no address or port to send from."""


class Why(StrEnum):
    """Words for "no answer". Only ``CLOSED`` is a statement by the device about the port."""

    CLOSED = "closed"
    """The device refused the connection (RST or ICMP port unreachable)."""
    FILTERED = "filtered"
    """An ICMP error from the device or a router."""
    SILENT = "silent"
    """Nothing came back within the deadline."""
    RESET = "reset"
    """The connection was torn down after it was open."""
    ENDED = "ended"
    """The device closed the connection in an orderly way before it said what was awaited."""
    GARBAGE = "garbage"
    """Bytes came that are not the protocol asked for."""
    BUDGET = "budget"
    """The budget of the device does not allow more."""
    LOCAL = "local"
    """The probe's own interface could not send. It says nothing about the device."""
    GONE = "gone"
    """The device stopped answering altogether."""


OWNER = {
    Why.CLOSED: Owner.DEVICE,
    Why.FILTERED: Owner.NETWORK,
    Why.SILENT: Owner.NETWORK,
    Why.RESET: Owner.DEVICE,
    Why.ENDED: Owner.DEVICE,
    Why.GARBAGE: Owner.DEVICE,
    Why.BUDGET: Owner.OPERATOR,
    Why.LOCAL: Owner.ENVIRONMENT,
    Why.GONE: Owner.DEVICE,
}


class NoAnswer(Exception):
    """A question to the device stayed unanswered. Never a pass, never a refusal of its content."""

    def __init__(self, why: Why, detail: str, proof: EvidenceRef | None = None) -> None:
        super().__init__(f"{why}: {detail}")
        self.why, self.detail, self.proof = why, detail, proof

    @property
    def owner(self) -> Owner:
        return OWNER[self.why]


class OutOfScope(ProbeError):
    """An address outside the interface and targets that the operator named. No packet was sent."""

    def __init__(self, address: str, scope: str) -> None:
        super().__init__(
            f"{address} is outside the scope of this run ({scope}); nothing was sent to it",
            "Name it with --target, or choose the interface it is attached to.",
        )
