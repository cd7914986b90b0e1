"""Guesses an hour, what they mean, and from which number on they are too many. Pure."""

from collections.abc import Iterable

from probe.checks.access.logins import asked, open_to_all
from probe.model.access import Guard, GuessingTest, GuessRound, LoginResult, LoginTest
from probe.model.declaration import GuessingLimit

USUAL = 100
"""Guesses for one account an hour that are still few: OWASP ASVS 4.0.3, 2.2.1, no more than 100 failed
attempts an hour on one account (github.com/OWASP/ASVS, 4.0/en/0x11-V2-Authentication.md, read 2026-11-22).
At this pace a million possibilities take more than a year. TS 103 701 names no number: it asks for what
IXIT 1-AuthMech declares."""
FAR_TOO_MANY = 417
"""Ten thousand possibilities, a PIN of four digits, within a day. The project's own line: what lies
between the two numbers is for a person to judge."""
LOCKS = (Guard.LOCK, Guard.ADDRESS_BAN, Guard.ACCOUNT_LOCK)


def limits(declared: GuessingLimit | None) -> tuple[float, float, str]:
    """Up to how many an hour is good, from how many it is bad, and whose numbers these are."""
    if declared is not None and declared.most_per_hour is not None:
        most = float(declared.most_per_hour)
        return most, most, f"{most:g} an hour as declared"
    return (
        USUAL,
        FAR_TOO_MANY,
        f"{USUAL} an hour (OWASP ASVS 4.0.3, 2.2.1), bad from {FAR_TOO_MANY} (a four-digit PIN in a day)",
    )


def presented(test: GuessingTest) -> int:
    """Wrong passwords that were presented in all rounds."""
    return sum(len(r.guesses) for r in test.rounds)


def rate(test: GuessingTest) -> float | None:
    """Guesses an hour that the device lets somebody make who goes on; None when that is not known."""
    if not test.rounds or test.guard is Guard.NOT_KNOWN:
        return None
    if test.guard in LOCKS:
        shut = test.recovered_s if test.recovered_s is not None else test.watched_s
        spent = sum(r.seconds for r in test.rounds) + shut
        return presented(test) * 3600.0 / spent if shut > 0 else None
    best = max(r.per_hour for r in test.rounds if r.refused)
    if test.guard is Guard.SLOWS_DOWN:
        many = [r.per_hour for r in test.rounds if r.connections > 1]
        last = [g.seconds for g in test.rounds[0].guesses if g.seconds > 0][-1]
        return max(3600.0 / last, *many) if many else 3600.0 / last
    return best


def lasts(hours: float) -> str:
    """``3.2 hours``, ``12 days``, ``4 years``."""
    for size, word in ((8_766.0, "years"), (24.0, "days"), (1.0, "hours")):
        if hours >= 2 * size:
            return f"{hours / size:,.0f} {word}"
    return f"{hours * 60:.0f} minutes" if hours >= 1 / 30 else f"{hours * 3600:.0f} seconds"


def means(per_hour: float) -> str:
    """What a number of guesses an hour is good for."""
    pin, million = 1e4 / per_hour, 1e6 / per_hour
    return f"all four-digit PINs in {lasts(pin)}, a million passwords in {lasts(million)}"


def told(done: GuessRound) -> str:
    """One round in a sentence."""
    lost = len(done.guesses) - done.refused
    return (
        f"{done.refused} of {len(done.guesses)} judged {done.way} ({done.per_hour:,.0f} an hour"
        f"{f', {lost} lost' if lost else ''})"
    )


def nothing_to_guess(tests: Iterable[LoginTest]) -> str:
    """Why no password can be guessed at on a service; empty when one can."""
    made = list(tests)
    if any(open_to_all(t) or t.random_credential is LoginResult.ACCEPTED for t in made):
        return "it took anybody"
    if made and all(t.no_password for t in made):
        return "it takes no password"
    left = LoginResult.NOT_TRIED
    if made and all(asked(t) and t.random_credential is left and not t.problem for t in made):
        return "it takes no password"
    return ""


def story(test: GuessingTest) -> str:
    """All rounds, and what held back."""
    sign = f" ({test.sign})" if test.sign else ""
    return "; ".join(told(r) for r in test.rounds) + f"; held back by {test.guard}{sign}"


def broken_promise(test: GuessingTest, declared: GuessingLimit | None) -> str:
    """Where the device does less than was declared of it; empty where it does not, or nothing was."""
    if declared is None:
        return ""
    wrong, locked = declared.wrong_passwords, test.guard in LOCKS
    if wrong and not locked and presented(test) > wrong:
        return f"A lock after {wrong} wrong passwords is declared, and there was none."
    shut = sum(r.seconds for r in test.rounds) + (test.recovered_s or 0.0)
    if declared.lock_s and locked and test.recovered_s and shut < 0.8 * declared.lock_s:
        return f"The lock lasted {shut:.0f} s at most, {declared.lock_s} s are declared."
    return ""
