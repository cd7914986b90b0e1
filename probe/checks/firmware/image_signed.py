"""Is everything that a device installs signed, so that a change of it can be noticed?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image
from probe.checks.firmware.protections import (
    Installed,
    called,
    each_protection,
    installed,
    no_format,
    no_word,
    unprotected_parts,
)
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.firmware import ImageProtection, Signing

GIVE_KEY = "Give the manufacturer's public key or certificate with --key, so that the signature can be verified."
CARRIED = "See from the manufacturer's description that the device uses nothing of the container but what is signed, and record a manual result."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        layers = installed(image)
        if not layers and image.survey is not None:
            yield no_format(image)
        carriers = {c.fact.place: c for one in layers for c in one.carriers}
        for carrier in carriers.values():
            yield from _carrier(image, carrier)
        for one in layers:
            yield from _layer(image, one)

    absent = "Everything that is installed is signed, and the signatures were verified."
    yield from each_protection(dut, judge, absent, only_signed=False)


def _carrier(image: Image, carrier: Seen[ImageProtection]) -> Iterator[Answer]:
    fact = carrier.fact
    if bare := unprotected_parts(image, fact):
        named = ", ".join(f"{part.name} ({part.format})" for part in bare[:3])
        summary = f"{called(fact)} is not signed, and neither is what it carries: {named}."
        yield violated(image.at(fact.place), summary, *carrier.proof)


def _layer(image: Image, one: Installed) -> Iterator[Answer]:
    fact, subject = one.fact, image.at(one.fact.place)
    said = f"{called(fact)} is {fact.signing.value}: {fact.detail}."
    match fact.signing:
        case Signing.UNSIGNED if not fact.can_be_signed:
            said = f"{called(fact)} has no place for a signature: {fact.detail}."
            yield violated(subject, said, *one.seen.proof)
        case Signing.UNSIGNED | Signing.TAMPERED | Signing.STRIPPED:
            yield violated(subject, said, *one.seen.proof)
        case Signing.ENCRYPTED | Signing.UNREADABLE:
            yield no_word(image, one.seen)
        case Signing.NOT_VERIFIED:
            owner = Owner.OPERATOR
            yield inconclusive(subject, said, *one.seen.proof, owner=owner, settle=GIVE_KEY)
        case Signing.VERIFIED:
            yield from _carried(image, one)


def _carried(image: Image, one: Installed) -> Iterator[Answer]:
    """A verified layer in a container that could be signed and is not."""
    around = [c.fact for c in one.carriers if c.fact.can_be_signed]
    if around:
        names = ", in ".join(f"{c.format} (layer {c.place})" for c in reversed(around))
        summary = f"{called(one.fact)} is signed and verified, but stands in {names}, which is not signed."
        yield inconclusive(
            image.at(one.fact.place),
            summary,
            *one.seen.proof,
            owner=Owner.OPERATOR,
            settle=CARRIED,
        )
