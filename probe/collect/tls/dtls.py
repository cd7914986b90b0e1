"""One DTLS hello over one UDP conversation: cookie round, patience with slow devices, a clean end."""

import time
from dataclasses import dataclass

from probe.collect.answers import NoAnswer, Why
from probe.collect.datagrams import Datagrams
from probe.collect.session import DeviceSession
from probe.collect.tls.codec import Alert, ClientHello, TlsFormatError, alert_name
from probe.collect.tls.codec.dtls import LABELS, DatagramFlight, HelloWriter
from probe.collect.tls.exchange import Met, Reaction, judged
from probe.collect.wire import Transcript
from probe.model.device import endpoint

SLOW_PATIENCE_S = 9.5
"""RFC 7925 section 11 lets a constrained device wait 9 s before it says a lost message again."""
WHOLE_TALK_S = 20.0
"""A slow device's cookie and its answer; however one dribbles, no talk takes longer."""
SLOW_S = 1.5
"""An answer that took so long is one of a slow device."""
AGAIN_S = 2.0
"""Silence after which a hello is said once more: a datagram may be lost."""
GRANTED_AGAIN_S = 1.0
"""The same from a device that has just asked for a cookie: the timer of RFC 6347 section 4.2.4.1."""
MOST_COOKIES = 2
MOST_DATAGRAMS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class DtlsReaction(Reaction):
    """``forgot``: granted its cookie and asked again, the device wanted another: it gave up unheard."""

    forgot: bool = False


class DtlsExchange:
    """Says hellos to one DTLS service, as ``exchange`` does over TCP, and remembers how quick it is."""

    def __init__(self, session: DeviceSession, address: str, port: int) -> None:
        self._session, self._address, self._port = session, address, port
        self._slowest: float | None = None
        """Seconds that the slowest answer took; None before the first."""

    async def __call__(
        self, hello: ClientHello, *, patience: float, to_the_end: bool = False
    ) -> Reaction:
        """Say ``hello`` and read the answer. Raises OutOfScope."""
        flight = DatagramFlight()
        began = time.monotonic()
        transcript = Transcript(endpoint("udp", self._address, self._port))
        forgot = False
        try:
            async with self._session.datagrams(self._address, self._port) as datagrams:
                transcript = datagrams.transcript
                talk = _Talk(datagrams, hello, flight, patience, self._slowest)
                met, detail = await talk.carry_out(to_the_end)
                self._slowest, forgot = talk.slowest, talk.forgot
        except NoAnswer as error:
            met, detail = Met.UNREACHABLE, error.detail
        seconds = time.monotonic() - began
        if flight.hello is not None:
            met, detail = judged(hello, flight.hello)
        name = LABELS[hello.version]
        transcript.remark(f"{name}, {len(hello.suites)} suites: {met}; {detail}")
        proof = self._session.keep_transcript(transcript, f"{name} hello: {met}")
        return DtlsReaction(
            hello=hello,
            met=met,
            flight=flight,
            detail=detail,
            seconds=seconds,
            proof=proof,
            forgot=forgot,
        )


class _Talk:
    """One conversation."""

    def __init__(
        self,
        wire: Datagrams,
        hello: ClientHello,
        flight: DatagramFlight,
        patience: float,
        slowest: float | None,
    ) -> None:
        self._wire, self._writer, self._flight = wire, HelloWriter(hello), flight
        self._patience, self.slowest = patience, slowest
        self._end = time.monotonic() + WHOLE_TALK_S
        self._heard = self._said_again = self.forgot = False
        self._cookies = 0

    async def carry_out(self, to_the_end: bool) -> tuple[Met, str]:
        """Say the hello, with a cookie when one is asked for, until the answer is there."""
        try:
            met, detail = await self._converse(to_the_end)
        except TlsFormatError as error:
            met, detail = Met.GARBAGE, str(error)
        except NoAnswer as error:
            met = Met.SILENT if error.why is Why.SILENT else Met.UNREACHABLE
            detail = error.detail
            if met is Met.SILENT and self._cookies:
                detail = f"{detail}, after its request for a cookie was granted"
        if self._heard and met is not Met.ALERT:
            await self._release()
        return met, detail

    async def _converse(self, to_the_end: bool) -> tuple[Met, str]:
        flight = self._flight
        await self._say()
        for _ in range(MOST_DATAGRAMS):
            if flight.done or (flight.hello is not None and not to_the_end):
                break
            flight.feed(await self._next())
            if flight.cookie is not None:
                cookie, flight.cookie = flight.cookie, None
                await self._grant(cookie)
        else:
            raise TlsFormatError(f"no end of the answer after {MOST_DATAGRAMS} datagrams")
        if flight.fatal is None:
            return Met.HELLO, ""
        if flight.fatal.number == Alert.CLOSE_NOTIFY:
            return Met.ENDED, "the device ended with close_notify"
        return Met.ALERT, f"alert {alert_name(flight.fatal.number)}"

    async def _grant(self, cookie: bytes) -> None:
        """Send the hello again with the cookie, unless that was done and the request is a copy."""
        if self._writer.cookie == cookie:
            return
        if self._cookies and self._said_again:
            # A stack that gave up on the hello without a word has forgotten all about it by now.
            self.forgot = True
            raise NoAnswer(Why.SILENT, "nothing but a request for a new cookie when asked again")
        self._cookies += 1
        if self._cookies > MOST_COOKIES:
            raise TlsFormatError(f"the device asked for a cookie more than {MOST_COOKIES} times")
        self._writer.take_cookie(cookie)
        self._said_again = False
        await self._say()

    async def _next(self) -> bytes:
        """The next datagram; after some silence the hello is said once more, for a datagram lost.

        A server that has answered sends its whole flight again then (RFC 6347 section 4.2.4).
        """
        began = time.monotonic()
        until = min(began + self._deadline, self._end)
        again = GRANTED_AGAIN_S if self._cookies else AGAIN_S
        for pause in (min(again, (until - began) / 2), until - began):
            try:
                data = await self._wire.recv(began + pause - time.monotonic())
            except NoAnswer as error:
                if error.why is not Why.SILENT:
                    raise
            else:
                self._heard = True
                self.slowest = max(self.slowest or 0.0, time.monotonic() - began)
                return data
            if pause < until - began and not self._said_again:
                self._said_again = True
                await self._say()
        waited = max(0.0, until - began)
        raise NoAnswer(Why.SILENT, f"nothing within {waited:.1f} s, asked twice")

    @property
    def _deadline(self) -> float:
        """A slow device gets the time of its own timer; one that has been quick is not waited for."""
        slow = self.slowest is None or self.slowest >= SLOW_S
        return max(self._patience, SLOW_PATIENCE_S) if slow else self._patience

    async def _say(self) -> None:
        for datagram in self._writer.datagrams():
            await self._wire.send(datagram)

    async def _release(self) -> None:
        """Without it a device keeps the half-open association, often its only one, for a minute."""
        try:
            await self._wire.send(self._writer.alert(Alert.USER_CANCELED))
        except NoAnswer:
            pass  # It is gone, which frees it as well.
