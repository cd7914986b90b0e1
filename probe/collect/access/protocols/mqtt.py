"""MQTT 3.1.1 and 5: CONNECT; then two pings and what can be subscribed to, as read-only proof.

What others publish is theirs: of it only the number of topics and a hash are kept, no topic and no message,
and the transcript has it as a number of bytes with their hash.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass

from probe.collect.access.attempt import Attempt, Credential, Method, caption, over_tcp
from probe.collect.access.protocols.mqtt_codec import (
    CONNACK,
    DISCONNECT,
    GUARDS,
    PINGREQ,
    PINGRESP,
    PUBLISH,
    REASONS,
    REFUSALS,
    SUBACK,
    V5,
    V311,
    Packet,
    connack,
    connect,
    parse,
    suback,
    subscribe,
    topic,
)
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.observation import LoginResult, Service

MAX_READ = 65_536
MAX_TOPICS = 1_000
LISTEN_S = 1.5
"""How long retained messages are counted: brokers send them at once."""
VERSIONS = {V311: "3.1.1", V5: "5"}


class Reader:
    """Packets from a connection, bounded in bytes and time."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._rest, self._read = wire, b"", 0
        self.topics: set[bytes] = set()
        self.digest = hashlib.sha256()

    async def until(self, kind: int, within: float) -> Packet:
        """The next packet of that kind; messages in between are counted and forgotten."""
        deadline = time.monotonic() + within
        while True:
            got, self._rest = parse(self._rest)
            if got and got.kind == kind:
                return got
            if got:
                if kind == CONNACK:
                    raise NoAnswer(Why.GARBAGE, "something else than CONNACK came first")
                self._count(got)
                continue
            if self._read > MAX_READ:
                raise NoAnswer(Why.GARBAGE, f"no answer within {MAX_READ} bytes")
            data = await self._wire.recv(4096, max(0.0, deadline - time.monotonic()))
            if not data:
                raise NoAnswer(Why.ENDED, "the broker closed the connection")
            self._read += len(data)
            self._rest += data

    def _count(self, got: Packet) -> None:
        if got.kind == PUBLISH and len(self.topics) < MAX_TOPICS:
            self.topics.add(topic(got.body))
            self.digest.update(got.body)

    async def messages(self, within: float) -> None:
        """Count what comes for a while, or until it is enough."""
        try:
            await self.until(-1, within)
        except NoAnswer:
            return  # the time is over, or it was more than anybody needs to know


class Password:
    """User name and password in CONNECT."""

    name = "password"
    silence_refuses = False
    asks_for_user = True
    doubt = ""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._level = V311
        self._known = False

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """No credential is a CONNECT without user name and password flags."""
        if not self._known:
            self._known = True
            return await self._in_either_version(session, credential)
        return await self._once(session, credential)

    async def _in_either_version(
        self, session: DeviceSession, credential: Credential | None
    ) -> Attempt:
        """3.1.1 first; a broker that serves only 5 says so, or closes (3.1.1, section 3.1.2.2)."""
        first = await self._once(session, credential)
        if first.result is not LoginResult.NO_ANSWER or first.refused_connection:
            return first
        self._level = V5
        second = await self._once(session, credential)
        if second.result is LoginResult.NO_ANSWER:
            self._level = V311
            return first
        return second

    async def _once(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        async def talk(wire: Wire) -> Attempt:
            reader = Reader(wire)
            began = time.monotonic()
            client = f"probe-{secrets.token_hex(4)}"
            await wire.send(connect(client, credential, self._level))
            code = connack((await reader.until(CONNACK, 6.0)).body, self._level)
            seconds = time.monotonic() - began
            detail = f"MQTT {VERSIONS[self._level]}, CONNACK {code}"
            if code in REFUSALS:
                detail = f"{detail}: {REASONS[code]}"
                return Attempt(result=LoginResult.REFUSED, detail=detail, seconds=seconds)
            if code:
                detail = f"{detail}: {REASONS.get(code, 'an unknown code')}"
                lockout = detail if code in GUARDS else ""
                return Attempt(result=LoginResult.NO_ANSWER, detail=detail, lockout=lockout)
            proof = await _proof(wire, reader, self._level)
            return Attempt(
                result=LoginResult.ACCEPTED,
                detail=f"{detail}, then {proof.seen or 'nothing more'}",
                seconds=seconds,
                proved=proof.proved,
                seen=proof.seen,
                guest=credential is None,
            )

        return await over_tcp(session, self.service, caption(credential, self.service), talk)


@dataclass(frozen=True, slots=True)
class Proof:
    """What an accepted session could do."""

    proved: bool = False
    seen: str = ""


async def _proof(wire: Wire, reader: Reader, level: int) -> Proof:
    """Two pings, which a broker answers only within an accepted session; then a subscription."""
    try:
        for _ in range(2):
            await wire.send(PINGREQ)
            await reader.until(PINGRESP, 5.0)
    except NoAnswer:
        return Proof()
    wire.private = True
    granted: list[bool] = []
    try:
        await wire.send(subscribe(1, "$SYS/#", "#", level=level))
        granted = suback((await reader.until(SUBACK, 5.0)).body, level)
        if any(granted):
            await reader.messages(LISTEN_S)
        await wire.send(DISCONNECT)
    except NoAnswer:
        pass  # Some end the session of somebody who asks for too much; it was one before.
    finally:
        wire.private = False
    if not any(granted):
        return Proof(True, "a session without subscriptions")
    own = sum(name.startswith(b"$") for name in reader.topics)
    others, found = len(reader.topics) - own, reader.digest.hexdigest()[:16]
    what = f"{own} topics of the broker and {others} of others" if reader.topics else "no topic yet"
    return Proof(
        True, f"a subscription to all topics: {what}" + f", SHA-256 {found}" * bool(others)
    )


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """The one way."""
    del session
    return [Password(service)]
