"""What the checks under a policy share: sheets into answers that name policy, edition, paragraph."""

from collections.abc import Iterator
from dataclasses import replace

from probe.checks.tls.grading import Graded, Grading, Sheet, cite, worst_first
from probe.checks.tls.services import each_service, fine, grouped, joined
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, violated
from probe.model.policy import Grade, Policy
from probe.model.tls import Reply, TlsService

MOST_NAMED = 4
"""Names in one sentence; the report's table has them all."""
ASK_BY_HAND = (
    "Run again when nothing else talks to the device; what stays open, ask with the manufacturer's own "
    "client and key, and record a manual result."
)
ASK_ALL = (
    "Run the plan 'full', which takes the whole inventory of TLS, when nothing else talks to the device, "
    "or test this service by hand."
)


def policy_of(dut: Dut) -> Policy:
    assert dut.policy is not None, "the registry gives every device a policy"
    return dut.policy


def under_policy(
    dut: Dut, grading: Grading, what: str, *, against: Grade = Grade.INSUFFICIENT
) -> Iterator[Answer]:
    """Per service: is nothing that the policy grades ``against`` accepted? ``what`` names the topic."""
    policy = policy_of(dut)

    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        sheet = grading(policy, seen.fact)
        bad = sheet.of(against)
        rules = [i.rule for i in (bad or sheet.items)]
        return replace(
            _answer(dut, policy, seen, subject, sheet, bad, what, against),
            policy=cite(policy, rules),
        )

    yield from each_service(dut, judge)


def _answer(
    dut: Dut,
    policy: Policy,
    seen: Seen[TlsService],
    subject: str,
    sheet: Sheet,
    bad: list[Graded],
    what: str,
    against: Grade,
) -> Answer:
    if bad:
        shown = seen.showing(*(item.evidence for item in bad))
        return violated(subject, _accepted(policy, bad, against, sheet), *shown)
    if sheet.absent:
        return not_applicable(subject, sheet.absent, *seen.proof)
    if sheet.gaps:
        unknown = grouped(sheet.gaps, MOST_NAMED)
        summary = f"Not everything is known that {policy.title} asks for: {unknown}."
        owner, settle = Owner.OPERATOR, ASK_ALL
        if seen.fact.lists:  # The whole inventory was asked for, and left this open.
            owner, settle = Owner.DEVICE, ASK_BY_HAND
        return inconclusive(subject, summary, *seen.proof, owner=owner, settle=settle)
    return fine(dut, seen, subject, _clean(policy, sheet, what, against))


def _accepted(policy: Policy, bad: list[Graded], against: Grade, sheet: Sheet) -> str:
    """``P calls A, B and 2 more (section 1) insufficient and requires C (section 2), which is missing``."""
    missing = [item for item in bad if item.rule and item.rule.reply == Reply.REFUSED]
    there = [item for item in bad if item not in missing]
    verb, end = _words(against)
    parts = [f"{verb} {_named(there)} {end}"] if there else []
    if missing:
        wants = "wants" if against is Grade.PHASE_OUT else "requires"
        parts.append(f"{wants} {_named(missing)}, which is missing")
    unknown = "; there may be more" if sheet.gaps else ""
    return f"{policy.title} {policy.edition} {joined(parts)}{unknown}{joined_notes(bad)}."


def _named(items: list[Graded]) -> str:
    """The first few, each paragraph once."""
    by_rule: dict[str, list[str]] = {}
    for item in items[:MOST_NAMED]:
        assert item.rule is not None
        word = f", {item.rule.word}" if item.rule.word else ""
        names = by_rule.setdefault(f"{item.rule.paragraph}{word}", [])
        refused = item.rule.reply == Reply.REFUSED
        names.append(item.name.removeprefix("no ") if refused else item.name)
    if len(items) > MOST_NAMED:
        next(reversed(by_rule.values())).append(f"{len(items) - MOST_NAMED} more")
    return joined(f"{joined(names)} ({paragraph})" for paragraph, names in by_rule.items())


def joined_notes(items: list[Graded]) -> str:
    notes = dict.fromkeys(i.rule.note for i in items if i.rule is not None and i.rule.note)
    return "".join(f"; {note}" for note in notes)


def _clean(policy: Policy, sheet: Sheet, what: str, against: Grade) -> str:
    graded = [f"{i.name}: {i.grade}" for i in worst_first(sheet.items) if i.grade is not None]
    silent = [i.name for i in sheet.items if i.grade is None]
    shown = graded or silent
    some = "; ".join(shown[:MOST_NAMED]) or "there are none"
    more = f"; and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else ""
    quiet = f" (and {len(silent)} that it says nothing about)" if silent and graded else ""
    verb, end = _words(against)
    return f"Of the {what} seen, {policy.title} {policy.edition} {verb} none {end}: {some}{more}{quiet}."


def _words(against: Grade) -> tuple[str, str]:
    return ("wants", "phased out") if against is Grade.PHASE_OUT else ("calls", against.value)
