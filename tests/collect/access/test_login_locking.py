"""One account behind Telnet, SSH, FTP and the web that locks after five failures: never locked here."""

import base64
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import asyncssh
import pytest

from probe.collect.access.protocols import telnet as telnet_room
from probe.collect.budget import ANY_SERVICE, Budget
from probe.model.event import AccountLogins, BudgetSpent
from probe.model.observation import HttpPage, LoginResult
from probe.model.plan import Gentleness

LOCKS_AT = 5


class Accounts:
    """What PAM with faillock does: failures in a row are counted for each name on all services."""

    def __init__(self, right: dict[str, str]) -> None:
        self.right, self.failures = right, Counter[str]()
        self.most = Counter[str]()
        self.reached: set[str] = set()

    def check(self, service: str, user: str, password: str) -> bool:
        self.reached.add(service)
        if self.failures[user] >= LOCKS_AT:
            return False
        if user in self.right and self.right[user] == password:
            self.failures[user] = 0
            return True
        self.failures[user] += 1
        self.most[user] = max(self.most[user], self.failures[user])
        return False


async def _telnet(accounts: Accounts, reader: Any, writer: Any) -> None:
    for _ in range(3):
        writer.write(b"login: ")
        user = (await reader.readuntil(b"\n")).decode().strip()
        writer.write(b"Password: ")
        password = (await reader.readuntil(b"\n")).decode().strip()
        if accounts.check("telnet", user, password):
            while True:
                writer.write(b"\r\n 1) Status\r\n 2) Network\r\nChoice: ")
                await reader.readuntil(b"\n")
        writer.write(b"Login incorrect\r\n")


async def _ftp(accounts: Accounts, reader: Any, writer: Any) -> None:
    writer.write(b"220 ready\r\n")
    user, inside = "", False
    while line := (await reader.readline()).decode().strip():
        verb, _, value = line.partition(" ")
        if verb == "USER":
            user = value
            writer.write(b"331 password\r\n")
        elif verb == "PASS":
            inside = accounts.check("ftp", user, value)
            writer.write(b"230 in\r\n" if inside else b"530 Login incorrect\r\n")
        else:
            writer.write(b'257 "/"\r\n' if inside and verb == "PWD" else b"502 no\r\n")


async def _http(accounts: Accounts, reader: Any, writer: Any) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    given = {k.lower(): v for k, v in lines.items()}.get("authorization", "")
    ok = False
    if given.startswith("Basic "):
        user, _, password = base64.b64decode(given[6:]).decode().partition(":")
        ok = accounts.check("http", user, password)
    body = b"inside" if ok else b"no"
    status = b"200 OK" if ok else b'401 No\r\nWWW-Authenticate: Basic realm="cam"'
    length = str(len(body)).encode()
    writer.write(
        b"HTTP/1.1 "
        + status
        + b"\r\nContent-Length: "
        + length
        + b"\r\nConnection: close\r\n\r\n"
        + body
    )
    await writer.drain()


async def _ssh(accounts: Accounts) -> Any:
    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return accounts.check("ssh", username, password)

    async def process(p: asyncssh.SSHServerProcess[str]) -> None:
        p.stdout.write("42\n")
        p.exit(0)

    key = asyncssh.generate_private_key("ssh-ed25519")
    return await asyncssh.create_server(
        Server, "127.0.0.1", 0, server_host_keys=[key], process_factory=process
    )


@pytest.mark.parametrize(
    "right",
    [{"admin": "Zk-81lq", "root": "Zk-81lq"}, {"admin": "admin", "root": "Zk-81lq"}],
    ids=["unique passwords", "a default"],
)
async def test_a_shared_account_is_never_locked(
    login: Any, serve: Any, service: Any, monkeypatch: pytest.MonkeyPatch, right: dict[str, str]
) -> None:
    monkeypatch.setattr(telnet_room, "SETTLED", 0.1)
    monkeypatch.setattr(telnet_room, "MENU_SETTLED", 0.1)
    accounts = Accounts(right)
    async with AsyncExitStack() as stack:
        ports = {}
        for name, talk in (("telnet", _telnet), ("ftp", _ftp), ("http", _http)):

            async def bound(reader: Any, writer: Any, talk: Any = talk) -> None:
                await talk(accounts, reader, writer)

            ports[name] = await stack.enter_async_context(serve(bound))
        server = await stack.enter_async_context(await _ssh(accounts))
        page = HttpPage(
            address="127.0.0.1",
            port=ports["http"],
            tls=False,
            path="/",
            status=401,
            headers=(),
            auth_schemes=("basic",),
        )
        services = [service(name, port) for name, port in ports.items()]
        got = await login(service("ssh", server.get_port()), *services, page)
    assert accounts.reached == {"telnet", "ftp", "http", "ssh"}
    assert max(accounts.most.values()) < LOCKS_AT, accounts.most
    assert {t.protocol for t in got.tests} == accounts.reached
    opened = [t.protocol for t in got.tests for c in t.candidates if c.proved]
    if right["admin"] == "admin":
        assert sorted(opened) == ["ftp", "http", "ssh", "telnet"], "each service of it is told"
    else:
        assert opened == []
        # What is planned fits what a name can bear, so that each service has a whole answer.
        results = {c.result for t in got.tests for c in t.candidates}
        assert results == {LoginResult.REFUSED}
        assert not any(t.problem for t in got.tests)


def test_what_a_name_can_bear_is_kept_over_a_resumed_run() -> None:
    earlier = BudgetSpent(
        device="d",
        packets=1,
        connections=1,
        logins=4,
        seconds=1.0,
        accounts=(AccountLogins(service=ANY_SERVICE, username="admin", attempts=4),),
    )
    budget = Budget(Gentleness(), earlier=earlier)
    with pytest.raises(Exception, match="4 logins as 'admin' failed on all services together"):
        budget.login("ssh tcp/22", "admin", "admin")
    budget.login("ssh tcp/22", "root", "root")
    budget.login_worked("root")
    assert {a.username: a.attempts for a in budget.accounts if a.service == ANY_SERVICE} == {
        "admin": 4,
        "root": 0,
    }
