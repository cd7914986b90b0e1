"""Wrong passwords in one way: one after another, side by side, or from a second address.

Each round ends at the first sign that the device guards itself: that sign is the good answer.
"""

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from probe.collect.access.attempt import Attempt, Credential, Method, no_answer
from probe.collect.access.contrast import random_word
from probe.collect.access.log import log_attempt
from probe.collect.answers import NoAnswer, Why
from probe.collect.guessing.target import Target
from probe.collect.guessing.telling import very_slow
from probe.collect.session import DeviceSession
from probe.model.access import Guess, GuessRound
from probe.model.evidence import Proof
from probe.model.finding import Owner
from probe.model.observation import LoginResult

LONGEST_ATTEMPT = 60.0
BUSY = 0.6
"""From this share of the allowed packets on it was the probe that set the pace."""
AGAIN_S = 2.0
"""A device that just closed many connections may need this long for the next one."""


@dataclass
class Asker:
    """Makes the attempts of one test, and keeps what each of them left behind."""

    session: DeviceSession
    target: Target
    method: Method
    limit: int
    """Guesses for the account in all sittings of the run."""
    word: Callable[[], str] = random_word
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    proof: list[Proof] = field(default_factory=list)

    async def ask(
        self, purpose: str, credential: Credential | None, *, source: str = ""
    ) -> Attempt:
        """One attempt, in the log. Raises NoAnswer(LOCAL) only, when the probe itself could not send."""
        self.session.source = source
        method = copy.copy(self.method)  # it may remember things between its requests
        try:
            async with asyncio.timeout(LONGEST_ATTEMPT):
                attempt = await method.attempt(self.session, credential)
        except TimeoutError:
            detail = f"no end after {LONGEST_ATTEMPT:.0f} s"
            attempt = Attempt(result=LoginResult.NO_ANSWER, detail=detail)
        except NoAnswer as error:
            attempt = no_answer(error)
        self.proof += attempt.proof
        log_attempt(
            self.session,
            self.target.service,
            method.name,
            purpose,
            credential,
            attempt,
            source=f"from {source}" if source else "",
        )
        if attempt.result is LoginResult.NO_ANSWER and attempt.owner is Owner.ENVIRONMENT:
            # What the probe itself could not send must never be read as a lock.
            raise NoAnswer(Why.LOCAL, attempt.detail)
        return attempt

    async def guess(self, *, source: str = "") -> Attempt:
        """One wrong password. Raises NoAnswer(BUDGET) when no more are left."""
        s = self.target.service
        key = f"{s.protocol} {s.transport}/{s.port}"
        self.session.budget.guess(key, self.target.username, self.limit)
        wrong = Credential(self.target.username, self.word())
        return await self.ask("guess", wrong, source=source)

    async def lets_in(self, *, source: str = "") -> bool | None:
        """Whether the right credential works now; None when none is known."""
        if self.target.right is None:
            return None
        attempt = await self.ask("right credential", self.target.right, source=source)
        if attempt.result is LoginResult.NO_ANSWER and not attempt.lockout:
            await self.sleep(AGAIN_S)
            attempt = await self.ask("right credential", self.target.right, source=source)
        return attempt.result is LoginResult.ACCEPTED and attempt.proved

    async def answers(self, *, source: str = "") -> bool:
        """Whether the service still asks for a credential, without a sign of a lock."""
        attempt = await self.ask("no credential", None, source=source)
        return attempt.result is LoginResult.REFUSED and not attempt.lockout


async def one_after_another(asker: Asker, planned: int, *, source: str = "") -> GuessRound:
    """The next guess when the last one was answered. Raises what ``guess`` raises."""
    guesses: list[Guess] = []
    sign, began, packets = "", time.monotonic(), asker.session.budget.packets
    while len(guesses) < planned and not sign:
        attempt = await asker.guess(source=source)
        if attempt.refused_connection:
            # A device that serves one connection may still be closing the last one.
            await asker.sleep(1.0)
            again = await asker.ask("no credential", None, source=source)
            if again.refused_connection:
                sign = f"the port refused connections after {len(guesses)} wrong passwords"
                break
        guesses.append(_guess(attempt))
        sign = attempt.lockout or _sign(guesses)
    return GuessRound(
        way="from a second address" if source else "one after another",
        connections=1,
        planned=planned,
        guesses=tuple(guesses),
        seconds=round(time.monotonic() - began, 3),
        own_pace=_own_pace(asker, began, packets),
        sign=sign,
    )


def _sign(guesses: list[Guess]) -> str:
    last = guesses[-2:]
    if len(last) == 2 and all(g.result is LoginResult.NO_ANSWER for g in last):
        return f"no answer any more after {len(guesses) - 2} wrong passwords: {last[0].detail}"
    if last[-1].result is LoginResult.ACCEPTED:
        return "a random password was accepted"
    seconds = [g.seconds for g in guesses if g.result is LoginResult.REFUSED]
    if very_slow(seconds):
        return f"a refusal took {seconds[-1]:.1f} s instead of {seconds[0]:.1f} s"
    return ""


async def side_by_side(asker: Asker, planned: int) -> GuessRound:
    """All at once: a delay of each connection holds nobody back who opens many.

    Raises what ``guess`` raises.
    """
    guesses: list[Guess] = []
    signs: list[str] = []
    own_trouble: list[NoAnswer] = []
    began, packets = time.monotonic(), asker.session.budget.packets

    async def one() -> None:
        if signs or own_trouble:
            return
        try:
            attempt = await asker.guess()
        except NoAnswer as error:
            own_trouble.append(error)
            return
        guesses.append(_guess(attempt))
        if attempt.lockout:
            signs.append(attempt.lockout)

    async with asker.session.budget.room_for(planned), asyncio.TaskGroup() as group:
        for _ in range(planned):
            group.create_task(one())
    if own_trouble:
        raise own_trouble[0]
    return GuessRound(
        way="side by side",
        connections=planned,
        planned=planned,
        guesses=tuple(guesses),
        seconds=round(time.monotonic() - began, 3),
        own_pace=_own_pace(asker, began, packets),
        sign=signs[0] if signs else "",
    )


def _guess(attempt: Attempt) -> Guess:
    return Guess(result=attempt.result, seconds=round(attempt.seconds, 3), detail=attempt.detail)


def _own_pace(asker: Asker, began: float, packets: int) -> bool:
    """Whether the round used up most of the packets that the plan allowed in its time."""
    budget = asker.session.budget
    allowed = (time.monotonic() - began) * budget.gentleness.packets_per_s
    return budget.packets - packets > BUSY * allowed
