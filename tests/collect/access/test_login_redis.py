"""Redis: the genuine server with and without a password, users and protected mode, and its traps."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twins import talks

from probe.collect.access.protocols.redis import command, read_reply, reply_end
from probe.model.observation import LoginResult

ACCEPTED, REFUSED, NO_ANSWER = LoginResult.ACCEPTED, LoginResult.REFUSED, LoginResult.NO_ANSWER
Start = Callable[..., None]
genuine = pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is missing")


def run(start: Start, port: int, tmp_path: Path, *options: str) -> None:
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    start("redis-server", *words, *options, port=port)


@genuine
@pytest.mark.parametrize("password", ["redis", "zu-7Klo-lang"])
async def test_a_password(
    login: Any, service: Any, start: Start, port: int, tmp_path: Path, password: str
) -> None:
    run(start, port, tmp_path, "--requirepass", password)
    got = await login(service("redis", port))
    assert got.opened == ([("", "redis")] if password == "redis" else [])
    assert got.test.without_credential is got.test.random_credential is REFUSED
    assert not got.test.problem
    assert not got.open
    if password != "redis":
        assert {c.result for c in got.test.candidates} == {REFUSED}


@genuine
async def test_no_password_is_no_login(
    login: Any, service: Any, start: Start, port: int, tmp_path: Path
) -> None:
    run(start, port, tmp_path)
    got = await login(service("redis", port))
    assert got.test.without_credential is ACCEPTED
    assert got.opened == []
    assert [o.what for o in got.open] == ["the description of the server (INFO)"]
    assert b"KEYS" not in b"".join(bytes.fromhex(h) for h in talks.sent(got.evidence))


@genuine
@pytest.mark.parametrize("rights", ["+@all", "+auth +ping", "+info"])
async def test_a_user_of_its_own(
    login: Any, service: Any, start: Start, port: int, tmp_path: Path, rights: str
) -> None:
    """With an account of the declaration; the default user has a password that nobody knows."""
    users = tmp_path / "users.acl"
    users.write_text(
        f"user default on >zu-7Klo-lang ~* +@all\nuser admin on >admin ~* -@all {rights}\n"
    )
    run(start, port, tmp_path, "--aclfile", str(users))
    plan = talks.with_own("redis", "admin", "admin")
    got = await login(service("redis", port), plan=plan)
    assert got.opened == [("admin", "admin")]
    assert got.test.random_credential is REFUSED


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"": "-DENIED Redis is running in protected mode because"}, "protected mode"),
        ({"": "+OK"}, "could be read"),
        ({"": "-ERR unknown command"}, "PING was answered"),
        ({"": "HTTP/1.1 400 Bad Request"}, "not a reply of Redis"),
        (
            {
                "PING": "-NOAUTH Authentication required.",
                "AUTH": "-ERR AUTH <password> called without any password configured",
            },
            "it has no password",
        ),
        ({"PING": "-NOAUTH Authentication required.", "AUTH": "-LOADING wait"}, "LOADING"),
        ({"PING": "-NOAUTH Authentication required.", "": "+OK"}, "nothing could be read"),
    ],
    ids=["protected", "yes-man", "stranger", "http", "no-password", "loading", "empty-yes"],
)
async def test_a_trap_is_no_login(
    login: Any, serve: Any, service: Any, answers: dict[str, str], words: str
) -> None:
    async with serve(talks.redis(answers)) as port:
        got = await login(service("redis", port))
    assert got.opened == []
    assert got.open == []
    assert got.test.without_credential is not ACCEPTED
    assert words in got.test.problem
    assert {c.result for c in got.test.candidates} <= {LoginResult.NOT_TRIED, NO_ANSWER}


async def test_a_server_before_users(login: Any, serve: Any, service: Any) -> None:
    async with serve(talks.old_redis("redis")) as port:
        got = await login(service("redis", port))
    assert got.opened == [("", "redis")]
    assert got.test.random_credential is REFUSED


async def test_a_server_that_takes_any_password(login: Any, serve: Any, service: Any) -> None:
    async with serve(talks.old_redis(None)) as port:
        got = await login(service("redis", port))
    assert got.test.random_credential is ACCEPTED
    assert got.opened == []


async def test_a_tarpit_ends(
    login: Any, serve: Any, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from probe.collect.access.protocols import redis

    monkeypatch.setattr(redis, "WITHIN", 0.5)
    async with serve(talks.drip(b"+")) as port, asyncio.timeout(15):
        got = await login(service("redis", port))
    assert got.test.without_credential is NO_ANSWER
    assert got.opened == []


@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_a_command_holds_anything(words: list[str]) -> None:
    raw = command(*words)
    assert raw.startswith(b"*%d\r\n" % len(words))
    at = raw.index(b"\r\n") + 2
    for word in words:
        assert reply_end(raw[at:]) > 0
        assert read_reply(raw[at:]).bulk == word.encode()
        at += reply_end(raw[at:])
    assert at == len(raw)


@given(st.binary(max_size=200))
def test_a_reply_is_read_or_refused(data: bytes) -> None:
    for raw in (data, b"+" + data, b"$" + data, b"-" + data):
        try:
            end = reply_end(raw)
        except ValueError:
            continue
        assert 0 <= end <= len(raw)
        if end:
            assert len(read_reply(raw).text) <= 160
