"""Is an update protected by at least one of a signature and an encrypted transport?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image
from probe.checks.firmware.protections import Installed, each_protection, installed
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.firmware import ImageUrl, Signing
from probe.model.observation import PlainTransfer

UNPROTECTED = (Signing.UNSIGNED, Signing.STRIPPED)
WATCH = "Watch an update at a mirror port, or ask the manufacturer what protects it, and record a manual result."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        layers = installed(image)
        open_ones = [one for one in layers if one.fact.signing in UNPROTECTED]
        if open_ones:
            yield from _by_transport_alone(image, open_ones)
        elif not layers or any(one.fact.signing is not Signing.VERIFIED for one in layers):
            summary = "That a signature protects the image was not verified, and what protects its transport is not known."
            owner = Owner.OPERATOR
            yield inconclusive(image.subject, summary, *image.proof, owner=owner, settle=WATCH)

    absent = "Everything that is installed is signed, so that the transport need not be trusted."
    yield from each_protection(dut, judge, absent, only_signed=False)


def _by_transport_alone(image: Image, layers: list[Installed]) -> Iterator[Answer]:
    formats = ", ".join(dict.fromkeys(one.fact.format for one in layers))
    proof = [p for one in layers for p in one.seen.proof]
    plain = [u for u in image.all(ImageUrl) if not u.fact.encrypted]
    for url in plain:
        subject = image.at(url.fact.place, f"{url.fact.path}: {url.fact.url[:80]}")
        summary = f"What is installed is not signed ({formats}), and updates come from {url.fact.url[:120]} without encryption."
        yield violated(subject, summary, *url.proof, *proof)
    seen = [t for t in image.dut.all(PlainTransfer) if t.fact.update_like]
    for transfer in seen[:5]:
        where = f"http://{transfer.fact.host or transfer.fact.server}{transfer.fact.path}"
        summary = f"What is installed is not signed ({formats}), and the device was seen to fetch {where[:120]} without encryption."
        yield violated(f"download {where[:100]}", summary, *transfer.proof, *proof)
    if not plain and not seen:
        summary = f"What is installed is not signed ({formats}); what protects its transport is not known."
        owner = Owner.OPERATOR
        yield inconclusive(image.subject, summary, *proof, owner=owner, settle=WATCH)
