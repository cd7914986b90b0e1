"""Does the server put the better suites first, where the policy asks for that?"""

from collections.abc import Iterator
from dataclasses import replace

from probe.checks.tls.grading import cite
from probe.checks.tls.order import orderings
from probe.checks.tls.policy import ASK_ALL, policy_of
from probe.checks.tls.services import each_service, fine, joined
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, violated
from probe.model.tls import TlsService


def check(dut: Dut) -> Iterator[Answer]:
    policy = policy_of(dut)
    named = f"{policy.title} {policy.edition}"

    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        found = list(orderings(policy, seen.fact))
        faults = [one for one in found if one.fault]
        unknown = [one.unknown for one in found if one.unknown]
        if faults:
            note = "; ".join(dict.fromkeys(f.rule.word or f.rule.note for f in faults))
            said = joined(dict.fromkeys(f.fault for f in faults))
            summary = f"The server keeps no order that {named} accepts: {said}{f' ({note})' * bool(note)}."
            return violated(subject, summary, *seen.showing(*(f.evidence for f in faults)))
        if unknown:
            summary = f"Whether the server puts better suites first is not known: {'; '.join(dict.fromkeys(unknown))}."
            owner = Owner.OPERATOR
            return inconclusive(subject, summary, *seen.proof, owner=owner, settle=ASK_ALL)
        if not found:
            return not_applicable(subject, f"{named} asks for no order of suites.", *seen.proof)
        if kept := dict.fromkeys(one.said for one in found if one.said):
            summary = f"The server puts the better suites first: {joined(kept)}."
        else:
            summary = (
                f"No order is needed: of what it accepts, {named} has no suite come behind another."
            )
        return fine(dut, seen, subject, summary)

    def under_policy(seen: Seen[TlsService], subject: str) -> Answer:
        rules = (one.rule for one in orderings(policy, seen.fact))
        return replace(judge(seen, subject), policy=cite(policy, rules))

    yield from each_service(dut, under_policy)
