"""A connection on which a hello was said and more follows. Whatever happens on it is an answer or none."""

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import Protocol

from probe.collect.answers import NoAnswer, Why
from probe.collect.datagrams import Datagrams
from probe.collect.tls.attacks.messages import Aftermath, DatagramAftermath, record
from probe.collect.tls.codec import Alert, ClientHello, ServerFlight, TlsFormatError, alert_name
from probe.collect.tls.codec.dtls import WIRE, HelloWriter, Record
from probe.collect.tls.codec.numbers import Content, Version
from probe.collect.tls.exchange import Met
from probe.collect.wire import Transcript, Wire

WHOLE_ANSWER_S = 12.0
"""However a device dribbles, one answer is not awaited longer."""
MOST_DATAGRAMS = 200
_MET = {Why.RESET: Met.RESET, Why.SILENT: Met.SILENT, Why.CLOSED: Met.UNREACHABLE}


@dataclass(frozen=True, slots=True)
class Heard:
    """What came. ``met`` is None for what was awaited, else the way in which it did not come."""

    met: Met | None
    alert: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        return self.detail or (self.met.value if self.met else "an answer")


class Talk(Protocol):
    """What an attack needs of a conversation; over a stream or over datagrams."""

    transcript: Transcript
    start: int | None
    """What came from the device from here on, counted in bytes, may be its memory."""
    shown: int
    """So many of them are known to be harmless."""

    @property
    def flight(self) -> ServerFlight: ...
    @property
    def heartbeats(self) -> list[bytes]: ...

    def guard(self) -> None:
        """From here on nothing that the device says is kept, unless it is revealed."""
        ...

    def reveal(self, count: int | None = None) -> None:
        """The first ``count`` bytes since the guard are no memory; None: none of them is."""
        ...

    async def greet(self, hello: ClientHello) -> Heard: ...
    async def say(self, kind: int, payload: bytes) -> None: ...
    async def hear(self, patience: float | None = None) -> Heard: ...


class _Guarded:
    """The part that both have in common."""

    flight: ServerFlight

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self.start: int | None = None
        self.shown = 0

    def guard(self) -> None:
        self.start, self.shown = self.flight.size, 0

    def reveal(self, count: int | None = None) -> None:
        if count is None:
            self.start = None
        else:
            self.shown = count

    @property
    def version(self) -> int:
        """What the server chose."""
        return self.flight.hello.version if self.flight.hello else Version.TLS12

    def _heard(self) -> Heard:
        fatal = self.flight.fatal
        if fatal is None:
            return Heard(None)
        if fatal.number == Alert.CLOSE_NOTIFY:
            return Heard(Met.ENDED, detail="a close_notify")
        return Heard(Met.ALERT, fatal.number, f"alert {alert_name(fatal.number)}")


class StreamTalk(_Guarded):
    """Over TCP."""

    def __init__(self, wire: Wire, patience: float) -> None:
        super().__init__(wire.transcript)
        self.flight: Aftermath = Aftermath()
        self._wire, self._patience = wire, patience
        self._broken: Heard | None = None

    @property
    def heartbeats(self) -> list[bytes]:
        return self.flight.heartbeats

    async def greet(self, hello: ClientHello) -> Heard:
        """Say the hello and read until the server is done, or encrypts."""
        await self._send(hello.to_bytes())
        return await self.hear()

    async def say(self, kind: int, payload: bytes) -> None:
        await self._send(record(kind, self.version, payload))

    async def say_at_once(self, *records: tuple[int, bytes]) -> None:
        """Several records in one segment, so that a server which objects to the first has read all."""
        await self._send(b"".join(record(kind, self.version, data) for kind, data in records))

    async def hear(self, patience: float | None = None) -> Heard:
        if self._broken is not None:
            return self._broken
        patience = self._patience if patience is None else patience
        try:
            async with asyncio.timeout(WHOLE_ANSWER_S):
                self.flight.go_on()
                while not self.flight.done:
                    data = await self._wire.recv(16_384, patience)
                    if not data:
                        return self._ended()
                    self.flight.feed(data)
        except TimeoutError:
            return Heard(Met.SILENT, detail=f"no whole answer within {WHOLE_ANSWER_S:.0f} s")
        except NoAnswer as error:
            return _heard_none(error)
        except TlsFormatError as error:
            return Heard(Met.GARBAGE, detail=f"something that is not TLS ({error})")
        return self._heard()

    async def _send(self, data: bytes) -> None:
        try:
            await self._wire.send(data)
        except NoAnswer as error:
            self._broken = _heard_none(error)

    def _ended(self) -> Heard:
        if self.flight.pending:
            return Heard(Met.GARBAGE, detail="an end in the middle of a message")
        return Heard(Met.ENDED, detail="a close without an alert")


class DatagramTalk(_Guarded):
    """Over UDP: for heartbeats, which need no keys."""

    def __init__(self, wire: Datagrams, patience: float) -> None:
        super().__init__(wire.transcript)
        self.flight: DatagramAftermath = DatagramAftermath()
        self._wire, self._patience = wire, patience
        # Far behind the numbers of the hello's records: none may come twice (RFC 6347 section 4.1.2.6).
        self._numbers = itertools.count(32)

    @property
    def heartbeats(self) -> list[bytes]:
        return self.flight.heartbeats

    async def greet(self, hello: ClientHello) -> Heard:
        writer = HelloWriter(hello)
        for _ in range(3):
            for datagram in writer.datagrams():
                try:
                    await self._wire.send(datagram)
                except NoAnswer as error:
                    return _heard_none(error)
            heard = await self.hear()
            if self.flight.cookie is None:
                return heard
            writer.take_cookie(self.flight.cookie)
            self.flight.cookie = None
        return Heard(Met.GARBAGE, detail="a request for yet another cookie")

    async def say(self, kind: int, payload: bytes) -> None:
        version, number = WIRE[Version(self.version)], next(self._numbers)
        one = Record(kind=kind, version=version, epoch=0, sequence=number, payload=payload)
        try:
            await self._wire.send(one.to_bytes())
        except NoAnswer:
            pass  # The error is heard by whoever listens next.

    async def hear(self, patience: float | None = None) -> Heard:
        until = time.monotonic() + (self._patience if patience is None else patience)
        self.flight.go_on()
        try:
            for _ in range(MOST_DATAGRAMS):
                if self.flight.done or self.flight.cookie is not None:
                    return self._heard()
                self.flight.feed(await self._wire.recv(until - time.monotonic()))
        except NoAnswer as error:
            return _heard_none(error)
        except TlsFormatError as error:
            return Heard(Met.GARBAGE, detail=f"something that is not DTLS ({error})")
        return Heard(Met.GARBAGE, detail="no end of datagrams")

    async def release(self) -> None:
        """Free the association, of which a small device has few."""
        await self.say(Content.ALERT, bytes([2, Alert.USER_CANCELED]))


def _heard_none(error: NoAnswer) -> Heard:
    words = {Met.RESET: "a reset", Met.SILENT: "silence"}
    met = _MET.get(error.why, Met.GARBAGE)
    return Heard(met, detail=words.get(met, str(error)))
