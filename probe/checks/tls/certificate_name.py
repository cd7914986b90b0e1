"""Does the certificate name the device as clients reach it? On a local network it often cannot."""

from collections.abc import Iterator

from probe.checks.tls.names import fits, hosts, is_address, own_names, usual
from probe.checks.tls.services import each_service, fine, joined, no_certificate
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, violated
from probe.model.tls import TlsService

SETTLE = "Find out by which name clients reach the device, compare, and record a manual result."
MOST = 4


def check(dut: Dut) -> Iterator[Answer]:
    own = own_names(dut)

    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        if not seen.fact.chain:
            return no_certificate(seen, subject)
        names = seen.fact.chain[0].names
        named = hosts(names)
        if not named:
            identity = f" ({names[0][:60]})" if names else ""
            summary = (
                f"The certificate names the device itself{identity} and no host, as a device identity "
                "does: a client compares it with the identity that it expects, not with a host name."
            )
            return not_applicable(subject, summary, *seen.proof)
        sent = {usual(seen.fact.server_name)} if seen.fact.server_name else set()
        for name in named:
            if any(fits(name, one) for one in own | sent):
                return fine(dut, seen, subject, f"The certificate names the device as {name}.")
        said = joined(named[:MOST])
        if all(is_address(name) or name == "localhost" for name in named):
            summary = f"The certificate names only {said}, which is not this device: no client that compares can accept it."
            return violated(subject, summary, *seen.showing(seen.fact.chain[0].evidence))
        summary = f"The certificate names {said}; the device was seen under none of these."
        return inconclusive(subject, summary, *seen.proof, owner=Owner.OPERATOR, settle=SETTLE)

    yield from each_service(dut, judge)
