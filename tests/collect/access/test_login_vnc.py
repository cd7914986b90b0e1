"""VNC: TigerVNC with None, with a password and with what is not spoken; twins of each version; traps."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twins import talks

from probe.collect.access.attempt import Credential
from probe.collect.access.protocols import vnc
from probe.collect.access.protocols.vnc import key, response, version_minor
from probe.model.observation import LoginResult
from probe.model.plan import Permission

ACCEPTED, REFUSED, NO_ANSWER = LoginResult.ACCEPTED, LoginResult.REFUSED, LoginResult.NO_ANSWER
Start = Callable[..., None]
genuine = pytest.mark.skipif(not shutil.which("Xtigervnc"), reason="Xtigervnc is missing")


def tiger(start: Start, port: int, tmp_path: Path, kinds: str, password: str = "") -> None:
    file = tmp_path / "passwd"
    if password:
        made = subprocess.run(
            ["vncpasswd", "-f"], input=password.encode(), capture_output=True, check=True
        )
        file.write_bytes(made.stdout)
    start(
        "Xtigervnc", f":{port % 20_000 + 100}", "-rfbport", str(port), "-localhost",
        "-SecurityTypes", kinds, "-PasswordFile", str(file), "-geometry", "320x200",
        "-desktop", "panel <b>1</b>", "-nolisten", "tcp", "-BlacklistThreshold", "5", "-BlacklistTimeout", "1",
        port=port,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vnc, "WAITS_S", (1.1, 2.1))


@genuine
@pytest.mark.parametrize("password", ["password", "1234", "zu-7Klo"])
@pytest.mark.parametrize("looks", [0, 2])
async def test_a_password(
    login: Any, service: Any, start: Start, port: int, tmp_path: Path, password: str, looks: int
) -> None:
    """After that many looks of somebody else, which this server counts as well."""
    tiger(start, port, tmp_path, "VncAuth", password)
    for _ in range(looks):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readexactly(12)
        writer.close()
    got = await login(service("vnc", port))
    assert got.opened == ([] if password == "zu-7Klo" else [("", password)])
    assert got.test.without_credential is got.test.random_credential is REFUSED
    assert not got.open
    assert not got.test.lockout_sign


@genuine
async def test_none(login: Any, service: Any, start: Start, port: int, tmp_path: Path) -> None:
    tiger(start, port, tmp_path, "None,VncAuth", "1234")
    got = await login(service("vnc", port))
    assert got.test.without_credential is ACCEPTED
    assert got.opened == []
    assert got.logins == 0
    assert [o.what for o in got.open] == ["a screen of 320 by 200, named 'panel <b>1</b>'"]
    # Version, type, ClientInit: nothing is sent to the screen, and no picture is asked for.
    assert {"".join(talks.sent({"x": e})) for e in got.evidence.values()} <= {
        (b"RFB 003.008\n" + rest).hex() for rest in (b"", b"\x01\x01")
    } | {""}


@genuine
async def test_what_is_not_spoken_is_named(
    login: Any, service: Any, start: Start, port: int, tmp_path: Path
) -> None:
    tiger(start, port, tmp_path, "TLSVnc", "1234")
    got = await login(service("vnc", port))
    assert got.tests == []
    assert "does not speak: VeNCrypt" in got.missing[0].reason
    assert got.missing[0].owner == "tool"


@pytest.mark.parametrize("minor", [3, 7, 8, 889])
@pytest.mark.parametrize("password", ["1234", "zu-7Klo"])
async def test_every_version(
    login: Any, serve: Any, service: Any, minor: int, password: str
) -> None:
    async with serve(talks.vnc(minor=minor, password=password)) as port:
        got = await login(service("vnc", port))
    assert got.opened == ([("", "1234")] if password == "1234" else [])
    assert got.test.without_credential is got.test.random_credential is REFUSED


@pytest.mark.parametrize("minor", [3, 7, 8])
async def test_none_in_every_version(login: Any, serve: Any, service: Any, minor: int) -> None:
    async with serve(talks.vnc(b"\x01", minor=minor)) as port:
        got = await login(service("vnc", port))
    assert got.test.without_credential is ACCEPTED
    assert [o.what for o in got.open] == ["a screen of 800 by 480, named 'panel'"]


@pytest.mark.parametrize("shut_after", [3, 5])
async def test_nobody_is_shut_out(login: Any, serve: Any, service: Any, shut_after: int) -> None:
    twin: Any = talks.vnc(password="zu-7Klo", shut_after=shut_after)
    plan = talks.with_own("vnc", "", "own-1")
    async with serve(twin) as port:
        got = await login(service("vnc", port), plan=plan)
    assert got.opened == []
    assert len(twin.wrong) <= 3
    assert not got.test.lockout_sign


async def test_a_server_that_shuts_out_says_nothing_of_the_password(
    login: Any, serve: Any, service: Any
) -> None:
    twin = talks.vnc(password="password", shut_after=1)
    async with serve(twin) as port:
        got = await login(service("vnc", port))
    assert got.opened == []
    assert "Too many" in got.test.lockout_sign


async def test_any_password(login: Any, serve: Any, service: Any) -> None:
    async with serve(talks.vnc(password=None)) as port:
        got = await login(service("vnc", port))
    assert got.test.random_credential is ACCEPTED
    assert got.opened == []


@pytest.mark.parametrize("kinds", [b"\x01", b"\x02"], ids=["none", "password"])
async def test_ok_without_a_screen_is_no_proof(
    login: Any, serve: Any, service: Any, kinds: bytes
) -> None:
    async with serve(talks.vnc(kinds, password=None, answers=False)) as port:
        got = await login(service("vnc", port))
    assert got.open == got.opened == []
    assert "could be read" in got.test.problem


async def test_a_tarpit_and_a_stranger(
    login: Any, serve: Any, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vnc, "WITHIN", 0.5)
    for talk in (talks.drip(b"R"), talks.drip(b"220 ready\r\n")):
        async with serve(talk) as port, asyncio.timeout(15):
            got = await login(service("vnc", port))
        assert got.tests == []
        assert "no RFB greeting" in got.missing[0].reason


def test_the_challenge_is_des_with_the_bits_of_each_byte_mirrored() -> None:
    # openssl enc -des-ecb -K 0e86ceceeef64e26 -nopad, of the bytes 0 to 15.
    assert key("password").hex() == "0e86ceceeef64e26"
    assert response(bytes(range(16)), "password").hex() == "b866924125c8eebb9debc1db61c538e2"
    assert key("password and more") == key("password")


@given(st.binary(max_size=14))
def test_a_greeting_is_read_or_refused(data: bytes) -> None:
    for raw in (data, b"RFB " + data):
        try:
            assert version_minor(raw) in (3, 7, 8)
        except ValueError:
            continue


async def test_a_permitted_guessing_test_goes_on(bench: Any, serve: Any, service: Any) -> None:
    """There the end of patience is what is looked for, and it is told at once."""
    plan = replace(talks.PLAN, permits=(Permission.BRUTE_FORCE,))
    async with serve(talks.vnc(password="zu-7Klo", shut_after=5)) as port:
        session = bench(plan=plan).session
        [method] = await vnc.methods(session, service("vnc", port))
        met = [await method.attempt(session, Credential("", f"wrong{n}")) for n in range(6)]
    assert [a.result for a in met] == [*[REFUSED] * 5, NO_ANSWER]
    assert "Too many" in met[-1].lockout


async def test_two_services_with_a_password_alone(login: Any, serve: Any, service: Any) -> None:
    """What is refused by one is not counted against the other."""
    async with (
        serve(talks.vnc(password="zu-7Klo")) as screen,
        serve(talks.old_redis("zu-7Klo")) as store,
    ):
        got = await login(service("vnc", screen), service("redis", store))
    by_protocol = {t.protocol: t for t in got.tests}
    assert set(by_protocol) == {"vnc", "redis"}
    for test in by_protocol.values():
        assert {c.result for c in test.candidates} == {REFUSED}
        assert not test.problem
