"""Redis: AUTH with a password, or with a user and a password where the server has users.

Nothing but INFO of the section ``server`` is read, and no key (https://redis.io/docs/latest/commands/auth/).
"""

import time
from dataclasses import dataclass

from probe.collect.access.attempt import Attempt, Credential, Method, caption, over_tcp
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.access import LoginResult
from probe.model.service import Service
from probe.model.text import clean

WITHIN = 8.0
MAX_REPLY = 32_768
MAX_LINE = 512
PROTECTED = "protected mode: it has no password, and takes nobody from another address"
OPEN_TO_ALL = "it has no password, so AUTH means nothing to it"


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply (RESP2): ``kind`` is its first byte, ``text`` its line, ``bulk`` its bulk string."""

    kind: str
    text: str
    bulk: bytes = b""

    @property
    def obeyed(self) -> bool:
        """The command was done, or not done for want of a right that only a user can lack."""
        return self.kind in "+$" or self.text.startswith("NOPERM")


def reply_end(data: bytes) -> int:
    """Where the first reply ends, 0 when it is not whole. Raises ValueError for what is not one."""
    if data[:1] not in (b"", b"+", b"-", b"$", b":"):
        raise ValueError("not a reply of Redis")
    line = data.find(b"\r\n")
    if line < 0:
        if len(data) > MAX_LINE:
            raise ValueError("a line without end")
        return 0
    if data[:1] != b"$" or data[1:3] == b"-1":
        return line + 2
    size = data[1:line]
    if not size.isdigit() or int(size[:9]) > MAX_REPLY or len(size) > 9:
        raise ValueError("a bulk string of no sensible size")
    end = line + 2 + int(size) + 2
    return end if len(data) >= end else 0


def read_reply(data: bytes) -> Reply:
    """The first reply in ``data``. Raises ValueError when it is none or not whole."""
    end = reply_end(data)
    if not end:
        raise ValueError("a reply that is not whole")
    line = data[: data.find(b"\r\n")]
    bulk = data[len(line) + 2 : end - 2] if line[:1] == b"$" else b""
    return Reply(chr(line[0]), clean(line[1:], 160), bulk)


def command(*words: str) -> bytes:
    """A command as an array of bulk strings: a word may hold anything."""
    parts = [word.encode() for word in words]
    body = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n" % len(parts) + body


class Password:
    """AUTH, then INFO twice; without a credential the same INFO."""

    name = "password"
    silence_refuses = False
    asks_for_user = True
    doubt = ""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._users = True
        """False once AUTH with a user met "wrong number of arguments": a server before version 6."""

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises nothing; what goes wrong is in the attempt."""

        async def talk(wire: Wire) -> Attempt:
            if credential is None:
                return await self._without(wire)
            began = time.monotonic()
            reply = await self._auth(wire, credential)
            return await self._judged(wire, reply, time.monotonic() - began)

        return await over_tcp(session, self.service, caption(credential, self.service), talk)

    async def _without(self, wire: Wire) -> Attempt:
        reply = await _ask(wire, "PING")
        if reply.kind == "-" and reply.text.startswith("NOAUTH"):
            return Attempt(result=LoginResult.REFUSED, detail=reply.text)
        if reply.kind != "+":
            raise NoAnswer(Why.GARBAGE, f"PING was answered: {reply.text}")
        proved, seen = await _proof(wire)
        return Attempt(
            result=LoginResult.ACCEPTED, detail="PING was obeyed", proved=proved, seen=seen
        )

    async def _auth(self, wire: Wire, credential: Credential) -> Reply:
        if credential.username and self._users:
            reply = await _ask(wire, "AUTH", credential.username, credential.password)
            if not reply.text.startswith("ERR wrong number"):
                return reply
            self._users = False
        return await _ask(wire, "AUTH", credential.password)

    async def _judged(self, wire: Wire, reply: Reply, seconds: float) -> Attempt:
        if reply.kind == "+" and reply.text == "OK":
            proved, seen = await _proof(wire)
            detail = f"AUTH was answered OK, then {seen or 'nothing more'}"
            return Attempt(
                result=LoginResult.ACCEPTED,
                detail=detail,
                seconds=seconds,
                proved=proved,
                seen=seen,
            )
        # Before version 6 a wrong password is "ERR invalid password".
        if reply.kind == "-" and reply.text.startswith(("WRONGPASS", "ERR invalid password")):
            return Attempt(result=LoginResult.REFUSED, detail=reply.text[:80], seconds=seconds)
        if "password" in reply.text and (
            "no password" in reply.text or "without any" in reply.text
        ):
            raise NoAnswer(Why.GARBAGE, OPEN_TO_ALL)
        raise NoAnswer(Why.GARBAGE, f"AUTH was answered: {reply.text}")


async def _ask(wire: Wire, *words: str) -> Reply:
    """Send one command and read its reply. Raises NoAnswer."""

    def whole(data: bytes) -> bool:
        try:
            return reply_end(data) > 0
        except ValueError:
            return True

    await wire.send(command(*words))
    data = await wire.recv_until(whole, limit=MAX_REPLY, within=WITHIN)
    if not data:
        raise NoAnswer(Why.ENDED, f"closed without a reply to {words[0]}")
    try:
        reply = read_reply(data)
    except ValueError as error:
        raise NoAnswer(Why.GARBAGE, str(error)) from None
    if reply.kind == "-" and reply.text.startswith("DENIED"):
        raise NoAnswer(Why.ENDED, PROTECTED)
    return reply


async def _proof(wire: Wire) -> tuple[bool, str]:
    """INFO of the section ``server``, twice: neither PING nor INFO is obeyed before the login."""
    try:
        first, second = await _ask(wire, "INFO", "server"), await _ask(wire, "INFO", "server")
        await wire.send(command("QUIT"))
    except NoAnswer:
        return False, ""
    if not (first.obeyed and second.obeyed):
        return False, ""
    told = b"redis_version:" in first.bulk and b"redis_version:" in second.bulk
    if told:
        return True, "the description of the server (INFO)"
    # A user may lack the right to INFO, which is said only to somebody who is logged in.
    lacking = first.kind == second.kind == "-"
    return (True, "a session without the right to INFO") if lacking else (False, "")


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """The one way."""
    del session
    return [Password(service)]
