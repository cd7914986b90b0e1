"""Is every presented certificate signed with a hash that still holds?"""

from collections.abc import Iterator

from probe.checks.tls.known import leaves, presented
from probe.checks.tls.services import each_service, fine, joined, no_certificate, sentence, which
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.tls import TlsService

BROKEN = {"md2", "md4", "md5", "sha1"}
BY_HAND = (
    "Find out the signature algorithm from the recorded certificate and record a manual result."
)


def check(dut: Dut) -> Iterator[Answer]:
    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        if not seen.fact.chain:
            return no_certificate(seen, subject)
        # Nobody relies on the signature that a root further up the chain puts on itself.
        counted = [(p, c) for p, c in presented(seen.fact) if p == 0 or not c.self_signed]
        for place, certificate in counted:
            if certificate.signature_hash in BROKEN:
                summary = (
                    f"{which(place, certificate)} is signed with {certificate.signature_hash}."
                )
                return violated(subject, sentence(summary), *seen.showing(certificate.evidence))
        for place, certificate in counted:
            if certificate.signature_hash.startswith("unknown"):
                algorithm = certificate.signature_hash
                summary = f"The signature algorithm of {which(place, certificate)} is {algorithm}."
                return inconclusive(subject, summary, *seen.proof, owner=Owner.TOOL, settle=BY_HAND)
        own = "an algorithm that brings its own hash"
        how = joined(dict.fromkeys(c.signature_hash or own for c in leaves(seen.fact)))
        return fine(dut, seen, subject, f"The device's certificate is signed with {how}.")

    yield from each_service(dut, judge)
