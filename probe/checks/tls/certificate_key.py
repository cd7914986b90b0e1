"""Is every presented certificate's key long enough?"""

from collections.abc import Iterator

from probe.checks.tls.services import each_service, fine, no_certificate, sentence, which
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.tls import TlsService

SHORTEST = {"RSA": 2048, "DSA": 2048, "EC": 224, "Ed25519": 256, "Ed448": 448}
GOOD_RSA = 3072
"""Below this NCSC-NL 2025-05 calls an RSA key one to phase out."""
BY_HAND = (
    "Find out the key's kind and size from the recorded certificate and record a manual result."
)


def check(dut: Dut) -> Iterator[Answer]:
    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        fact = seen.fact
        if not fact.chain:
            return no_certificate(seen, subject)
        for place, certificate in enumerate(fact.chain):
            kind, bits = certificate.key_type, certificate.key_bits
            if 0 < bits < SHORTEST.get(kind, 0):
                name = which(place, certificate)
                summary = f"{name} has a key of {bits} bits ({kind}); at least {SHORTEST[kind]} are needed."
                return violated(subject, sentence(summary), *seen.proof)
        for place, certificate in enumerate(fact.chain):
            if certificate.key_bits == 0 or certificate.key_type not in SHORTEST:
                summary = f"The key of {which(place, certificate)} could not be measured."
                return inconclusive(subject, summary, *seen.proof, owner=Owner.TOOL, settle=BY_HAND)
        leaf = fact.chain[0]
        note = "; to be phased out by NCSC-NL 2025-05" * (
            leaf.key_type == "RSA" and leaf.key_bits < GOOD_RSA
        )
        summary = (
            f"The device's certificate has a key of {leaf.key_bits} bits ({leaf.key_type}){note}."
        )
        return fine(dut, seen, subject, summary)

    yield from each_service(dut, judge)
