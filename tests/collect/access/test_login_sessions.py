"""Telnet, SSH, FTP, MQTT and SNMP twins of known behaviour, fragile and deceitful ones among them."""

import asyncio
import dataclasses
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh
import pytest

from probe.collect.access.collector import COLLECTOR
from probe.collect.access.protocols import mqtt, mqtt_codec
from probe.collect.access.protocols import telnet as telnet_room
from probe.model.evidence import Coverage
from probe.model.observation import LoginResult, LoginTest, Service
from probe.model.plan import Gentleness, Plan

ACCEPTED, REFUSED = LoginResult.ACCEPTED, LoginResult.REFUSED
NO_ANSWER, NOT_TRIED = LoginResult.NO_ANSWER, LoginResult.NOT_TRIED
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GREETING = bytes([255, 251, 1, 255, 251, 3, 255, 253, 24, 255, 253, 31])  # WILL ECHO, SGA; DO …


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telnet_room, "FIRST_WORD", 0.6)
    monkeypatch.setattr(telnet_room, "VERDICT", 1.5)
    monkeypatch.setattr(telnet_room, "SETTLED", 0.1)


def sh(line: str) -> bytes:
    """What a genuine shell says to a line."""
    return subprocess.run(["sh", "-c", line], capture_output=True, check=False).stdout


async def a_line(reader: asyncio.StreamReader) -> str:
    """A line without Telnet commands."""
    raw = await reader.readuntil(b"\n")
    out = bytearray()
    while raw:
        if raw[0] == 255:
            raw = raw[3:]
        else:
            out.append(raw[0])
            raw = raw[1:]
    return out.decode().strip()


