"""Is the SSH host key the device's own? Shown only in the negative: another device of the run has it too."""

from collections.abc import Iterator

from probe.checks.access.host_keys import READ, Held, host_keys, keys_of_others, not_read
from probe.checks.access.logins import with_gaps
from probe.checks.identity import SECOND_UNIT, TELL_APART, may_be_one
from probe.model.device import endpoint
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.service import SshHostKeys

NONE = "It offers no kind of host key that the probe can read"


def check(dut: Dut) -> Iterator[Answer]:
    theirs = keys_of_others(dut)
    shown = host_keys(dut)
    found = [_judged(dut, where, seen, theirs) for where, seen in shown.items()]
    services = {endpoint("tcp", s.fact.address, s.fact.port): s for s in dut.services("ssh")}
    for where, service in services.items():
        if where not in shown and service.fact.transport == "tcp":
            found.append(not_read(dut, where, service.proof))
    yield from with_gaps(dut, found, absent="No SSH service was found.")


def _judged(dut: Dut, where: str, seen: Seen[SshHostKeys], theirs: dict[str, list[Held]]) -> Answer:
    fact = seen.fact
    same = [
        (may_be_one(dut.device, held[0]), key, held)
        for key in fact.keys
        for held in theirs.get(key.fingerprint, ())
    ]
    if same:
        # One that is certainly another device first.
        maybe, key, (device, there, other, theirs_key) = min(same, key=lambda one: bool(one[0]))
        proof = (*seen.showing(key.evidence), *other.showing(theirs_key.evidence))
        what = f"The {key.algorithm} host key ({key.fingerprint}) is"
        if not maybe:
            summary = (
                f"{what} that of another device, {device.label} ({device.mac}), at {there} too."
            )
            return violated(where, summary, *proof)
        summary = f"{what} also presented at {there}; {maybe}."
        return inconclusive(where, summary, *proof, owner=Owner.OPERATOR, settle=TELL_APART)
    if fact.unread or not fact.keys:
        unread = f"Not every host key was read: {', '.join(fact.unread)}" if fact.unread else NONE
        summary = (
            f"{unread}; what was read ({len(fact.keys)}) is that of no other device of the run."
        )
        return inconclusive(where, summary, *seen.proof, owner=Owner.DEVICE, settle=READ)
    compared = len({device.id for held in theirs.values() for device, *_ in held})
    summary = (
        "No other device of this run shows SSH host keys to compare with."
        if not compared
        else f"The host keys are those of none of the other devices with SSH in this run ({compared}), "
        "which does not show that every unit of the product has keys of its own."
    )
    return inconclusive(where, summary, *seen.proof, owner=Owner.OPERATOR, settle=SECOND_UNIT)
