"""The keys of a device's certificates beside those of the others of the run."""

from collections.abc import Iterable, Iterator

from probe.checks.identity import may_be_one
from probe.checks.tls.known import leaves
from probe.checks.tls.services import measured_services
from probe.model.device import Device
from probe.model.dut import Dut, Seen
from probe.model.evidence import Proof
from probe.model.tls import TlsService

Presented = tuple[Device, str, str, tuple[Proof, ...]]
"""Another device, its service, the fingerprint of the key, and what shows it."""


def keys_of(other: Dut) -> Iterator[Presented]:
    for where, seen in measured_services(other).items():
        for leaf in leaves(seen.fact):
            yield other.device, where, leaf.key_sha256, seen.showing(leaf.evidence)


def shared(
    own: Device, seen: Seen[TlsService], theirs: Iterable[Presented]
) -> Iterator[tuple[str, str, tuple[Proof, ...]]]:
    """Why it may be one device, if it may; the sentence; what shows both."""
    for leaf in leaves(seen.fact):
        for device, where, key, shown in theirs:
            if leaf.key_sha256 and leaf.key_sha256 == key:
                maybe = may_be_one(own, device)
                whose = f"that of another device, {device.label} ({device.mac})," * (not maybe)
                said = f"also {whose or 'presented'} at {where}{f'; {maybe}' * bool(maybe)}"
                what = f"The key of the device's certificate ({leaf.subject or 'no subject'})"
                yield maybe, f"{what} is {said}.", (*seen.showing(leaf.evidence), *shown)