async def shell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A genuine shell behind a prompt, with echo."""
    while True:
        writer.write(b"\r\n# ")
        line = await a_line(reader)
        if line == "exit":
            return
        writer.write(line.encode() + b"\r\n" + sh(line))


def telnetd(user: str | None, password: str, *, any_user: bool = False) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        for _ in range(3):
            if user is not None:
                writer.write(b"\r\n(none) login: ")
                given = await a_line(reader)
            writer.write(b"Password: ")
            secret = await a_line(reader)
            right = user is None or given == user
            if any_user or (right and secret == password):
                await shell(reader, writer)
                return
            writer.write(b"\r\n")
            await asyncio.sleep(0.05)
            writer.write(b"Login incorrect\r\n")

    return talk


async def test_telnet_default_is_found(login: Any, serve: Any, service: Any) -> None:
    async with serve(telnetd("root", "xc3511")) as port:
        got = await login(service("telnet", port))
    assert got.opened == [("root", "xc3511")]
    assert got.test.without_credential is got.test.random_credential is REFUSED


async def test_a_further_address_is_asked_without_a_credential_and_without_a_login(
    bench: Any, serve: Any, service: Any, monkeypatch: Any
) -> None:
    said: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING + b"\r\n(none) login: ")
        said.append(await a_line(reader))

    async with serve(talk) as port:
        first, second = service("telnet", port), service("telnet", port)
        second = dataclasses.replace(second, address="127.0.0.2")
        made = bench("127.0.0.2")
        done = LoginTest(
            transport="tcp",
            address="127.0.0.2",
            port=port,
            protocol="telnet",
            tls=False,
            method="password",
            without_credential=REFUSED,
            random_credential=REFUSED,
            candidates=(),
        )
        for fact in (first, second, done):
            made.session.observe(fact, Coverage(tried="given", times=1, deadline_s=1.0))
        [job] = [t for t in COLLECTOR.tasks(made.dut, made.session.plan) if "without" in t.job.id]
        await job.work(made.session)
    test = made.recorded.facts(LoginTest)[-1]
    assert (test.address, test.further, test.candidates) == ("127.0.0.1", True, ())
    assert (test.without_credential, test.random_credential) == (REFUSED, NOT_TRIED)
    assert not test.problem
    assert made.session.budget.logins == 0
    assert not any(said)


async def test_telnet_unique_password(login: Any, serve: Any, service: Any) -> None:
    async with serve(telnetd("root", "Rk-93ds!")) as port:
        got = await login(service("telnet", port))
    assert got.opened == []
    assert not got.test.problem
    assert {c.result for c in got.test.candidates} == {REFUSED}


async def test_telnet_any_credential(login: Any, serve: Any, service: Any) -> None:
    async with serve(telnetd("x", "x", any_user=True)) as port:
        got = await login(service("telnet", port))
    assert got.test.random_credential is ACCEPTED
    assert got.opened == []


async def test_telnet_password_alone(login: Any, serve: Any, service: Any) -> None:
    async with serve(telnetd(None, "admin")) as port:
        got = await login(service("telnet", port))
    assert [password for _, password in got.opened] == ["admin"]


async def test_telnet_without_login(login: Any, serve: Any, service: Any) -> None:
    async with serve(shell) as port:
        got = await login(service("telnet", port))
    assert got.test.without_credential is ACCEPTED
    assert [o.what for o in got.open] == ["a shell"]
    assert {c.result for c in got.test.candidates} == {NOT_TRIED}
    assert got.logins == 0


async def test_telnet_command_line_that_is_no_shell(login: Any, serve: Any, service: Any) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"\x1b[1mrelay>\x1b[0m ")
            line = await a_line(reader)
            helps = line == "?"
            writer.write(b"on  off  status  reboot  config\r\n" if helps else b"unknown\r\n")

    async with serve(talk) as port:
        got = await login(service("telnet", port))
    assert [o.what for o in got.open] == ["a command line"]


def parrot(banner: bytes, answer: Callable[[bytes], bytes]) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        while line := await reader.readline():
            writer.write(answer(line))

    return talk


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"A" * 4096)
        await writer.drain()


async def tarpit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.2)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return


TRAPS = {
    "banner like a prompt": parrot(b"router> ", lambda line: b"router> "),
    "echo": parrot(b"# ", lambda line: line + b"# "),
    "same answer to all": parrot(b"$ ", lambda line: b"Unknown command, try again later\r\n$ "),
    "escapes": parrot(b"\x1b]0;x\x07\x1b[2J", lambda line: b"\x1b[31m"),
    "option loop": parrot(bytes([255, 253, 1]) * 400, lambda line: bytes([255, 251, 5]) * 50),
    "half a command": parrot(b"login: \xff", lambda line: b"\xff\xfa\x18"),
    "endless": endless,
    "tarpit": tarpit,
    "silent": silent,
    "closes": closes,
}


@pytest.mark.parametrize("protocol", ["telnet", "ftp", "mqtt", "ssh"])
@pytest.mark.parametrize("trap", TRAPS)
async def test_traps_never_open(
    login: Any, serve: Any, service: Any, monkeypatch: Any, protocol: str, trap: str
) -> None:
    from probe.collect.access import attempts
    from probe.collect.access.protocols import ftp_codec, ssh

    monkeypatch.setattr(attempts, "LONGEST_ATTEMPT", 1.5)
    monkeypatch.setattr(ftp_codec, "SLOWEST", 0.5)
    monkeypatch.setattr(ssh, "LOGIN_WITHIN", 1.0)
    async with serve(TRAPS[trap]) as port:
        got = await login(service(protocol, port))
    assert got.opened == []
    assert got.open == []
    assert got.test.random_credential in (NOT_TRIED, NO_ANSWER, REFUSED)
    assert got.test.problem
    assert got.test.owner
    assert ACCEPTED not in {c.result for c in got.test.candidates}


async def test_refused_connection_after_attempts_is_a_lock(login: Any, service: Any) -> None:
    seen = 0
    server: asyncio.Server

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        if seen == 4:  # no credential, random, first candidate, second candidate
            server.close()
        try:
            await telnetd("root", "unguessable")(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    got = await login(service("telnet", server.sockets[0].getsockname()[1]))
    assert got.test.lockout_sign.startswith("the port refused connections after 3 attempts")
    assert got.test.candidates[-1].result is NOT_TRIED


async def test_slow_refusals_are_a_lock(
    login: Any, serve: Any, service: Any, monkeypatch: Any
) -> None:
    from probe.collect.access import attempts

    monkeypatch.setattr(attempts, "SLOW_S", 0.3)
    times = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal times
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            if line.startswith(b"PASS"):
                times += 1
                await asyncio.sleep(0.9 if times > 3 else 0.0)
            writer.write(b"331 who\r\n" if line.startswith(b"USER") else b"530 no\r\n")

    async with serve(talk) as port:
        got = await login(service("ftp", port))
    assert got.test.lockout_sign.startswith("a refusal took")
    assert [c.result for c in got.test.candidates[:2]] == [REFUSED, NO_ANSWER]


# --- FTP -----------------------------------------------------------------------------------------


def ftpd(rule: Callable[[str, str], bool], *, pwd: bytes = b'257 "/"\r\n') -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220-hello\r\n220-230 fake\r\n220 ready\r\n")
        user, inside = "", False
        while line := (await reader.readline()).decode().strip():
            verb, _, value = line.partition(" ")
            if verb == "USER":
                user = value
                writer.write(b"331 password please\r\n")
            elif verb == "PASS":
                inside = rule(user, value)
                writer.write(b"230 in\r\n" if inside else b"530 Login incorrect.\r\n")
            else:
                writer.write(pwd if inside else b"530 log in first\r\n")

    return talk


async def test_ftp(login: Any, serve: Any, service: Any) -> None:
    async with serve(ftpd(lambda u, p: (u, p) == ("user", "user"))) as port:
        got = await login(service("ftp", port))
    assert got.opened == [("user", "user")]
    assert got.test.tls is False


async def test_ftp_without_proof_is_not_believed(login: Any, serve: Any, service: Any) -> None:
    rule = lambda u, p: (u, p) == ("admin", "admin")  # noqa: E731
    async with serve(ftpd(rule, pwd=b"550 no\r\n")) as port:
        got = await login(service("ftp", port))
    assert got.opened == []
    assert got.test.candidates[0].result is ACCEPTED
    assert not got.test.candidates[0].proved


# --- SSH -----------------------------------------------------------------------------------------


class Sshd(asyncssh.SSHServer):
    """A twin: ``none`` for nobody or everybody, and a rule for passwords."""

    open_to_all = False
    attempts: list[tuple[str, str]] = []

    def begin_auth(self, username: str) -> bool:
        return not self.open_to_all

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self.attempts.append((username, password))
        return (username, password) == ("pi", "raspberry")


async def sshd(**more: Any) -> Any:
    kind = type("Twin", (Sshd,), {"attempts": [], **more})

    async def process(p: asyncssh.SSHServerProcess[str]) -> None:
        p.stdout.write(sh(p.command or "").decode())
        p.exit(0)

    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(
        kind, "127.0.0.1", 0, server_host_keys=[key], process_factory=process
    )
    return server, kind


async def test_ssh(login: Any, service: Any) -> None:
    server, kind = await sshd()
    async with server:
        got = await login(service("ssh", server.get_port()))
    assert got.opened == [("pi", "raspberry")]
    assert len(kind.attempts) == len(set(kind.attempts)), "one presentation for each attempt"
    assert len(kind.attempts[0][0]) == 16


async def test_ssh_none(login: Any, service: Any) -> None:
    server, _ = await sshd(open_to_all=True)
    async with server:
        got = await login(service("ssh", server.get_port()))
    assert got.test.without_credential is ACCEPTED
    assert [o.protocol for o in got.open] == ["ssh"]
    assert got.logins == 0


async def test_ssh_any_password(login: Any, service: Any) -> None:
    server, _ = await sshd(validate_password=lambda self, u, p: True)
    async with server:
        got = await login(service("ssh", server.get_port()))
    assert got.test.random_credential is ACCEPTED


# --- MQTT ----------------------------------------------------------------------------------------


def broker(rule: Callable[[bytes], int]) -> Talk:
    """``rule`` gives the return code for a CONNECT body."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = b""
        while data := await reader.read(4096):
            rest += data
            packet, rest = mqtt_codec.parse(rest)
            while packet:
                if packet.kind == 1:
                    code = rule(packet.body)
                    writer.write(bytes([0x20, 2, 0, code]))
                    if code:
                        return
                elif packet.kind == 8:
                    # A retained message comes before the acknowledgement, as some brokers do it.
                    writer.write(mqtt_codec.packet(0x30, b"\0\1tx"))
                    writer.write(bytes([0x90, 3, *packet.body[:2], 0x80]))
                elif packet.kind == 12:
                    writer.write(bytes([0xD0, 0]))
                packet, rest = mqtt_codec.parse(rest)

    return talk


