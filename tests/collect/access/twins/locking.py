"""Telnet, FTP, HTTP basic and SSH with accounts in common, which lock at five failures in a row."""

import base64
from collections import Counter
from typing import Any

import asyncssh

from twins.talks import Typed

LOCKS_AT = 5


class Accounts:
    """What PAM with faillock does: failures in a row are counted for each name on all services."""

    def __init__(self, right: dict[str, str]) -> None:
        self.right, self.failures = right, Counter[str]()
        self.most = Counter[str]()
        self.reached: set[str] = set()
        self.tried: list[tuple[str, str, str]] = []

    def check(self, service: str, user: str, password: str) -> bool:
        self.reached.add(service)
        self.tried.append((service, user, password))
        if self.failures[user] >= LOCKS_AT:
            return False
        if user in self.right and self.right[user] == password:
            self.failures[user] = 0
            return True
        self.failures[user] += 1
        self.most[user] = max(self.most[user], self.failures[user])
        return False


async def telnet(accounts: Accounts, reader: Any, writer: Any) -> None:
    typed = Typed(reader)
    for _ in range(3):
        writer.write(b"login: ")
        user = await typed.line()
        writer.write(b"Password: ")
        password = await typed.line()
        if accounts.check("telnet", user, password):
            while True:
                writer.write(b"\r\n 1) Status\r\n 2) Network\r\nChoice: ")
                await typed.line()
        writer.write(b"Login incorrect\r\n")


async def ftp(accounts: Accounts, reader: Any, writer: Any) -> None:
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


async def http(accounts: Accounts, reader: Any, writer: Any) -> None:
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


async def ssh(accounts: Accounts) -> Any:
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
