"""Is nothing signed, or verified, with a key whose private half everybody can have?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image
from probe.checks.firmware.protections import each_protection, signed
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.firmware import ImageKey

NAME_IT = (
    "Give the key with --key, or ask the manufacturer for the fingerprint of the key, and compare."
)


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        for seen in signed(image):
            fact, subject = seen.fact, image.at(seen.fact.place)
            if fact.public_key:
                summary = f"The layer ({fact.format}) is signed with a key that everybody has: {fact.public_key}."
                yield violated(subject, summary, *seen.proof)
            elif not fact.key_id:
                summary = f"The layer ({fact.format}) does not name the key that signed it, so that it cannot be compared."
                owner = Owner.OPERATOR
                yield inconclusive(subject, summary, *seen.proof, owner=owner, settle=NAME_IT)
        for key in image.all(ImageKey):
            if key.fact.use == "verification key" and key.fact.public_name:
                summary = f"Updates are verified with a key that everybody can sign with: {key.fact.public_name}."
                yield violated(image.at(key.fact.place, key.fact.path), summary, *key.proof)

    absent = "No key that signed the image is one of the publicly known test keys."
    yield from each_protection(dut, judge, absent)