@pytest.mark.parametrize(
    ("rule", "none", "random", "opened"),
    [
        (lambda body: 0, ACCEPTED, ACCEPTED, []),
        (lambda body: 0 if body[7] & 0xC0 else 5, REFUSED, ACCEPTED, []),
        (
            lambda body: 0 if body.endswith(b"\0\5admin\0\5admin") else 4,
            REFUSED,
            REFUSED,
            ["admin"],
        ),
        (lambda body: 5, REFUSED, REFUSED, []),
        (lambda body: 1, NO_ANSWER, NOT_TRIED, []),
        (lambda body: 3, NO_ANSWER, NOT_TRIED, []),
    ],
    ids=["open", "any", "default", "closed", "other version", "unavailable"],
)
async def test_mqtt(
    login: Any, serve: Any, service: Any, rule: Any, none: Any, random: Any, opened: list[str]
) -> None:
    async with serve(broker(rule)) as port:
        got = await login(service("mqtt", port))
    assert (got.test.without_credential, got.test.random_credential) == (none, random)
    assert [user for user, _ in got.opened] == opened


# --- budget and permission -----------------------------------------------------------------------


async def test_the_budget_ends_the_test(bench: Any, serve: Any, service: Any) -> None:
    from probe.collect.access.contrast import Contrast
    from probe.collect.access.credentials import chosen

    plan = Plan(
        name="t",
        summary="",
        catalogues=(),
        tcp_ports="quick",
        gentleness=Gentleness(packets_per_s=2_000.0, login_gap_s=0.0),
    )
    async with serve(broker(lambda body: 5)) as port:
        made = bench("127.0.0.1", plan=plan)
        made.session.budget.logins = 22
        one: Service = service("mqtt", port)
        candidates = chosen(made.dut, one, plan)
        await Contrast(made.session, one, mqtt.Password(one), candidates).run()
    test = made.recorded.observations[-1].fact
    assert test.problem.startswith("budget")
    assert test.owner == "operator"
    assert [c.result for c in test.candidates] == [REFUSED, REFUSED] + [NOT_TRIED] * 4


