"""What the rounds met is named for what it is; what the probe's own pace hides is said to be hidden."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.guessing.telling import unlocked, very_slow
from probe.model.access import Guard, Guess, GuessRound, LoginResult


def rounds(each: float, faster: float = 1.0, lost: int = 0) -> tuple[GuessRound, GuessRound]:
    """20 guesses that take ``each`` seconds; side by side ``faster`` times as fast, ``lost`` of them lost."""
    wrong = Guess(result=LoginResult.REFUSED, seconds=each)
    none = Guess(result=LoginResult.NO_ANSWER, seconds=0.0)
    one = GuessRound(
        way="one after another",
        connections=1,
        planned=20,
        guesses=(wrong,) * 20,
        seconds=each * 20 + 0.1,
    )
    many = replace(
        one,
        way="side by side",
        connections=20,
        guesses=(wrong,) * (20 - lost) + (none,) * lost,
        seconds=one.seconds / faster,
    )
    return one, many


@pytest.mark.parametrize(
    ("each", "faster", "lost", "guard"),
    [
        (0.001, 1.0, 0, Guard.NOTHING),
        (1.0, 15.0, 0, Guard.DELAY_PER_CONNECTION),
        (1.0, 1.1, 0, Guard.DELAY),
        (1.0, 5.0, 4, Guard.FEW_CONNECTIONS),
    ],
)
def test_each_is_named(each: float, faster: float, lost: int, guard: Guard) -> None:
    assert unlocked(rounds(each, faster, lost)) is guard


def test_the_probes_own_pace_is_no_delay_of_the_device() -> None:
    one, many = rounds(0.35, 1.1)
    assert unlocked((one, replace(many, own_pace=True))) is Guard.SOME_DELAY
    one, many = rounds(0.35, 4.0)
    assert unlocked((one, replace(many, own_pace=True))) is Guard.DELAY_PER_CONNECTION


def test_too_few_answers_tell_nothing() -> None:
    one, many = rounds(1.0)
    assert unlocked((replace(one, guesses=one.guesses[:2]), many)) is Guard.NOT_KNOWN


def test_growing_delays() -> None:
    one, many = rounds(1.0)
    growing = tuple(replace(g, seconds=0.5 * n) for n, g in enumerate(one.guesses, 1))
    assert unlocked((replace(one, guesses=growing), many)) is Guard.SLOWS_DOWN
    assert very_slow([1.0, 11.0, 12.0])
    assert not very_slow([1.0, 11.0, 1.0])


SECONDS = st.floats(0.0, 60.0)


@given(st.lists(SECONDS, max_size=20), st.integers(0, 20), st.floats(0.01, 100.0), st.booleans())
def test_without_a_sign_no_lock_is_ever_named(
    seconds: list[float], lost: int, took: float, own: bool
) -> None:
    one, many = rounds(1.0, 1.0, lost)
    guesses = tuple(Guess(result=LoginResult.REFUSED, seconds=s) for s in seconds)
    found = unlocked((replace(one, guesses=guesses), replace(many, seconds=took, own_pace=own)))
    assert found not in (Guard.LOCK, Guard.ACCOUNT_LOCK, Guard.ADDRESS_BAN)
