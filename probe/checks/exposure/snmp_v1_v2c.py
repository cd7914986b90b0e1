"""Does the device do without SNMP versions 1 and 2c?"""

from collections.abc import Iterator

from probe.checks.support import conclude, scan_proof, udp_gaps, where
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import LoginResult, LoginTest, OpenAccess

PROTOCOL = "snmp"
SETTLE = "Declare the community that the device is delivered with, so that it can be tried."


def check(dut: Dut) -> Iterator[Answer]:
    yield from conclude(
        dut,
        [*answering(dut)],
        [*unproved(dut), *udp_gaps(dut, [PROTOCOL])],
        "No SNMP was found; every address refused the request.",
        proof=scan_proof(dut, "udp"),
    )


def answering(dut: Dut) -> Iterator[Answer]:
    """Any community that was answered shows version 1 or 2c: version 3 has none."""
    subjects = set()
    for test in dut.all(LoginTest):
        fact = test.fact
        results = [fact.random_credential, *(c.result for c in fact.candidates)]
        subject = endpoint(fact.transport, fact.address, fact.port)
        if fact.method == "community" and LoginResult.ACCEPTED in results:
            subjects.add(subject)
            summary = "SNMP version 1 or 2c answered to a community sent in the clear."
            yield violated(subject, summary, *test.proof)
    for access in dut.all(OpenAccess):
        where_ = endpoint(access.fact.transport, access.fact.address, access.fact.port)
        if access.fact.protocol == PROTOCOL and where_ not in subjects:
            yield violated(where_, f"SNMP gave away {access.fact.what}.", *access.proof)


def unproved(dut: Dut) -> Iterator[Answer]:
    """An SNMP agent that answered version 3 may answer an unknown community of version 2c, too."""
    for seen in dut.services(PROTOCOL):
        summary = (
            "An SNMP agent answers; whether it knows version 1 or 2c depends on the community."
        )
        yield inconclusive(where(seen), summary, *seen.proof, owner=Owner.TOOL, settle=SETTLE)
