"""What is known of SSH host keys: the device's own, and those of the others of the run."""

from probe.model.device import Device, endpoint
from probe.model.dut import Dut, Seen
from probe.model.evidence import Proof
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.service import HostKey, SshHostKeys

READ = (
    "Read the host keys with ssh-keyscan and compare them, or run again when the service answers."
)

Held = tuple[Device, str, Seen[SshHostKeys], HostKey]
"""Another device, its service there, and the key."""


def keys_of_others(dut: Dut) -> dict[str, list[Held]]:
    """By the fingerprint."""
    theirs: dict[str, list[Held]] = {}
    for other in dut.others:
        for where, seen in host_keys(other).items():
            for key in seen.fact.keys:
                theirs.setdefault(key.fingerprint, []).append((other.device, where, seen, key))
    return theirs


def host_keys(dut: Dut) -> dict[str, Seen[SshHostKeys]]:
    """By service; the latest word counts."""
    every = dut.all(SshHostKeys)
    return {endpoint("tcp", s.fact.address, s.fact.port): s for s in every}


def not_read(dut: Dut, where: str, proof: tuple[Proof, ...]) -> Answer:
    """Why the keys of a service are not known."""
    for gap in dut.missing("ssh"):
        if gap.fact.subject == f"{where} host keys":
            summary = f"The host keys were not read: {gap.fact.reason}."
            owner, settle = Owner(gap.fact.owner), gap.fact.settle
            return inconclusive(where, summary, *gap.proof, owner=owner, settle=settle)
    summary = "The host keys of the service were not read."
    return inconclusive(where, summary, *proof, owner=Owner.OPERATOR, settle=READ)
