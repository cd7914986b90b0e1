"""Twins that really lock: an account, an address, with words and without; each is told as what it is."""

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from probe.collect.guessing.collector import COLLECTOR
from probe.model.access import Guard, GuessingTest, LoginAttempt
from probe.model.observation import LoginResult, NotMeasured
from probe.model.plan import Plan

RIGHT = base64.b64encode(b"admin:admin").decode()


class Camera:
    """HTTP basic on /. ``after`` wrong passwords it locks for ``for_s`` seconds, by ``key``."""

    def __init__(
        self,
        key: Callable[[str, str], str],
        *,
        after: int = 5,
        for_s: float = 2.0,
        words: bool = True,
        drop: bool = False,
        growing: float = 0.0,
    ) -> None:
        self.key, self.after, self.for_s = key, after, for_s
        self.words, self.drop, self.growing = words, drop, growing
        self.wrong: Counter[str] = Counter()
        self.until: dict[str, float] = {}
        self.guesses_while_locked = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[0]
        if self.drop and self._locked(self.key("", peer)):
            return
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        given = head.partition("Basic ")[2].partition("\r\n")[0]
        user = base64.b64decode(given).decode().partition(":")[0] if given else ""
        who = self.key(user, peer)
        if given and self._locked(who):
            self.guesses_while_locked += 1
            await self._say(writer, 429 if self.words else 401)
        elif given == RIGHT:
            self.wrong[who] = 0
            await self._say(writer, 200)
        elif given:
            self.wrong[who] += 1
            await asyncio.sleep(self.growing * self.wrong[who] ** 2)
            if self.wrong[who] >= self.after:
                self.until[who], self.wrong[who] = time.monotonic() + self.for_s, 0
            await self._say(writer, 401)
        else:
            await self._say(writer, 401)

    def _locked(self, who: str) -> bool:
        return time.monotonic() < self.until.get(who, 0.0)

    async def _say(self, writer: asyncio.StreamWriter, status: int) -> None:
        body = b"<title>inside</title>" if status == 200 else b"no"
        writer.write(
            f'HTTP/1.1 {status} x\r\nWWW-Authenticate: Basic realm="cam"\r\n'
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        await writer.drain()


def by_account(user: str, peer: str) -> str:
    del peer
    return user


def by_address(user: str, peer: str) -> str:
    del user
    return peer


def never(user: str, peer: str) -> str:
    return f"{user}{peer}{time.monotonic()}"


async def test_a_lock_of_the_account_with_words(guess: Any, told: Any, serve: Any) -> None:
    twin = Camera(by_account)
    async with serve(twin.talk) as port:
        test = told(await guess("http", port))
    assert test.guard is Guard.ACCOUNT_LOCK
    assert "429" in test.sign
    assert len(test.rounds) == 1
    assert len(test.rounds[0].guesses) <= 6  # it stops at the first sign
    assert test.recovered_by == "a right credential"
    assert test.recovered_s is not None
    assert 1.0 < test.recovered_s < 5.0


async def test_without_a_right_credential_the_end_of_the_lock_is_not_known(
    guess: Any, told: Any, serve: Any
) -> None:
    async with serve(Camera(by_account).talk) as port:
        test = told(await guess("http", port, None))
    assert test.guard is Guard.ACCOUNT_LOCK
    assert test.recovered_s is None
    assert "right credential" in test.problem


async def test_a_silent_lock_shows_by_the_right_credential(
    guess: Any, told: Any, serve: Any
) -> None:
    async with serve(Camera(by_account, words=False).talk) as port:
        test = told(await guess("http", port))
    assert test.guard is Guard.LOCK  # account or address: from one address nobody can tell
    assert "right credential was refused after 20" in test.sign
    assert test.recovered_s is not None


async def test_a_silent_lock_is_told_apart_from_a_second_address(
    guess: Any, told: Any, serve: Any
) -> None:
    async with serve(Camera(by_account, words=False).talk) as port:
        test = told(await guess("http", port, second="127.0.0.9"))
    assert test.guard is Guard.ACCOUNT_LOCK
    async with serve(Camera(by_address, words=False).talk) as port:
        test = told(await guess("http", port, second="127.0.0.9"))
    assert test.guard is Guard.ADDRESS_BAN


@pytest.mark.parametrize("password", ["admin", None])
async def test_a_ban_of_the_address(
    guess: Any, told: Any, serve: Any, password: str | None
) -> None:
    async with serve(Camera(by_address, drop=True, for_s=4.0).talk) as port:
        test = told(await guess("http", port, password, second="127.0.0.9"))
    assert test.guard is Guard.ADDRESS_BAN
    assert test.recovered_s is not None
    assert test.recovered_s > 2.0


async def test_a_ban_seen_from_one_address_is_a_lock(guess: Any, told: Any, serve: Any) -> None:
    async with serve(Camera(by_address, drop=True, for_s=4.0).talk) as port:
        test = told(await guess("http", port))
    assert test.guard is Guard.LOCK


async def test_what_never_comes_back_is_told_so(guess: Any, told: Any, serve: Any) -> None:
    async with serve(Camera(by_address, drop=True, for_s=600.0).talk) as port:
        test = told(await guess("http", port, recovery_s=3.0))
    assert test.guard is Guard.LOCK
    assert test.recovered_s is None
    assert 3.0 <= test.watched_s < 8.0


async def test_delays_that_grow(guess: Any, told: Any, serve: Any) -> None:
    async with serve(Camera(never, growing=0.0).talk) as port:
        assert told(await guess("http", port, n=6)).guard is Guard.NOTHING
    twin = Camera(by_account, after=1000, growing=0.05)
    async with serve(twin.talk) as port:
        test = told(await guess("http", port, n=6))
    assert test.guard is Guard.SLOWS_DOWN


async def test_a_wrong_right_credential_is_said(guess: Any, told: Any, serve: Any) -> None:
    async with serve(Camera(never).talk) as port:
        test = told(await guess("http", port, "not-it", n=5))
    assert not test.account_known
    assert "did not work" in test.problem
    assert [r.still_lets_in for r in test.rounds] == [None, None]


async def test_every_attempt_is_in_the_log(guess: Any, serve: Any) -> None:
    async with serve(Camera(never).talk) as port:
        made = await guess("http", port, n=4)
    log = made.recorded.facts(LoginAttempt)
    count = Counter(a.purpose for a in log)
    assert count == {"no credential": 1, "right credential": 3, "guess": 8}
    assert len({a.password for a in log if a.purpose == "guess"}) == 8
    right = [a for a in log if a.purpose == "right credential"]
    assert {a.result for a in right} == {LoginResult.ACCEPTED}
    assert made.session.budget.guesses == 8
    assert made.session.budget.logins == 0


async def test_the_second_sitting_has_no_more_guesses(guess: Any, serve: Any) -> None:
    async with serve(Camera(never).talk) as port:
        made = await guess("http", port, n=4)
        for task in COLLECTOR.tasks(made.dut, made.session.plan):
            await task.work(made.session)
    again = made.recorded.facts(GuessingTest)[-1]
    assert "guessed" in again.problem
    assert again.owner == "operator"
    assert made.session.budget.guesses == 8


async def test_without_permission_nothing_is_sent(guess: Any, serve: Any) -> None:
    twin = Camera(never)
    plan = Plan(name="t", summary="", catalogues=(), tcp_ports="quick")
    async with serve(twin.talk) as port:
        made = await guess("http", port, plan=plan)
    (gap,) = made.recorded.facts(NotMeasured)
    assert "permit" in gap.reason
    assert "--permit brute-force" in gap.settle
    assert gap.owner == "operator"
    assert not twin.wrong
    assert made.session.budget.connections == 0


async def test_an_address_that_is_not_ours_is_no_lock(guess: Any, told: Any, serve: Any) -> None:
    async with serve(Camera(never).talk) as port:
        test = told(await guess("http", port, n=4, second="192.0.2.77"))
    assert test.guard is Guard.NOT_KNOWN
    assert test.owner == "environment"
