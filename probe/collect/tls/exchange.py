"""One hello over one connection, and what came of it. The transcript is always kept."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.tls.codec import (
    Alert,
    ClientHello,
    ServerFlight,
    TlsFormatError,
    Version,
    alert_name,
)
from probe.collect.tls.codec.flight import ServerHello
from probe.collect.tls.codec.sslv2 import Ssl2Flight
from probe.collect.tls.suites import name_of
from probe.collect.wire import Transcript, Wire
from probe.model.device import endpoint
from probe.model.evidence import EvidenceRef

WHOLE_ANSWER_S = 12.0
"""However slow a device is, one answer is not awaited longer than this."""
MOST_DRIBBLE_S, LEAST_DRIBBLE_S = 8, 0.4
"""Seconds that a service may take, in all its answers, between the pieces of one message: a device that
needs long for a signature is silent between messages, so what drips inside one is no sign of work. When
they are used up, each answer has the lesser."""


class Met(StrEnum):
    """What one hello met."""

    HELLO = "ServerHello"
    ALERT = "alert"
    ENDED = "orderly close"
    RESET = "reset"
    SILENT = "silence"
    GARBAGE = "something that is not TLS"
    UNREACHABLE = "no connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """A hello and what it met."""

    hello: ClientHello
    met: Met
    flight: ServerFlight
    detail: str
    seconds: float
    proof: EvidenceRef
    dribbled: float = 0.0
    """Seconds between the pieces of unfinished messages."""
    broken_off: str = ""
    """Why what follows the ServerHello was not read, though it was asked for."""

    @property
    def server_hello(self) -> ServerHello:
        """Only when ``met`` is HELLO."""
        assert self.flight.hello is not None
        return self.flight.hello

    @property
    def alert(self) -> int | None:
        """The alert that ended the handshake."""
        return self.flight.fatal.number if self.met is Met.ALERT and self.flight.fatal else None

    @property
    def refuses_version(self) -> bool:
        return self.alert == Alert.PROTOCOL_VERSION

    @property
    def refuses_offer(self) -> bool:
        """An alert that speaks about exactly what was offered. Others may be about anything."""
        return self.alert in (
            Alert.HANDSHAKE_FAILURE,
            Alert.PROTOCOL_VERSION,
            Alert.INSUFFICIENT_SECURITY,
            Alert.INAPPROPRIATE_FALLBACK,
        )


class TcpExchange:
    """Says hellos to one service, and loses patience with one that dribbles."""

    def __init__(self, session: DeviceSession, address: str, port: int) -> None:
        self._where = session, address, port
        self._dribbled = 0.0

    async def __call__(self, hello: ClientHello, *, patience: float, to_the_end: bool) -> Reaction:
        left = max(LEAST_DRIBBLE_S, MOST_DRIBBLE_S - self._dribbled)
        reaction = await exchange(
            *self._where, hello, patience=patience, to_the_end=to_the_end, dribble=left
        )
        self._dribbled += reaction.dribbled
        return reaction


async def exchange(
    session: DeviceSession,
    address: str,
    port: int,
    hello: ClientHello,
    *,
    patience: float,
    to_the_end: bool = False,
    dribble: float = MOST_DRIBBLE_S,
    opened: Callable[[], None] | None = None,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> Reaction:
    """Say ``hello`` and read the answer; silence longer than ``patience`` seconds ends it.

    The ServerHello is enough, unless ``to_the_end`` asks for the certificate too. ``dribble``: seconds
    between the pieces of unfinished messages. ``opened`` is called when there is a connection, and
    ``meanwhile`` before it is closed, if there was a ServerHello. Raises OutOfScope.
    """
    flight = Ssl2Flight() if hello.version is Version.SSL2 else ServerFlight()
    hearing = _Hearing(flight, patience, to_the_end, dribble)
    began = time.monotonic()
    transcript = Transcript(endpoint("tcp", address, port))
    connected = False
    try:
        async with session.connect(address, port, within=patience) as wire:
            connected, transcript = True, wire.transcript
            if opened is not None:
                opened()
            async with asyncio.timeout(WHOLE_ANSWER_S):
                await wire.send(hello.to_bytes())
                met, detail = await hearing.listen(wire)
            if meanwhile is not None and flight.hello is not None:
                await meanwhile()
    except NoAnswer as error:
        met = {Why.RESET: Met.RESET, Why.SILENT: Met.SILENT}.get(error.why, Met.GARBAGE)
        met, detail = met if connected else Met.UNREACHABLE, error.detail
    except TimeoutError:
        met, detail = Met.SILENT, f"no complete answer within {WHOLE_ANSWER_S:.0f} s"
    except TlsFormatError as error:
        met, detail = Met.GARBAGE, str(error)
    seconds = time.monotonic() - began
    broken_off = ""
    if flight.hello is not None:
        broken_off = detail if to_the_end and met is not Met.HELLO else ""
        met, detail = judged(hello, flight.hello)
    transcript.remark(f"{hello.version.label}, {len(hello.suites)} suites: {met}; {detail}")
    proof = session.keep_transcript(transcript, f"{hello.version.label} hello: {met}")
    return Reaction(
        hello=hello,
        met=met,
        flight=flight,
        detail=detail,
        seconds=seconds,
        proof=proof,
        dribbled=hearing.dribbled,
        broken_off=broken_off,
    )


@dataclass(slots=True)
class _Hearing:
    """The reading of one answer."""

    flight: ServerFlight
    patience: float
    to_the_end: bool
    room: float
    dribbled: float = 0.0

    async def listen(self, wire: Wire) -> tuple[Met, str]:
        """Raises NoAnswer, TlsFormatError."""
        flight = self.flight
        while not flight.done and (self.to_the_end or flight.hello is None):
            data = await self._next(wire)
            if not data:
                if flight.pending:
                    # A refusal is whole; what breaks off in the middle of a message says nothing.
                    return (
                        Met.GARBAGE,
                        f"the device closed in the middle of a message, after {flight.size} bytes",
                    )
                rest = f" after {flight.size} bytes" if flight.size else ""
                return Met.ENDED, f"the device closed the connection{rest}"
            flight.feed(data)
        if flight.fatal is None:
            return Met.HELLO, ""
        if flight.fatal.number == Alert.CLOSE_NOTIFY:
            return Met.ENDED, "the device closed the connection with close_notify"
        return Met.ALERT, f"alert {alert_name(flight.fatal.number)}"

    async def _next(self, wire: Wire) -> bytes:
        if not self.flight.pending:
            return await wire.recv(16_384, self.patience)
        began, left = time.monotonic(), self.room - self.dribbled
        if left <= 0:
            text = f"{self.flight.size} bytes came in pieces, over {self.dribbled:.1f} s"
            raise NoAnswer(Why.SILENT, text)
        try:
            return await wire.recv(16_384, min(self.patience, left))
        finally:
            self.dribbled += time.monotonic() - began


def judged(hello: ClientHello, answer: ServerHello) -> tuple[Met, str]:
    """An answer that chooses what was not offered is no answer (RFC 8446 section 4.1.3)."""
    if answer.version > hello.version or answer.version < min(hello.version, Version.SSL3):
        return (
            Met.GARBAGE,
            f"the device chose version 0x{answer.version:04x}, which was not offered",
        )
    if hello.version is Version.TLS13 and answer.version < hello.version:
        return (
            Met.GARBAGE,
            f"the device chose version 0x{answer.version:04x}, which was not offered",
        )
    if answer.suite not in hello.suites:
        return Met.GARBAGE, f"the device chose {name_of(answer.suite)}, which was not offered"
    return Met.HELLO, f"chose {name_of(answer.suite)}"
