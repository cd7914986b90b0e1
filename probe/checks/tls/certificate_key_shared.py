"""Is the device's key its own? Shown only in the negative: another device of the run presents it too."""

from collections.abc import Iterator

from probe.checks.identity import SECOND_UNIT, TELL_APART
from probe.checks.tls.known import leaves, uses_psk_only
from probe.checks.tls.services import each_service, no_certificate
from probe.checks.tls.shared_keys import keys_of_others, shared
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.tls import TlsService

AGAIN = "Measure again: this record was made by a probe that did not keep the keys' fingerprints."
PSK = (
    "The service uses pre-shared keys. Whether the device has one of its own, or one that all of its kind "
    "share, does not show from outside."
)
PSK_SETTLE = (
    "See from the manufacturer's description how the keys are made and given to the devices, compare "
    "those of two units, and record a manual result."
)


def check(dut: Dut) -> Iterator[Answer]:
    theirs = keys_of_others(dut)
    compared = len({device.id for found in theirs.values() for device, *_ in found})

    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        owner = Owner.OPERATOR
        if uses_psk_only(seen.fact):
            return inconclusive(subject, PSK, *seen.proof, owner=owner, settle=PSK_SETTLE)
        if not leaves(seen.fact):
            return no_certificate(seen, subject)
        if found := list(shared(dut.device, seen, theirs)):
            # One that is certainly another device first.
            maybe, summary, proof = min(found, key=lambda one: bool(one[0]))
            if not maybe:
                return violated(subject, summary, *proof)
            return inconclusive(subject, summary, *proof, owner=owner, settle=TELL_APART)
        if any(not leaf.key_sha256 for leaf in leaves(seen.fact)):
            summary = "The fingerprint of a presented key was not recorded."
            return inconclusive(subject, summary, *seen.proof, owner=Owner.TOOL, settle=AGAIN)
        summary = _alone(compared)
        return inconclusive(subject, summary, *seen.proof, owner=owner, settle=SECOND_UNIT)

    yield from each_service(dut, judge)


def _alone(compared: int) -> str:
    if not compared:
        return "No other device of this run presents a certificate to compare the key with."
    others = "the one other device" if compared == 1 else f"any of the {compared} others"
    return (
        f"The key is not that of {others} with a certificate in this run, which does not show that every "
        "unit of the product has a key of its own."
    )
