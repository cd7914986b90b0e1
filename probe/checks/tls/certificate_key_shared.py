"""Is the device's key its own? Shown only in the negative: another device of the run presents it too."""

from collections.abc import Iterator

from probe.checks.identity import may_be_one
from probe.checks.tls.known import leaves
from probe.checks.tls.services import each_service, measured_services, no_certificate
from probe.model.device import Device
from probe.model.dut import Dut, Seen
from probe.model.evidence import Proof
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.tls import Certificate, TlsService

AGAIN = "Measure again: this record was made by a probe that did not keep the keys' fingerprints."
SECOND_UNIT = (
    "Put a second unit of the same product into the run, and see from the manufacturer's description "
    "that every unit makes or is given a key of its own."
)
TELL_APART = (
    "Find out whether it is one device with two addresses or two devices, best by testing both on the "
    "network segment that they are attached to, and record a manual result."
)


def check(dut: Dut) -> Iterator[Answer]:
    theirs = [found for other in dut.others for found in _keys_of(other)]
    compared = len({device.id for device, *_ in theirs})

    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        if not leaves(seen.fact):
            return no_certificate(seen, subject)
        doubtful: list[Answer] = []
        for leaf in leaves(seen.fact):
            for device, where, theirs_too, shown in theirs:
                if not leaf.key_sha256 or theirs_too.key_sha256 != leaf.key_sha256:
                    continue
                what = f"The key of the device's certificate ({leaf.subject or 'no subject'})"
                proof = (*seen.showing(leaf.evidence), *shown)
                maybe = may_be_one(dut.device, device)
                if not maybe:
                    summary = (
                        f"{what} is also that of another device, {_named(device)}, at {where}."
                    )
                    return violated(subject, summary, *proof)
                summary = f"{what} is also presented at {where}; {maybe}."
                owner = Owner.OPERATOR
                doubtful.append(
                    inconclusive(subject, summary, *proof, owner=owner, settle=TELL_APART)
                )
        if doubtful:
            return doubtful[0]
        if any(not leaf.key_sha256 for leaf in leaves(seen.fact)):
            summary = "The fingerprint of a presented key was not recorded."
            return inconclusive(subject, summary, *seen.proof, owner=Owner.TOOL, settle=AGAIN)
        summary = "No other device of this run presents a certificate to compare the key with."
        if compared:
            others = "the one other device" if compared == 1 else f"any of the {compared} others"
            summary = (
                f"The key is not that of {others} with a certificate in this run, which does not show "
                "that every unit of the product has a key of its own."
            )
        owner = Owner.OPERATOR
        return inconclusive(subject, summary, *seen.proof, owner=owner, settle=SECOND_UNIT)

    yield from each_service(dut, judge)


def _keys_of(other: Dut) -> Iterator[tuple[Device, str, Certificate, tuple[Proof, ...]]]:
    for where, seen in measured_services(other).items():
        for leaf in leaves(seen.fact):
            yield other.device, where, leaf, seen.showing(leaf.evidence)


def _named(device: Device) -> str:
    return f"{device.label} ({device.mac})"
