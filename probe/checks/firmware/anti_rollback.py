"""Does the image carry a signed counter, by which a device can refuse an older one?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image
from probe.checks.firmware.protections import (
    Installed,
    each_protection,
    installed,
    no_format,
)
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.firmware import Rollback

OFFER_OLD = "Offer an older genuine image to a spare unit, see whether it is refused, and record a manual result."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        layers = installed(image)
        if not layers and image.survey is not None:
            yield no_format(image)
        for one in layers:
            yield from _layer(image, one)

    absent = "Everything that is installed carries a signed counter against older versions."
    yield from each_protection(dut, judge, absent, only_signed=False)


def _layer(image: Image, one: Installed) -> Iterator[Answer]:
    fact, subject = one.fact, image.at(one.fact.place)
    if fact.rollback is Rollback.NONE:
        summary = f"The layer ({fact.format}) carries nothing by which a device could refuse an older version."
        yield violated(subject, summary, *one.seen.proof)
    elif fact.rollback is Rollback.UNSIGNED_COUNTER:
        value = "" if fact.rollback_value is None else f" ({fact.rollback_value})"
        summary = f"The counter{value} of the layer ({fact.format}) is not under a signature, so that anybody can raise it."
        yield violated(subject, summary, *one.seen.proof)
    elif fact.rollback is Rollback.UNKNOWN:
        summary = f"Whether a device could refuse an older version does not show from the layer ({fact.format})."
        owner = Owner.OPERATOR
        yield inconclusive(subject, summary, *one.seen.proof, owner=owner, settle=OFFER_OLD)
