"""From what the rounds met to the name of what held them back. Pure."""

from statistics import median

from probe.model.access import Guard, GuessRound, LoginResult

DELAYED_S = 0.2
"""A refusal that takes this long is a delay on purpose (dropbear waits 0.25 to 0.35 s); no LAN does."""
GROWTH = 3.0
"""The last third of the answers took this many times as long as the first third …"""
GROWN_S = 1.0
"""… and at least this long: then the delay grows."""
FASTER = 2.0
"""Side by side this many times as many were judged in the same time: the delay is one of a connection."""

VERY_SLOW = 10.0
"""Two refusals this many times slower than the first, and this many seconds long: no need for more."""


def latencies(done: GuessRound) -> list[float]:
    """Seconds of each refusal, in order."""
    return [g.seconds for g in done.guesses if g.result is LoginResult.REFUSED]


def grows(done: GuessRound) -> bool:
    """Whether each wrong password is answered later than the one before, on the whole."""
    seconds = latencies(done)
    third = len(seconds) // 3
    if not third:
        return False
    first, last = median(seconds[:third]), median(seconds[-third:])
    return last >= GROWN_S and last >= GROWTH * first


def very_slow(seconds: list[float]) -> bool:
    """Whether the delay has grown so far that the round can end."""
    last = seconds[-2:]
    return len(last) == 2 and min(last) > VERY_SLOW * max(1.0, seconds[0])


def unlocked(rounds: tuple[GuessRound, ...]) -> Guard:
    """What held back where no lock was met."""
    one = rounds[0]
    many = [r for r in rounds if r.connections > 1]
    if len(latencies(one)) < 3:
        return Guard.NOT_KNOWN
    if grows(one) or very_slow(latencies(one)):
        return Guard.SLOWS_DOWN
    if any(len(r.guesses) > r.refused for r in many):
        return Guard.FEW_CONNECTIONS
    if median(latencies(one)) < DELAYED_S:
        return Guard.NOTHING
    if not many:
        return Guard.NOT_KNOWN
    faster = max(r.per_hour for r in many) > FASTER * one.per_hour
    if faster:
        return Guard.DELAY_PER_CONNECTION
    return Guard.SOME_DELAY if any(r.own_pace for r in many) else Guard.DELAY
