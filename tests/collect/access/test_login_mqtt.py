"""MQTT: both versions, open brokers, TLS, and that what others publish stays theirs; mosquitto and twins."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.access.attempt import Credential
from probe.collect.access.protocols import mqtt, mqtt_codec
from probe.collect.answers import NoAnswer
from probe.model.observation import LoginResult

ACCEPTED, REFUSED = LoginResult.ACCEPTED, LoginResult.REFUSED
NO_ANSWER, NOT_TRIED = LoginResult.NO_ANSWER, LoginResult.NOT_TRIED
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SECRET = b"bedroom/lamp says hello to nobody"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "LISTEN_S", 0.3)


def broker5(rule: Callable[[bytes], int], *, other: bytes = bytes([0x20, 2, 0, 1])) -> Talk:
    """A broker that serves version 5 only; ``other`` is what it says to 3.1.1."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = b""
        while data := await reader.read(4096):
            got, rest = mqtt_codec.parse(rest + data)
            while got:
                if got.kind == 1 and got.body[6] != mqtt_codec.V5:
                    writer.write(other)
                    return
                if got.kind == 1:
                    code = rule(got.body)
                    # Receive Maximum and a reason string, as brokers of version 5 send them.
                    properties = b"\x21\x00\x14" + b"\x1f\x00\x02no"
                    body = bytes([0, code, len(properties)]) + properties
                    writer.write(mqtt_codec.packet(0x20, body))
                    if code:
                        return
                elif got.kind == 8:
                    writer.write(mqtt_codec.packet(0x90, got.body[:2] + b"\0\0\x87"))
                elif got.kind == 12:
                    writer.write(bytes([0xD0, 0]))
                got, rest = mqtt_codec.parse(rest)

    return talk


@pytest.mark.parametrize(
    ("rule", "none", "random", "opened"),
    [
        (lambda body: 0, ACCEPTED, ACCEPTED, []),
        (lambda body: 0 if body[7] & 0xC0 else 0x87, REFUSED, ACCEPTED, []),
        (
            lambda body: 0 if body.endswith(b"\0\5admin\0\5admin") else 0x86,
            REFUSED,
            REFUSED,
            ["admin"],
        ),
        (lambda body: 0x87, REFUSED, REFUSED, []),
        (lambda body: 0x88, NO_ANSWER, NOT_TRIED, []),
    ],
    ids=["open", "any", "default", "closed", "unavailable"],
)
@pytest.mark.parametrize(
    "other",
    [bytes([0x20, 2, 0, 1]), mqtt_codec.packet(0x20, b"\0\x84\0"), b""],
    ids=["code 1", "reason 0x84", "closes"],
)
async def test_a_broker_of_version_5_only(
    login: Any,
    serve: Any,
    service: Any,
    rule: Any,
    none: Any,
    random: Any,
    opened: list[str],
    other: bytes,
) -> None:
    async with serve(broker5(rule, other=other)) as port:
        got = await login(service("mqtt", port))
    assert (got.test.without_credential, got.test.random_credential) == (none, random)
    assert [user for user, _ in got.opened] == opened
    if opened:
        assert any("MQTT 5" in c.detail for c in got.test.candidates)


async def test_a_ban_is_a_sign_of_a_guard(login: Any, serve: Any, service: Any) -> None:
    times = 0

    def rule(body: bytes) -> int:
        nonlocal times
        times += 1
        return 0x86 if times < 4 else 0x8A

    async with serve(broker5(rule)) as port:
        got = await login(service("mqtt", port))
    assert "banned" in got.test.lockout_sign
    assert got.test.candidates[-1].result is NOT_TRIED


def mosquitto(start: Any, port: int, tmp_path: Path, *lines: str) -> None:
    (tmp_path / "conf").write_text(
        "\n".join((f"listener {port} 127.0.0.1", "sys_interval 1", *lines)) + "\n"
    )
    start("mosquitto", "-c", str(tmp_path / "conf"), port=port)


needs_mosquitto = pytest.mark.skipif(
    not shutil.which("mosquitto"), reason="mosquitto is not installed"
)


@needs_mosquitto
async def test_mosquitto_keeps_what_others_publish(
    login: Any, service: Any, start: Any, port: int, tmp_path: Path
) -> None:
    mosquitto(start, port, tmp_path, "allow_anonymous true")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(mqtt_codec.connect("lamp", None))
    topic = b"bedroom/lamp"
    message = len(topic).to_bytes(2, "big") + topic + SECRET
    writer.write(mqtt_codec.packet(0x31, message))  # retained
    await reader.read(4)
    await asyncio.sleep(0.3)
    got = await login(service("mqtt", port))
    writer.close()
    [public] = got.open
    assert "topics of the broker and 1 of others, SHA-256" in public.what
    everything = b"".join(got.evidence.values()) + str(got.tests).encode() + public.what.encode()
    for private in (SECRET, topic):
        assert private not in everything
        assert private.hex().encode() not in everything


@needs_mosquitto
async def test_mosquitto_with_accounts_beside_anonymous_clients(
    login: Any, service: Any, start: Any, port: int, tmp_path: Path
) -> None:
    accounts(tmp_path, "admin")
    mosquitto(start, port, tmp_path, "allow_anonymous true", f"password_file {tmp_path}/users")
    got = await login(service("mqtt", port))
    assert (got.test.without_credential, got.test.random_credential) == (ACCEPTED, REFUSED)
    assert got.opened == [("admin", "admin")]


@needs_mosquitto
@pytest.mark.parametrize("password", ["admin", "zu-7Klo"])
async def test_mosquitto_over_tls(
    login: Any, service: Any, start: Any, port: int, tmp_path: Path, password: str
) -> None:
    words = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=cam -days 9 -keyout key.pem -out cert.pem"
    subprocess.run(words.split(), check=True, capture_output=True, cwd=tmp_path)
    (tmp_path / "key.pem").chmod(0o644)
    accounts(tmp_path, password)
    tls = (f"certfile {tmp_path}/cert.pem", f"keyfile {tmp_path}/key.pem")
    mosquitto(
        start, port, tmp_path, *tls, "allow_anonymous false", f"password_file {tmp_path}/users"
    )
    got = await login(service("mqtt", port, tls=True))
    assert got.opened == ([("admin", "admin")] if password == "admin" else [])
    assert got.test.tls is True
    assert not got.test.problem


def accounts(tmp_path: Path, password: str) -> None:
    file = tmp_path / "users"
    command = ["mosquitto_passwd", "-c", "-b", str(file), "admin", password]
    subprocess.run(command, check=True, capture_output=True)
    file.chmod(0o644)


def test_connect_of_version_5() -> None:
    got = mqtt_codec.connect("i", Credential("u", ""), mqtt_codec.V5)
    assert got == bytes.fromhex("101300044d51545405c2001e000001690001750000")


@given(st.binary(max_size=40), st.sampled_from([mqtt_codec.V311, mqtt_codec.V5]))
def test_answers_raise_no_answer_only(body: bytes, level: int) -> None:
    with contextlib.suppress(NoAnswer):
        mqtt_codec.connack(body, level)
    with contextlib.suppress(NoAnswer):
        mqtt_codec.suback(body, level)
    mqtt_codec.topic(body)
