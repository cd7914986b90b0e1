"""Is every presented certificate's key long enough?"""

from collections.abc import Iterator

from probe.checks.tls.known import leaves, presented
from probe.checks.tls.services import each_service, fine, joined, no_certificate, sentence, which
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.tls import Certificate, TlsService

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
        for place, certificate in presented(fact):
            kind, bits = certificate.key_type, certificate.key_bits
            if 0 < bits < SHORTEST.get(kind, 0):
                name = which(place, certificate)
                summary = f"{name} has a key of {bits} bits ({kind}); at least {SHORTEST[kind]} are needed."
                shown = seen.showing(certificate.evidence)
                return violated(subject, sentence(summary), *shown)
        for place, certificate in presented(fact):
            if certificate.key_bits == 0 or certificate.key_type not in SHORTEST:
                summary = f"The key of {which(place, certificate)} could not be measured."
                return inconclusive(subject, summary, *seen.proof, owner=Owner.TOOL, settle=BY_HAND)
        keys = joined(_said(c) for c in leaves(fact))
        old = any(c.key_type == "RSA" and c.key_bits < GOOD_RSA for c in leaves(fact))
        note = "; RSA below 3072 bits is to be phased out by NCSC-NL 2025-05" * old
        return fine(dut, seen, subject, f"The device's certificate has {keys}{note}.")

    yield from each_service(dut, judge)


def _said(certificate: Certificate) -> str:
    """``an EC key of 256 bits on secp256r1``."""
    kind, curve = certificate.key_type, certificate.curve
    article = "an" if kind[:1] in "AEIOUR" else "a"
    return f"{article} {kind} key of {certificate.key_bits} bits{f' on {curve}' * bool(curve)}"
