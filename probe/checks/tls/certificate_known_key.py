"""Is no presented key one whose private half is published, as test keys of TLS stacks are?"""

from collections.abc import Iterator

from probe.checks.tls.known import presented
from probe.checks.tls.public_keys import published
from probe.checks.tls.services import each_service, fine, no_certificate, sentence, which
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.tls import TlsService

AGAIN = "Measure again: this record was made by a probe that did not keep the keys' fingerprints."


def check(dut: Dut) -> Iterator[Answer]:
    known = published()

    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        shown = presented(seen.fact)
        if not shown:
            return no_certificate(seen, subject)
        for place, certificate in shown:
            if certificate.key_sha256 in known:
                where = known[certificate.key_sha256]
                summary = f"the private key of {which(place, certificate)} is published: {where}."
                return violated(subject, sentence(summary), *seen.showing(certificate.evidence))
        if any(not certificate.key_sha256 for _, certificate in shown):
            summary = "The fingerprint of a presented key was not recorded."
            return inconclusive(subject, summary, *seen.proof, owner=Owner.TOOL, settle=AGAIN)
        count = len({certificate.key_sha256 for _, certificate in shown})
        keys = "The presented key is" if count == 1 else f"The {count} presented keys are"
        return fine(dut, seen, subject, f"{keys} none of {len(known)} published test keys.")

    yield from each_service(dut, judge)