async def test_without_permission_nothing_is_sent(login: Any, service: Any) -> None:
    plan = Plan(name="t", summary="", catalogues=(), tcp_ports="quick", logins=False)
    got = await login(service("telnet", 9), plan=plan)
    assert got.tests == []
    assert [m.owner for m in got.missing] == ["operator"]
    assert got.logins == 0


async def test_an_old_password_is_tried_on_each_service_and_each_attempt_is_logged(
    bench: Any, serve: Any, service: Any
) -> None:
    from probe.collect.access.contrast import Contrast
    from probe.collect.access.credentials import Candidate
    from probe.collect.access.protocols import telnet
    from probe.model.access import LoginAttempt

    def candidate(password: str, tier: str) -> Candidate:
        return Candidate(username="admin", password=password, tier=tier, source="s")

    for right, results in (
        ("before", [ACCEPTED, REFUSED]),
        ("new", [REFUSED, REFUSED]),
    ):
        gentle = Gentleness(packets_per_s=2_000.0, login_gap_s=0.0)
        plan = Plan(name="t", summary="", catalogues=(), tcp_ports="quick", gentleness=gentle)
        made = bench("127.0.0.1", plan=plan)
        async with serve(telnetd("admin", right)) as port:
            one = service("telnet", port)
            old = [candidate("before", "old"), candidate("elder", "old")]
            await Contrast(
                made.session, one, telnet.Password(one), [candidate("admin", "generic")], old=old
            ).run()
        (test,) = made.recorded.facts(LoginTest)
        assert [o.result for o in test.old] == results
        assert [c.result for c in test.candidates] == [REFUSED]
        log = made.recorded.facts(LoginAttempt)
        assert [a.purpose for a in log] == [
            "no credential",
            "random",
            "old password",
            "old password",
            "default",
        ]
        assert all(o.proof for o in made.recorded.observations)
        assert [a.tier for a in log[2:]] == ["old", "old", "generic"]
