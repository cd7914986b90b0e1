"""SNMP version 3: a user without authentication, or with a password under each usual digest.

An agent tells an unknown user from a wrong digest (RFC 3414 section 3.2, steps 4 and 6), so it also tells
whoever asks which of the names exist.
"""

import time
from dataclasses import replace

from probe.collect.access.attempt import Attempt, Credential, no_answer
from probe.collect.access.protocols import usm
from probe.collect.access.protocols.snmp_agent import Agent
from probe.collect.access.protocols.snmp_codec import (
    AUTHORIZATION_ERROR,
    GET,
    OCTETS,
    RESPONSE,
    SYS_DESCR,
    pdu,
)
from probe.collect.access.protocols.snmp_write import Reply, Writing
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.model.observation import LoginResult, Service
from probe.model.text import clean

UNKNOWN, WINDOW, DIGEST, LEVEL = (usm.COUNTERS[n] for n in (3, 2, 5, 1))
EXISTS = "the user exists, which the agent tells anybody"


class User:
    """An account of version 3; the password under SHA-1, MD5 and SHA-256, which count as one attempt."""

    name = "user"
    silence_refuses = False
    asks_for_user = True
    doubt = ""

    def __init__(self, service: Service, agent: Agent) -> None:
        self.service, self.agent = service, agent
        self._writing = Writing(service)

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """No credential is the empty user name without authentication."""
        who = credential or Credential("", "")
        began = time.monotonic()
        try:
            attempt = await self._try(session, who)
        except NoAnswer as error:
            attempt = replace(no_answer(error), refused_connection=error.why is Why.CLOSED)
        return replace(
            attempt,
            seconds=time.monotonic() - began,
            alone=True,
            proof=(*attempt.proof, *self.agent.taken()),
        )

    async def _try(self, session: DeviceSession, who: Credential) -> Attempt:
        if not who.password:
            return await self._unsigned(session, who)
        user, detail = who.username.encode(), ""
        for digest in usm.DIGESTS:
            engine = self.agent.engine or usm.Engine()
            key = usm.localised(who.password.encode(), engine.id, digest)
            got, signed = await self._signed(session, user, key, digest)
            if signed and got.kind == RESPONSE:
                return await self._opened(session, user, got, key, digest)
            if got.report == LEVEL:
                return await self._unsigned(session, who)
            if got.report == UNKNOWN:
                return Attempt(result=LoginResult.REFUSED, detail=UNKNOWN)
            if got.report != DIGEST:
                raise NoAnswer(Why.GARBAGE, f"{digest}: {_said(got)}")
            detail = f"{DIGEST}; {EXISTS}"
        return Attempt(result=LoginResult.REFUSED, detail=detail)

    async def _signed(
        self, session: DeviceSession, user: bytes, key: bytes, digest: str
    ) -> tuple[usm.Message, bool]:
        """One question; once more where the agent's clock was not the one that was thought."""
        for _ in range(2):
            content = pdu(GET, self.agent.number(), SYS_DESCR)
            got, signed = await self.agent.by_user(session, user, content, key=key, digest=digest)
            if got.report != WINDOW:
                break
            self.agent.engine = got.engine
        return got, signed

    async def _unsigned(self, session: DeviceSession, who: Credential) -> Attempt:
        user = who.username.encode()
        got, _ = await self.agent.by_user(session, user, pdu(GET, self.agent.number(), SYS_DESCR))
        if got.report == UNKNOWN:
            return Attempt(result=LoginResult.REFUSED, detail=UNKNOWN)
        if got.report == LEVEL or (got.kind == RESPONSE and got.error == AUTHORIZATION_ERROR):
            return Attempt(result=LoginResult.REFUSED, detail=f"it must authenticate; {EXISTS}")
        if got.kind != RESPONSE:
            raise NoAnswer(Why.GARBAGE, _said(got))
        return await self._opened(session, user, got, b"", "")

    async def _opened(
        self, session: DeviceSession, user: bytes, first: usm.Message, key: bytes, digest: str
    ) -> Attempt:
        """A second answer has to say the same; without a signature only a value that was read counts."""
        got, signed = await self._signed(session, user, key, digest)
        reads = all(m.error == 0 and m.value_tag == OCTETS for m in (first, got))
        proved = got.kind == RESPONSE and (signed if key else reads)
        how = f"authenticated with {digest}" if key else "without authentication"
        seen = "system description" if reads else "an answer that is signed with its password"
        detail = f"SNMP v3 answered, {how}: {clean(got.value) if reads else _said(got)}"
        attempt = Attempt(
            result=LoginResult.ACCEPTED,
            detail=detail,
            proved=proved,
            seen=seen,
            proof=self.agent.taken(),
        )
        if proved and reads:
            await self._write(session, user, key, digest)
        return attempt

    async def _write(self, session: DeviceSession, user: bytes, key: bytes, digest: str) -> None:
        async def ask(kind: int, oid: bytes, value: bytes) -> Reply:
            content = pdu(kind, self.agent.number(), oid, value)
            got, signed = await self.agent.by_user(session, user, content, key=key, digest=digest)
            if got.kind != RESPONSE or (key and not signed):
                raise NoAnswer(Why.GARBAGE, _said(got))
            return Reply(got.error, got.value_tag, got.value)

        name = user.decode("utf-8", "replace")
        await self._writing.look(session, self.agent, ask, name, "v3")


def _said(got: usm.Message) -> str:
    return got.report or f"error-status {got.error}"
