"""The keys of a device's certificates beside those of the others of the run."""

from collections.abc import Iterator

from probe.checks.identity import may_be_one
from probe.checks.tls.known import leaves
from probe.checks.tls.services import measured_services
from probe.model.device import Device
from probe.model.dut import Dut, Seen
from probe.model.evidence import Proof
from probe.model.tls import Certificate, TlsService

Presented = tuple[Device, str, Seen[TlsService], Certificate]
"""Another device, its service, and the certificate that it presents there."""


def keys_of_others(dut: Dut) -> dict[str, list[Presented]]:
    """By the fingerprint of the key; under an empty one those that were not recorded."""
    found: dict[str, list[Presented]] = {}
    for other in dut.others:
        for where, seen in measured_services(other).items():
            for leaf in leaves(seen.fact):
                found.setdefault(leaf.key_sha256, []).append((other.device, where, seen, leaf))
    return found


def shared(
    own: Device, seen: Seen[TlsService], theirs: dict[str, list[Presented]]
) -> Iterator[tuple[str, str, tuple[Proof, ...]]]:
    """Why it may be one device, if it may; the sentence; what shows both."""
    for leaf in leaves(seen.fact):
        for device, where, there, same in (
            theirs.get(leaf.key_sha256, ()) if leaf.key_sha256 else ()
        ):
            maybe = may_be_one(own, device)
            whose = f"that of another device, {device.label} ({device.mac})," * (not maybe)
            said = f"also {whose or 'presented'} at {where}{f'; {maybe}' * bool(maybe)}"
            what = f"The key of the device's certificate ({leaf.subject or 'no subject'})"
            proof = (*seen.showing(leaf.evidence), *there.showing(same.evidence))
            yield maybe, f"{what} is {said}.", proof
