"""Is the device's certificate one for a TLS server, and not one that signs others?"""

from collections.abc import Iterator

from probe.checks.tls.known import leaves
from probe.checks.tls.services import each_service, fine, joined, no_certificate
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.tls import Certificate, Reply, TlsService

SERVER_USES = {"digitalSignature", "keyEncipherment", "keyAgreement"}
SERVER_PURPOSES = {"serverAuth", "anyExtendedKeyUsage"}
AGAIN = "Measure again: this record was made by a probe that did not keep the key usage."

MEND = "Let the manufacturer mend the certificate, or read its extensions by hand."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        if not seen.fact.chain:
            return no_certificate(seen, subject)
        for leaf in leaves(seen.fact):
            if faults := list(_faults(leaf, seen.fact)):
                summary = f"The device's certificate {joined(faults)}."
                return violated(subject, summary, *seen.showing(leaf.evidence))
        if not all(leaf.key_sha256 for leaf in leaves(seen.fact)):
            summary = "The key usage of the device's certificate was not recorded."
            return inconclusive(subject, summary, *seen.proof, owner=Owner.TOOL, settle=AGAIN)
        if unread := [leaf for leaf in leaves(seen.fact) if leaf.extensions_problem]:
            why = unread[0].extensions_problem
            summary = f"The extensions of the device's certificate cannot be read: {why}."
            return inconclusive(subject, summary, *seen.proof, owner=Owner.DEVICE, settle=MEND)
        uses = [leaf.key_usage for leaf in leaves(seen.fact)]
        said = joined(dict.fromkeys(joined(u) if u else "any use, as none is named" for u in uses))
        summary = f"The device's certificate is not a CA's, and its key is for {said}."
        return fine(dut, seen, subject, summary)

    yield from each_service(dut, judge)


def _faults(leaf: Certificate, service: TlsService) -> Iterator[str]:
    if leaf.is_ca:
        own = " its own root" if leaf.self_signed else ""
        yield f"is{own} marked as a CA, so that who trusts it trusts whatever this key signs"
    elif leaf.key_usage is not None and "keyCertSign" in leaf.key_usage:
        yield "has the key usage keyCertSign without being a CA"
    if leaf.key_usage is not None and not SERVER_USES & {*leaf.key_usage}:
        yield f"allows only {joined(leaf.key_usage) if leaf.key_usage else 'no use at all'}, nothing that TLS does"
    elif leaf.key_usage is not None and _lacks_signing(leaf.key_usage, service):
        yield "lacks the key usage digitalSignature, which TLS 1.3 needs"
    purposes = leaf.extended_key_usage
    if purposes is not None and not SERVER_PURPOSES & {*purposes}:
        yield f"is meant for {joined(purposes) if purposes else 'nothing'}, not for servers"


def _lacks_signing(usage: tuple[str, ...], service: TlsService) -> bool:
    at_13 = any(v.name.endswith("v1.3") and v.reply is Reply.ACCEPTED for v in service.versions)
    return at_13 and "digitalSignature" not in usage
