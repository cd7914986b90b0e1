"""A read-only view of everything known about one device: the single argument of every check."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from probe.model.device import Device
from probe.model.evidence import EvidenceRef, Proof
from probe.model.fact import Fact, NotMeasured, Observation
from probe.model.ports import parse_ports
from probe.model.service import PortScan, Service

if TYPE_CHECKING:
    from probe.model.declaration import Declaration
    from probe.model.policy import Policy

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Seen(Generic[F]):
    """A fact and its proof."""

    fact: F
    proof: tuple[Proof, ...]

    def showing(self, *parts: tuple[str, ...]) -> tuple[Proof, ...]:
        """The proofs that show these parts of the fact, each the SHA-256 of recorded bytes.

        All proofs when it was not recorded of a part what shows it, or is not among them.
        """
        wanted = {sha256 for part in parts for sha256 in part}
        shown = tuple(p for p in self.proof if isinstance(p, EvidenceRef) and p.sha256 in wanted)
        found = {p.sha256 for p in shown}
        return shown if parts and all(found & {*part} for part in parts) else self.proof


class Dut:
    """The device under test as the checks see it."""

    def __init__(
        self,
        device: Device,
        observations: Iterable[Observation],
        declaration: "Declaration | None" = None,
        policy: "Policy | None" = None,
        others: Iterable["Dut"] = (),
    ) -> None:
        self.device = device
        self.declaration = declaration
        self.policy = policy
        """The rule table that checks of what is accepted judge by; None: the usual one."""
        self.observations = tuple(o for o in observations if o.device == device.id)
        self.others = tuple(others)
        """The other devices of the run, for checks that compare. They know of no others themselves."""

    def under(self, policy: "Policy") -> "Dut":
        """The same device, to be judged by another rule table."""
        return Dut(self.device, self.observations, self.declaration, policy, self.others)

    def all(self, kind: type[F]) -> Iterator[Seen[F]]:
        """Every observed fact of one kind, in the order of observation."""
        for observation in self.observations:
            if isinstance(observation.fact, kind):
                yield Seen(observation.fact, observation.proof)

    def services(self, *protocols: str) -> list[Seen[Service]]:
        """Identified services, all or those of the named protocols; the latest word on a port counts."""
        latest: dict[tuple[str, str, int], Seen[Service]] = {}
        for seen in self.all(Service):
            latest[seen.fact.transport, seen.fact.address, seen.fact.port] = seen
        return [s for s in latest.values() if not protocols or s.fact.protocol in protocols]

    def scans(self, transport: str = "tcp") -> list[Seen[PortScan]]:
        return [s for s in self.all(PortScan) if s.fact.transport == transport]

    def open_ports(self, transport: str = "tcp") -> set[tuple[str, int]]:
        """``(address, port)`` of everything that was found open."""
        return {(s.fact.address, port) for s in self.scans(transport) for port in s.fact.open}

    def tested_ports(self, address: str, transport: str = "tcp") -> frozenset[int]:
        """Every port whose state on ``address`` is known: open, or refused by the device itself."""
        known: set[int] = set()
        for scan in self.scans(transport):
            if scan.fact.address == address:
                unknown = parse_ports(scan.fact.silent) | parse_ports(scan.fact.filtered)
                known |= parse_ports(scan.fact.tested) - unknown
        return frozenset(known)

    def missing(self, collector: str) -> list[Seen[NotMeasured]]:
        """What a collector (``tls``, ``login`` …) said that it could not measure."""
        return [s for s in self.all(NotMeasured) if s.fact.collector.split("/")[0] == collector]
