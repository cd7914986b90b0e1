"""Telnet and SSH: first logins, logins of several steps, menus, and traps; Debian's daemons and twins."""

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from probe.collect.access.protocols import telnet as telnet_room
from probe.collect.access.protocols import telnet_proof
from probe.collect.access.protocols.telnet_text import alike, menu
from probe.model.observation import LoginResult

ACCEPTED, REFUSED = LoginResult.ACCEPTED, LoginResult.REFUSED
NO_ANSWER, NOT_TRIED = LoginResult.NO_ANSWER, LoginResult.NOT_TRIED
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
needs_sshd = pytest.mark.skipif(not Path(SSHD).exists(), reason="sshd is not installed")
needs_telnetd = pytest.mark.skipif(
    not shutil.which("busybox")
    or b"telnetd"
    not in subprocess.run(["busybox", "--list"], capture_output=True, check=False).stdout,
    reason="busybox has no telnetd here",
)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telnet_room, "FIRST_WORD", 0.8)
    monkeypatch.setattr(telnet_room, "VERDICT", 1.5)
    monkeypatch.setattr(telnet_room, "SETTLED", 0.2)
    monkeypatch.setattr(telnet_room, "MENU_SETTLED", 0.2)
    monkeypatch.setattr(telnet_proof, "WITHIN", 1.0)


