"""Are scheme, hash and key of each signature strong enough today?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image
from probe.checks.firmware.protections import each_protection, signed
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, violated

ASK = "Ask the manufacturer for scheme and key length of the signature."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        for seen in signed(image):
            fact, subject = seen.fact, image.at(seen.fact.place)
            if fact.weak:
                scheme = f" ({fact.scheme})" if fact.scheme else ""
                summary = (
                    f"The signature of the layer ({fact.format}) is too weak{scheme}: {fact.weak}."
                )
                yield violated(subject, summary, *seen.proof)
            elif not fact.scheme:
                summary = f"The scheme of the signature of the layer ({fact.format}) is not known."
                owner = Owner.TOOL
                yield inconclusive(subject, summary, *seen.proof, owner=owner, settle=ASK)

    absent = "The scheme and key of each signature are strong enough today."
    yield from each_protection(dut, judge, absent)
