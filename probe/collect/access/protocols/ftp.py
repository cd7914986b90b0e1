"""FTP (RFC 959): USER, PASS, then PWD twice; inside TLS wherever the server offers it (RFC 4217).

Before anything secret goes out it is seen whether AUTH TLS is offered, and whether a name is taken without
it. Of a public account the listing is read that the control connection gives; nothing is written.
"""

import re
import secrets
import time
from dataclasses import replace

from probe.collect.access.attempt import Attempt, Credential, Method, caption, over_tcp
from probe.collect.access.protocols.ftp_codec import Replies, offers_tls, read_listing
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.observation import LoginResult, Service
from probe.model.text import clean

ANONYMOUS = Credential("anonymous", "probe@example.invalid")
WANTS_TLS = re.compile(r"\b(tls|ssl|encrypt|cleartext|secure)", re.IGNORECASE)
LOCKED = re.compile(r"too many|locked|blocked|banned", re.IGNORECASE)
ONLY_ANONYMOUS = re.compile(r"anonymous only|only anonymous|anonymous (?:users|logins) only", re.I)
NEW = re.compile(r"password.{0,20}(?:expired|must be changed)|change your password", re.I)


class Password:
    """User and password; no credential is the anonymous user that RFC 1635 describes."""

    name = "password"
    silence_refuses = False
    asks_for_user = True
    doubt = ""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._offers_tls: bool | None = None
        """AUTH TLS is offered and works; None before that was asked."""
        self._takes_clear = not service.tls
        """A user name is taken without TLS, too."""

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises nothing; what goes wrong is in the attempt."""
        before: Attempt | None = None
        if self._offers_tls is None:
            before = await self._look(session)
            if before is not None and before.refused_connection:
                return before
        attempt = await self._once(session, credential)
        if attempt.result is LoginResult.NOT_TRIED:
            # TLS is named but not to be had; nothing was presented yet.
            self._offers_tls = False
            attempt = await self._once(session, credential)
        return attempt

    async def _look(self, session: DeviceSession) -> Attempt | None:
        """Find out about TLS on a connection that presents no password; the attempt that failed, if so."""
        self._offers_tls = False
        if self.service.tls:
            return None

        async def talk(wire: Wire) -> Attempt:
            replies = await self._greeted(wire)
            code, _ = await replies.ask("FEAT")
            offered = code == 211 and offers_tls(replies.last)
            code, text = await replies.ask(f"USER {secrets.token_hex(8)}")
            # 331 asks for the password, 230 for nothing at all; both here, where everybody can listen.
            self._takes_clear = code in (331, 332, 230)
            insists = not self._takes_clear and bool(WANTS_TLS.search(text))
            # AUTH goes over a new connection: vsftpd 3 closes when it comes after a refused USER.
            self._offers_tls = offered or insists
            how = "offered" if offered else "not offered"
            return Attempt(
                result=LoginResult.NOT_TRIED,
                detail=f"TLS is {'needed' if insists else how}; without it: {code} {text}",
            )

        attempt = await over_tcp(session, self.service, f"FTP port {self.service.port}, TLS", talk)
        return None if attempt.result is LoginResult.NOT_TRIED else attempt

    async def _greeted(self, wire: Wire) -> Replies:
        replies = Replies(wire)
        code, text = await replies.next()
        if code == 421:
            raise NoAnswer(Why.ENDED, f"421 {text}")
        if code != 220:
            raise NoAnswer(Why.GARBAGE, f"greeting {code} {text}")
        return replies

    async def _once(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        async def talk(wire: Wire) -> Attempt:
            replies = await self._greeted(wire)
            if self._offers_tls:
                code, text = await replies.ask("AUTH TLS")
                if code != 234:
                    detail = f"AUTH TLS was answered {code} {text}"
                    return Attempt(result=LoginResult.NOT_TRIED, detail=detail)
                await wire.start_tls()
            attempt = await self._login(wire, replies, credential)
            both = bool(self._offers_tls) and self._takes_clear
            return replace(attempt, tls=wire.tls is not None, also_clear=both)

        return await over_tcp(session, self.service, caption(credential, self.service), talk)

    async def _login(self, wire: Wire, replies: Replies, credential: Credential | None) -> Attempt:
        who = credential or ANONYMOUS
        began = time.monotonic()
        code, text = await replies.ask(f"USER {who.username}")
        if code == 331:
            code, text = await replies.ask(f"PASS {who.password}")
        elif wire.tls is None and code != 230 and WANTS_TLS.search(text):
            raise NoAnswer(Why.GARBAGE, f"it wants TLS, which did not come about: {code} {text}")
        seconds = time.monotonic() - began
        detail = f"{code} {text}" + (", inside TLS" if wire.tls is not None else "")
        if code == 230:
            return await self._inside(wire, replies, credential, detail, seconds)
        if ONLY_ANONYMOUS.search(text) and credential is not None:
            return Attempt(
                result=LoginResult.REFUSED,
                detail=detail,
                no_password="it takes anonymous users only",  # noqa: S106 - words
            )
        if NEW.search(text):
            return Attempt(
                result=LoginResult.NO_ANSWER, detail=detail, seconds=seconds, must_change=True
            )
        lockout = detail if LOCKED.search(text) or code == 421 else ""
        # 332 wants an account as well, and other codes may mean anything.
        result = LoginResult.REFUSED if code in (530, 430) else LoginResult.NO_ANSWER
        return Attempt(result=result, detail=detail, seconds=seconds, lockout=lockout)

    async def _inside(
        self,
        wire: Wire,
        replies: Replies,
        credential: Credential | None,
        detail: str,
        seconds: float,
    ) -> Attempt:
        proved = [await self._pwd(replies) for _ in range(2)]
        seen = "the current directory" if all(proved) else ""
        if seen and credential is None:
            seen = f"an anonymous session: {await read_listing(replies)}"
        await wire.send(b"QUIT\r\n")
        return Attempt(
            result=LoginResult.ACCEPTED,
            detail=detail,
            seconds=seconds,
            proved=all(proved),
            seen=clean(seen),
            guest=credential is None,
        )

    async def _pwd(self, replies: Replies) -> bool:
        code, _ = await replies.ask("PWD")
        return code == 257


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """The one way."""
    del session
    return [Password(service)]
