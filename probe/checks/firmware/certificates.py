"""Are the certificates that the device uses strong and within their dates, and is no CA key beside them?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_file_system
from probe.model.dut import Dut
from probe.model.finding import Answer, violated
from probe.model.firmware import ImageCertificate, ImageSurvey
from probe.model.text import clean

WEAK_HASHES = ("md5", "sha1")


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        at = _examined_at(image)
        told: set[str] = set()
        for seen in image.all(ImageCertificate):
            subject = image.at(seen.fact.place, seen.fact.path)
            why = _fault(seen.fact, at)
            if why and subject not in told:
                told.add(subject)
                name = clean(seen.fact.certificate.subject, 80) or "without a name"
                yield violated(subject, f"The certificate {name} {why}.", *seen.proof)

    absent = (
        "No certificate that comes with its key is weak, expired or a certification authority's."
    )
    yield from each_file_system(dut, judge, absent)


def _examined_at(image: Image) -> float:
    """When the image was examined; 0 when that is not known."""
    times = [
        o.at
        for o in image.dut.observations
        if isinstance(o.fact, ImageSurvey) and o.fact.image == image.sha256
    ]
    return max(times, default=0.0)


def _fault(fact: ImageCertificate, at: float) -> str:
    """A list of authorities to trust may hold old ones; what has its key here is the device's own."""
    certificate = fact.certificate
    if not fact.with_key:
        return ""
    if certificate.is_ca and not certificate.self_signed:
        return "is that of a certification authority, and its private key is in the image"
    if certificate.is_ca and certificate.key_usage and "keyCertSign" in certificate.key_usage:
        return "is that of a certification authority, and its private key is in the image"
    if certificate.key_type == "RSA" and certificate.key_bits < 2048:
        return f"has an RSA key of {certificate.key_bits} bits"
    if certificate.key_type == "EC" and certificate.key_bits < 224:
        return f"has a key on a curve of {certificate.key_bits} bits"
    if certificate.signature_hash in WEAK_HASHES:
        return f"is signed with {certificate.signature_hash.upper()}"
    if certificate.not_after is not None and at and certificate.not_after < at:
        return "has expired"
    return ""
