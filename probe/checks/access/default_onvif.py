"""See ``default_onvif.toml``; the protocols with a login share one answer."""

from collections.abc import Iterator

from probe.checks.access.defaults import default_answers
from probe.checks.access.logins import RUN_AGAIN
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.finding import Answer, Outcome, Owner, inconclusive
from probe.model.observation import SpokenBeside


def check(dut: Dut) -> Iterator[Answer]:
    unclear = list(_unclear(dut))
    yield from unclear
    for answer in default_answers(dut, "onvif"):
        if not (unclear and answer.outcome is Outcome.NOT_APPLICABLE):
            yield answer


def _unclear(dut: Dut) -> Iterator[Answer]:
    """Each web service of which it is not known whether it speaks ONVIF, too."""
    told = {(s.fact.address, s.fact.port) for s in dut.all(SpokenBeside)}
    missing = {s.fact.subject: s for s in dut.missing("onvif")}
    for web in dut.services("http"):
        where = endpoint(web.fact.transport, web.fact.address, web.fact.port)
        if (web.fact.address, web.fact.port) in told:
            continue
        reason, owner, settle = "it was not asked", Owner.OPERATOR, RUN_AGAIN
        proof = web.proof
        if seen := missing.get(f"{where} onvif"):
            reason, settle = seen.fact.reason, seen.fact.settle
            owner, proof = Owner(seen.fact.owner), seen.proof
        summary = f"Whether this web service speaks ONVIF, too, is not known: {reason}."
        yield inconclusive(f"{where} onvif", summary, *proof, owner=owner, settle=settle)
