"""Does the device's certificate keep the profile for things: X.509 v3, own serial number, no wildcard?"""

from collections.abc import Iterator

from probe.checks.tls.known import leaves
from probe.checks.tls.services import each_service, fine, joined, no_certificate
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.tls import Certificate, TlsService

LIKELY_RANDOM = 48
"""64 random bits are shorter than this once in 65 000 times; a counter is never so long."""
AGAIN = "Measure again: this record was made by a probe that did not keep the serial's length."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        if not seen.fact.chain:
            return no_certificate(seen, subject)
        for leaf in leaves(seen.fact):
            if faults := list(_faults(leaf)):
                summary = f"The device's certificate {joined(faults)}."
                return violated(subject, summary, *seen.showing(leaf.evidence))
        if not all(leaf.key_sha256 for leaf in leaves(seen.fact)):
            summary = "The serial number's length was not recorded."
            return inconclusive(subject, summary, *seen.proof, owner=Owner.TOOL, settle=AGAIN)
        bits = min(leaf.serial_bits for leaf in leaves(seen.fact))
        summary = f"The device's certificate is X.509 v3, with a serial number of {bits} bits and no wildcard."
        return fine(dut, seen, subject, summary)

    yield from each_service(dut, judge)


def _faults(leaf: Certificate) -> Iterator[str]:
    if leaf.x509_version != 3:
        yield f"is X.509 version {leaf.x509_version}, which has no extensions"
    wild = [name for name in leaf.names if name.startswith("*.")]
    if wild:
        yield f"is for every name under {wild[0][2:]}, not for this device"
    if leaf.key_sha256 and leaf.serial_bits < LIKELY_RANDOM:
        yield f"has the serial number {leaf.serial}, which is a constant or a counter and may be there twice"