async def line(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\n")).decode().strip()


# --- Telnet ---------------------------------------------------------------------------------------

MENU = b"\r\n 1) Status\r\n 2) Network\r\n 3) Reboot\r\n 0) Log out\r\n\r\nYour choice: "


def device(inside: Talk, *, right: tuple[str, str] = ("admin", "admin"), no: bytes = b"") -> Talk:
    """A login in front of ``inside``; ``no`` is what a wrong credential is told."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(3):
            writer.write(b"\r\nlogin: ")
            user = await line(reader)
            writer.write(b"Password: ")
            if (user, await line(reader)) == right:
                await inside(reader, writer)
                return
            writer.write(no)

    return talk


async def choices(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(MENU)
        chosen = await line(reader)
        assert chosen == "", "nothing may be chosen"


async def second_login(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"Welcome to the console server\r\nUsername: ")
    await line(reader)


async def first_login(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"You are required to change your password immediately.\r\nNew password: ")
    await reader.read()


async def test_a_menu_behind_the_login(
    login: Any, serve: Any, service: Any, impatient: None
) -> None:
    async with serve(device(choices, no=b"Login incorrect\r\n")) as port:
        got = await login(service("telnet", port))
    assert got.opened == [("admin", "admin")]


async def test_a_menu_without_a_login(
    login: Any, serve: Any, service: Any, impatient: None
) -> None:
    async with serve(choices) as port:
        got = await login(service("telnet", port))
    assert [o.what for o in got.open] == ["a menu of 4 choices"]
    assert got.logins == 0


async def test_a_menu_that_is_shown_once_proves_nothing(
    login: Any, serve: Any, service: Any, impatient: None
) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(MENU)
        await line(reader)
        writer.write(b"\r\nlogin: ")
        await line(reader)

    async with serve(once) as port:
        got = await login(service("telnet", port))
    assert got.open == []
    assert got.opened == []


async def test_a_prompt_that_comes_in_pieces(
    login: Any, serve: Any, service: Any, impatient: None
) -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(3):
            for piece in (b"cam", b" lo", b"gi", b"n", b": "):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.05)
            user = await line(reader)
            for piece in (b"Pass", b"word", b":"):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.05)
            if (user, await line(reader)) == ("admin", "admin"):
                await choices(reader, writer)
            writer.write(b"Login incorrect\r\n")

    async with serve(slowly) as port:
        got = await login(service("telnet", port))
    assert got.test.random_credential is REFUSED
    assert got.opened == [("admin", "admin")]


@pytest.mark.parametrize("no", [b"", b"Login incorrect\r\n"], ids=["wordless", "with words"])
async def test_a_second_login_is_no_refusal(
    login: Any, serve: Any, service: Any, impatient: None, no: bytes
) -> None:
    async with serve(device(second_login, no=no)) as port:
        got = await login(service("telnet", port))
    results = {(c.username, c.password): c for c in got.test.candidates}
    assert got.test.random_credential is REFUSED
    assert results["admin", "admin"].result is NO_ANSWER
    assert "asks again, otherwise" in results["admin", "admin"].detail
    assert {c.result for who, c in results.items() if who != ("admin", "admin")} == {REFUSED}


async def test_a_first_login_that_wants_a_new_password(
    login: Any, serve: Any, service: Any, impatient: None
) -> None:
    async with serve(device(first_login, no=b"Login incorrect\r\n")) as port:
        got = await login(service("telnet", port))
    assert got.opened == []
    assert [(c.username, c.password) for c in got.test.candidates if c.must_change] == [
        ("admin", "admin")
    ]


async def test_a_new_password_for_everybody_says_nothing(
    login: Any, serve: Any, service: Any, impatient: None
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"login: ")
        await line(reader)
        await first_login(reader, writer)

    async with serve(talk) as port:
        got = await login(service("telnet", port))
    assert got.test.problem == "a new password is asked for, whatever is presented"
    assert not any(c.must_change for c in got.test.candidates)


async def test_it_closes_after_the_first_failure(
    login: Any, serve: Any, service: Any, impatient: None
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"login: ")
        user = await line(reader)
        writer.write(b"Password: ")
        if (user, await line(reader)) == ("admin", "admin"):
            await choices(reader, writer)
        writer.write(b"Login incorrect\r\n")

    async with serve(talk) as port:
        got = await login(service("telnet", port))
    assert got.opened == [("admin", "admin")]
    assert {c.result for c in got.test.candidates} <= {ACCEPTED, REFUSED, NOT_TRIED}


@needs_telnetd
@pytest.mark.parametrize("password", ["admin", "zu-7Klo"])
async def test_busybox_telnetd(
    login: Any, service: Any, start: Any, port: int, with_account: Any, password: str
) -> None:
    words = ("busybox", "telnetd", "-F", "-b", "127.0.0.1", "-p", str(port), "-l", "/bin/login")
    start(*with_account(password), *words, port=port)
    got = await login(service("telnet", port))
    assert got.test.without_credential is got.test.random_credential is REFUSED
    assert got.opened == ([("admin", "admin")] if password == "admin" else [])
    assert not got.test.problem


@needs_telnetd
async def test_busybox_telnetd_wants_a_new_password(
    login: Any, service: Any, start: Any, port: int, with_account: Any
) -> None:
    words = ("busybox", "telnetd", "-F", "-b", "127.0.0.1", "-p", str(port), "-l", "/bin/login")
    start(*with_account("admin", 0), *words, port=port)
    got = await login(service("telnet", port))
    assert got.opened == []
    assert [c.username for c in got.test.candidates if c.must_change] == ["admin"]


@needs_telnetd
async def test_busybox_telnetd_without_login(
    login: Any, service: Any, start: Any, port: int
) -> None:
    start(
        "busybox", "telnetd", "-F", "-b", "127.0.0.1", "-p", str(port), "-l", "/bin/sh", port=port
    )
    got = await login(service("telnet", port))
    assert [o.what for o in got.open] == ["a shell"]
    assert got.logins == 0


def test_menus_are_told_from_banners() -> None:
    assert menu(MENU.decode()).count("\n") == 3
    assert not menu("1. Do not enter\r\n2. Everything is logged\r\n\r\nGood bye\r\n")
    assert not menu("Status: ok\r\nUptime: 3 days\r\n")
    assert not menu("")


def test_refusals_are_compared_without_what_was_typed() -> None:
    one = alike("\r\nab12 has 2 tries left\r\nlogin: ", "ab12", "x")
    assert one == alike("\r\nadmin has 1 tries left\r\nlogin: ", "admin", "admin")


# --- SSH ------------------------------------------------------------------------------------------


@needs_sshd
@pytest.mark.parametrize("pam", ["UsePAM=yes", "UsePAM=no", "PasswordAuthentication=no"])
async def test_openssh_wants_a_new_password(
    login: Any, service: Any, start: Any, port: int, tmp_path: Path, with_account: Any, pam: str
) -> None:
    options = [pam, "UsePAM=yes"] if "Password" in pam else [pam]
    sshd(start, port, tmp_path, with_account("admin", 0), *options)
    got = await login(service("ssh", port))
    assert got.opened == []
    assert got.test.random_credential is REFUSED
    assert [c.username for c in got.test.candidates if c.must_change] == ["admin"]


@needs_sshd
async def test_openssh_takes_the_password_as_the_first_of_two_steps(
    login: Any, service: Any, start: Any, port: int, tmp_path: Path, with_account: Any
) -> None:
    options = ("UsePAM=no", "AuthenticationMethods=password,publickey")
    sshd(start, port, tmp_path, with_account("admin"), *options)
    got = await login(service("ssh", port))
    results = {(c.username, c.password): c for c in got.test.candidates}
    assert got.test.random_credential is REFUSED
    assert results["admin", "admin"].result is NO_ANSWER
    assert "first of several steps" in results["admin", "admin"].detail


@needs_sshd
async def test_openssh_with_keys_only_takes_no_password(
    login: Any, service: Any, start: Any, port: int, tmp_path: Path, with_account: Any
) -> None:
    options = ("UsePAM=no", "AuthenticationMethods=publickey")
    sshd(start, port, tmp_path, with_account("admin"), *options)
    got = await login(service("ssh", port))
    assert got.test.no_password == "it takes publickey only"
    assert {c.result for c in got.test.candidates} == {NOT_TRIED}
    assert not got.test.problem


def sshd(start: Any, port: int, tmp_path: Path, prefix: list[str], *options: str) -> None:
    key = str(tmp_path / "key")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    words = [f"-o{o}" for o in (*options, "ListenAddress=127.0.0.1", "PidFile=none")]
    base = (SSHD, "-D", "-e", "-f", "/dev/null", "-h", key, "-p", str(port))
    start(*prefix, *base, *words, port=port)


class Asking(asyncssh.SSHServer):
    """Keyboard-interactive with the prompts that a test wants; nothing by password."""

    rounds: list[list[tuple[str, bool]]] = []

    def begin_auth(self, username: str) -> bool:
        self.user, self.at = username, 0
        return True

    def password_auth_supported(self) -> bool:
        return False

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        self.at = 0
        return "", "Hello", "", self.rounds[0]

    def validate_kbdint_response(self, username: str, responses: Any) -> Any:
        answers = list(responses)
        if self.at == 0:
            self.right = "admin" in answers and username == "admin"
            self.right &= len(answers) == 1 or answers == ["admin", "admin"]
        self.at += 1
        if self.at < len(self.rounds):
            return "", "", "", self.rounds[self.at]
        return self.right and len(self.rounds) == 1


async def asks(*rounds: list[tuple[str, bool]]) -> Any:
    kind = type("Twin", (Asking,), {"rounds": list(rounds)})

    async def process(p: asyncssh.SSHServerProcess[str]) -> None:
        p.stdout.write("42\n")
        p.exit(0)

    key = asyncssh.generate_private_key("ssh-ed25519")
    return await asyncssh.create_server(
        kind, "127.0.0.1", 0, server_host_keys=[key], process_factory=process
    )


@pytest.mark.parametrize(
    ("rounds", "opened", "problem"),
    [
        ([[("Password: ", False)]], [("admin", "admin")], ""),
        ([[("", False)]], [("admin", "admin")], ""),
        ([[("User name: ", True), ("Password: ", False)]], [("admin", "admin")], ""),
        ([[("Password: ", False), ("One-time code: ", False)]], [], "One-time code:"),
        ([[("Password: ", False)], [("Token: ", False)]], [], "Token:"),
        ([[("Favourite colour? ", True)]], [], "Favourite colour?"),
    ],
    ids=["one", "nameless", "user and password", "with a code", "then a token", "a question"],
)
async def test_keyboard_interactive(
    login: Any, service: Any, rounds: Any, opened: Any, problem: str
) -> None:
    server = await asks(*rounds)
    async with server:
        got = await login(service("ssh", server.get_port()))
    assert got.opened == opened
    assert problem in got.test.problem
    assert bool(got.test.problem) is bool(problem)
    if problem:
        assert ACCEPTED not in {c.result for c in got.test.candidates}
        assert REFUSED not in {c.result for c in got.test.candidates}
