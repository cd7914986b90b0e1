"""Does each signature cover all that is installed with it?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image
from probe.checks.firmware.protections import each_protection, signed
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, violated

BY_HAND = "See from the format's description what the signature covers, change a byte outside it on a spare unit, and record a manual result."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        for seen in signed(image):
            fact, subject = seen.fact, image.at(seen.fact.place)
            covers = fact.covers or "not all of it"
            if fact.binds_payload is False:
                summary = f"The signature of the layer ({fact.format}) leaves out a part of what is installed; it covers {covers}."
                yield violated(subject, summary, *seen.proof)
            elif fact.binds_payload is None:
                summary = f"What the signature of the layer ({fact.format}) covers is not known."
                owner = Owner.TOOL
                yield inconclusive(subject, summary, *seen.proof, owner=owner, settle=BY_HAND)

    absent = "Each signature covers all that is installed with it, itself or by hashes."
    yield from each_protection(dut, judge, absent)
