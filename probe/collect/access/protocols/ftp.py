"""FTP (RFC 959): USER, PASS, then PWD twice. AUTH TLS (RFC 4217) only where the server insists."""

import re
import time

from probe.collect.access.attempt import Attempt, Credential, Method, caption, over_tcp
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.observation import LoginResult, Service
from probe.model.text import clean

ANONYMOUS = Credential("anonymous", "probe@example.invalid")
WANTS_TLS = re.compile(r"\b(tls|ssl|encrypt)", re.IGNORECASE)
LOCKED = re.compile(r"too many|locked|blocked|banned", re.IGNORECASE)
MAX_REPLY = 16_384
SLOWEST = 12.0
"""Servers wait some seconds before they refuse a login."""


class Replies:
    """Complete replies (RFC 959 section 4.2) from a connection."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._rest = wire, b""

    async def next(self, within: float = SLOWEST) -> tuple[int, str]:
        """Code and cleaned text. Raises NoAnswer(GARBAGE) for what is not FTP."""
        data = self._rest
        if _reply_end(data) < 0:
            data += await self._wire.recv_until(
                lambda got: _reply_end(self._rest + got) >= 0, limit=MAX_REPLY, within=within
            )
        end = _reply_end(data)
        if end < 0:
            raise NoAnswer(Why.ENDED if not data else Why.GARBAGE, "no complete FTP reply")
        self._rest = data[end:]
        return int(data[:3]), clean(data[4:end])

    async def ask(self, command: str) -> tuple[int, str]:
        """Send one command and read its reply."""
        await self._wire.send(command.encode("utf-8", "replace") + b"\r\n")
        return await self.next()


def _reply_end(data: bytes) -> int:
    """Where the first reply ends, or -1. A reply that begins ``ddd-`` ends with a line ``ddd ``."""
    if not re.match(rb"[1-5]\d\d[ -]", data):
        return -1
    code = data[:3] + b" "
    at = 0
    while (stop := data.find(b"\n", at)) >= 0:
        if data[at : at + 4] == code or data[at : at + 4] == data[:3] + b"\r":
            return stop + 1
        at = stop + 1
    return -1


class Password:
    """User and password; no credential is the anonymous user that RFC 1635 describes."""

    name = "password"
    silence_refuses = False
    asks_for_user = True
    doubt = ""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._inside_tls = service.tls

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises nothing; what goes wrong is in the attempt."""
        attempt = await self._once(session, credential)
        if attempt.seen == "wants TLS" and not self._inside_tls:
            # Nothing secret went out: the server refused at USER, before a password was sent.
            self._inside_tls = True
            attempt = await self._once(session, credential)
        return attempt

    async def _once(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        who = credential or ANONYMOUS

        async def talk(wire: Wire) -> Attempt:
            replies = Replies(wire)
            code, text = await replies.next()
            if code == 421:
                raise NoAnswer(Why.ENDED, f"421 {text}")
            if code != 220:
                raise NoAnswer(Why.GARBAGE, f"greeting {code} {text}")
            if self._inside_tls and not self.service.tls:
                code, text = await replies.ask("AUTH TLS")
                if code != 234:
                    raise NoAnswer(Why.GARBAGE, f"AUTH TLS was answered {code} {text}")
                await wire.start_tls()
            return await self._login(wire, replies, who)

        return await over_tcp(session, self.service, caption(credential, self.service), talk)

    async def _login(self, wire: Wire, replies: Replies, who: Credential) -> Attempt:
        began = time.monotonic()
        tls = wire.tls is not None
        code, text = await replies.ask(f"USER {who.username}")
        if code == 331:
            code, text = await replies.ask(f"PASS {who.password}")
        elif code in (530, 534, 522, 550) and WANTS_TLS.search(text) and not tls:
            return Attempt(result=LoginResult.NO_ANSWER, detail=f"{code} {text}", seen="wants TLS")
        seconds = time.monotonic() - began
        detail = f"{code} {text}"
        lockout = detail if LOCKED.search(text) or code == 421 else ""
        if code == 230:
            proved = [await self._pwd(replies) for _ in range(2)]
            await wire.send(b"QUIT\r\n")
            return Attempt(
                result=LoginResult.ACCEPTED,
                detail=detail,
                seconds=seconds,
                proved=all(proved),
                seen="the current directory" if all(proved) else "",
                tls=tls,
            )
        # 332 wants an account as well, and other codes may mean anything.
        result = LoginResult.REFUSED if code in (530, 430) else LoginResult.NO_ANSWER
        return Attempt(result=result, detail=detail, seconds=seconds, lockout=lockout, tls=tls)

    async def _pwd(self, replies: Replies) -> bool:
        code, _ = await replies.ask("PWD")
        return code == 257


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """The one way."""
    del session
    return [Password(service)]
