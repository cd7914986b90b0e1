"""Which suite a server puts first: does what it prefers keep the order that a policy asks for?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from probe.checks.tls.grading import rule_for
from probe.checks.tls.known import lists, suite_gaps
from probe.checks.tls.services import grouped
from probe.model.policy import Grade, Policy, Rule, Topic
from probe.model.tls import TlsList, TlsService

GRADES = (Grade.GOOD, Grade.SUFFICIENT, Grade.PHASE_OUT, Grade.INSUFFICIENT)
Rank = Callable[[str], int | None]
"""Smaller is better; None: not compared."""
MOST_NAMED = 4
NOT_TOLD = "whose order counts was not found out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """What one list shows under one rule; neither ``fault`` nor ``unknown``: nothing is wrong with it."""

    rule: Rule
    said: str = ""
    """How it keeps the order; empty when no suite has to come behind another."""
    fault: str = ""
    unknown: str = ""
    evidence: tuple[str, ...] = ()


def orderings(policy: Policy, service: TlsService) -> Iterator[Ordering]:
    """Of every list of suites under every rule about order; nothing when the policy has none."""
    for rule in (r for r in policy.rules if r.about is Topic.ORDER):
        for one in lists(service, "suites", "psk suites"):
            if one.accepted:
                yield _judged(rule, one, policy)
        gaps = suite_gaps(service)
        if gaps:
            yield Ordering(rule=rule, unknown=grouped(gaps, MOST_NAMED))


def _judged(rule: Rule, one: TlsList, policy: Policy) -> Ordering:
    rank = _forward if "forward-secrecy" in rule.names else _by_grade(policy)
    ranked = [(r, n) for n in one.accepted if (r := rank(n)) is not None]
    ranks = [r for r, _ in ranked]
    where = f"at {one.version}"
    if not _matters(rule, ranks):
        return Ordering(rule=rule)
    best = min(ranked)[1]
    worst = max(ranked, key=lambda pair: pair[0])[1]
    if one.order == "client":
        fault = f"{where} it takes whatever the client names first, {worst} before {best} too"
        return Ordering(rule=rule, fault=fault, evidence=one.evidence[-1:])
    if one.order != "server":
        return Ordering(rule=rule, unknown=f"{where} {NOT_TOLD}")
    for (rank_before, before), (rank_after, after) in pairwise(ranked):
        if rank_before > rank_after:
            place = one.accepted.index(before)
            fault = f"{where} it prefers {before} to {after}"
            evidence = (*one.evidence[place : place + 1], *one.evidence[-1:])
            return Ordering(rule=rule, fault=fault, evidence=evidence)
    return Ordering(rule=rule, said=f"{where} its own order counts, with {best} before {worst}")


def _matters(rule: Rule, ranks: list[int]) -> bool:
    """Good beside sufficient needs no order; what should not be there at all has to come last."""
    differ = len(set(ranks)) > 1
    return differ and ("grade" not in rule.names or max(ranks) >= GRADES.index(Grade.PHASE_OUT))


def _by_grade(policy: Policy) -> Rank:
    def rank(name: str) -> int | None:
        rule = rule_for(policy, Topic.SUITE, name)
        return GRADES.index(rule.grade) if rule else None

    return rank


def _forward(name: str) -> int:
    """(EC)DHE, and all of TLS 1.3, whose names say nothing of the key exchange."""
    exchange, found, _ = name.removeprefix("TLS_").partition("_WITH_")
    return int(bool(found) and not exchange.startswith(("ECDHE_", "DHE_")))
