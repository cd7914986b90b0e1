"""May any SNMP account that is known change a value?"""

from collections.abc import Iterator

from probe.checks.access.logins import Surface, no_account, surfaces, untested, with_gaps
from probe.model.access import LoginResult, SnmpWrite
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, satisfied, violated

PERMIT = (
    "Agree with the owner that sysContact or sysLocation is set to the value it has, then run again with "
    "--permit snmp-write."
)
BY_HAND = (
    "Set a value that may be changed to what it is, by hand, and read it back; or read the agent's "
    "configuration for what the account may write."
)


def check(dut: Dut) -> Iterator[Answer]:
    found = (_surface(dut, surface) for surface in surfaces(dut, "snmp"))
    yield from with_gaps(dut, found, udp="snmp", absent="No SNMP agent was found.")


def _surface(dut: Dut, surface: Surface) -> Answer:
    if not surface.tests:
        return untested(dut, surface)
    subject, proof = surface.subject, tuple(p for seen in surface.tests for p in seen.proof)
    made = [s for s in dut.all(SnmpWrite) if (s.fact.address, s.fact.port) in surface.places]
    for seen in made:
        if seen.fact.may_write:
            end = "" if seen.fact.unchanged else " It was not the same afterwards."
            summary = f"SNMP lets {_who(seen)} write: {seen.fact.detail}.{end}"
            return violated(subject, summary, *seen.proof)
    for seen in made:
        if seen.fact.may_write is None:
            owner = Owner(seen.fact.owner) if seen.fact.owner else Owner.DEVICE
            summary = f"Whether {_who(seen)} may write is not known: {seen.fact.detail}."
            settle = PERMIT if owner is Owner.OPERATOR else BY_HAND
            return inconclusive(subject, summary, *seen.proof, owner=owner, settle=settle)
    if made:
        names = ", ".join(_who(seen) for seen in made[:4])
        all_proof = (p for seen in made for p in seen.proof)
        return satisfied(subject, f"SNMP lets {names} read only.", *all_proof)
    tests = [seen.fact for seen in surface.tests]
    if all(LoginResult.REFUSED is t.random_credential for t in tests) and not no_account(tests):
        summary = "No community or user of SNMP is known, so none could be tried for writing."
        return not_applicable(subject, summary, *proof)
    why = next((t.problem for t in tests if t.problem), "no account was looked at")
    summary = f"Whether somebody may write by SNMP is not known: {why}."
    return inconclusive(subject, summary, *proof, owner=Owner.DEVICE, settle=BY_HAND)


def _who(seen: Seen[SnmpWrite]) -> str:
    kind = "the user" if seen.fact.version == "v3" else "the community"
    return f"{kind} '{seen.fact.account}'" if seen.fact.account else f"{kind} without a name"
