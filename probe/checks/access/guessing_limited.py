"""Is guessing of passwords over the network held back?"""

from collections.abc import Iterator

from probe.checks.access import guesses
from probe.checks.access.defaults import WORST
from probe.checks.access.logins import PROTOCOLS, Surface, surfaces, title, untested, with_gaps
from probe.model.access import Guard, GuessingTest
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, satisfied, violated

PERMIT = "Permit a guessing test: --permit brute-force."
AGAIN = "Run again when the service answers, with --permit brute-force."
KNOWN = "Give a right credential of the account under [[account]] in the declaration file, then run again."
LONGER = "Raise recovery_s in the plan's gentleness and run again, or time the lock by hand."
JUDGE = "Judge the pace by what is guessed: a long random password bears more of it than a PIN."


def check(dut: Dut) -> Iterator[Answer]:
    found = (a for surface in surfaces(dut, *PROTOCOLS) for a in _surface(dut, surface))
    yield from with_gaps(dut, found, absent="No service with a login was found.")


def _surface(dut: Dut, surface: Surface) -> Iterator[Answer]:
    name, proof = title(surface.protocol), tuple(p for s in surface.services for p in s.proof)
    here = [s for s in dut.all(GuessingTest) if s.fact.protocol == surface.protocol]
    made = [s for s in here if (s.fact.address, s.fact.port) in surface.places]
    if made:
        answers = [_one(dut, surface.subject, seen) for seen in made]
        yield min(answers, key=lambda a: WORST.index(a.outcome))
        return
    if not surface.tests:
        yield untested(dut, surface)
        return
    facts = [t.fact for t in surface.tests]
    if why := guesses.nothing_to_guess(facts):
        summary = f"There is nothing to guess at {name}: {why}."
        yield not_applicable(surface.subject, summary, *surface.tests[0].proof)
        return
    signs = [t.lockout_sign for t in facts if t.lockout_sign]
    hint = f" The login test met a sign of one: {signs[0]}." if signs else ""
    gaps = [s.fact for s in dut.missing("guessing") if s.fact.subject == surface.subject]
    why, owner, settle = "no guess was made", Owner.OPERATOR, PERMIT
    problems = [t for t in facts if t.problem]
    if problems:
        why, owner, settle = problems[0].problem, Owner(problems[0].owner), AGAIN
    if gaps:
        why, owner, settle = gaps[-1].reason, Owner(gaps[-1].owner), gaps[-1].settle
    summary = f"Whether guessing at {name} is held back is not known: {why}.{hint}"
    yield inconclusive(surface.subject, summary, *proof, owner=owner, settle=settle)


def _one(dut: Dut, subject: str, seen: Seen[GuessingTest]) -> Answer:
    test, per_hour = seen.fact, guesses.rate(seen.fact)
    declared = dut.declaration.guessing if dut.declaration else None
    few, many, whose = guesses.limits(declared)
    head = (
        f"{title(test.protocol)} ({test.method}), account '{test.username}': {guesses.story(test)}"
    )
    owner, settle = Owner(test.owner) if test.owner else Owner.DEVICE, KNOWN
    if per_hour is None:
        summary = f"{head}. What that comes to is not known: {test.problem or 'no lock was timed'}."
        return inconclusive(subject, summary, *seen.proof, owner=owner, settle=settle)
    pace = f"{head}: {per_hour:,.0f} guesses an hour, {guesses.means(per_hour)}. Limit: {whose}."
    locked = test.guard in guesses.LOCKS
    sure = locked or all(r.still_lets_in for r in test.rounds)
    if not sure:
        summary = f"{pace} Without a right credential a silent lock cannot be excluded."
        return inconclusive(subject, summary, *seen.proof, owner=Owner.OPERATOR, settle=settle)
    if promise := guesses.broken_promise(test, declared):
        return violated(subject, f"{pace} {promise}", *seen.proof)
    gone = test.recovered_s is None and test.guard is Guard.LOCK
    if per_hour <= few and not gone:
        return satisfied(subject, pace, *seen.proof, measured={"guesses": guesses.presented(test)})
    if per_hour > many and not locked and test.guard is not Guard.SLOWS_DOWN:
        return violated(subject, pace, *seen.proof)
    end = " It did not come back, so it may have failed instead." if gone else ""
    settle = LONGER if locked else JUDGE
    return inconclusive(subject, pace + end, *seen.proof, owner=Owner.DEVICE, settle=settle)
