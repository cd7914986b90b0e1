"""One DTLS hello over one UDP conversation: cookie round, patience with slow devices, a clean end."""

import time

from probe.collect.answers import NoAnswer, Why
from probe.collect.datagrams import Datagrams
from probe.collect.session import DeviceSession
from probe.collect.tls.codec import Alert, ClientHello, TlsFormatError, alert_name
from probe.collect.tls.codec.dtls import LABELS, DatagramFlight, HelloWriter
from probe.collect.tls.exchange import WHOLE_ANSWER_S, Met, Reaction, judged
from probe.collect.wire import Transcript
from probe.model.device import endpoint

SLOW_PATIENCE_S = 9.5
"""RFC 7925 section 11 lets a constrained device wait 9 s before it says a lost message again."""
SLOW_S = 1.5
"""An answer that took so long is one of a slow device."""
MOST_COOKIES = 2
MOST_DATAGRAMS = 600


class DtlsExchange:
    """Says hellos to one DTLS service, as ``exchange`` does over TCP, and remembers how quick it is."""

    def __init__(self, session: DeviceSession, address: str, port: int) -> None:
        self._session, self._address, self._port = session, address, port
        self._heard = False
        self._slowest = 0.0

    async def __call__(
        self, hello: ClientHello, *, patience: float, to_the_end: bool = False
    ) -> Reaction:
        """Say ``hello`` and read the answer. Raises OutOfScope."""
        flight = DatagramFlight()
        began = time.monotonic()
        transcript = Transcript(endpoint("udp", self._address, self._port))
        talk = _Talk(hello, flight, self._deadline(patience), to_the_end)
        try:
            async with self._session.datagrams(self._address, self._port) as datagrams:
                transcript = datagrams.transcript
                met, detail = await talk.carry_out(datagrams)
        except NoAnswer as error:
            met, detail = Met.UNREACHABLE, error.detail
        seconds = time.monotonic() - began
        if flight.hello is not None:
            met, detail = judged(hello, flight.hello)
        self._heard |= talk.heard
        if met in (Met.HELLO, Met.ALERT):
            self._slowest = max(self._slowest, seconds)
        name = LABELS[hello.version]
        transcript.remark(f"{name}, {len(hello.suites)} suites: {met}; {detail}")
        proof = self._session.keep_transcript(transcript, f"{name} hello: {met}")
        return Reaction(
            hello=hello, met=met, flight=flight, detail=detail, seconds=seconds, proof=proof
        )

    def _deadline(self, patience: float) -> float:
        """A slow device gets the time of its own timer; one that has been quick is not waited for."""
        slow = self._slowest >= SLOW_S or not self._heard
        return max(patience, SLOW_PATIENCE_S) if slow else patience


class _Talk:
    """One conversation."""

    def __init__(
        self, hello: ClientHello, flight: DatagramFlight, deadline: float, to_the_end: bool
    ) -> None:
        self._writer, self._flight = HelloWriter(hello), flight
        self._deadline, self._to_the_end = deadline, to_the_end
        self._cookies = 0
        self.heard = False

    async def carry_out(self, wire: Datagrams) -> tuple[Met, str]:
        try:
            met, detail = await self._converse(wire)
        except TlsFormatError as error:
            met, detail = Met.GARBAGE, str(error)
        except NoAnswer as error:
            met = Met.SILENT if error.why is Why.SILENT else Met.UNREACHABLE
            detail = error.detail
            if met is Met.SILENT and self._cookies:
                detail = f"{detail}, after its request for a cookie was granted"
        if self.heard and met is not Met.ALERT:
            await self._release(wire)
        return met, detail

    async def _converse(self, wire: Datagrams) -> tuple[Met, str]:
        flight = self._flight
        end = time.monotonic() + WHOLE_ANSWER_S
        await self._say(wire)
        for _ in range(MOST_DATAGRAMS):
            if flight.done or (flight.hello is not None and not self._to_the_end):
                break
            self._flight.feed(await self._next(wire, end))
            self.heard = True
            if flight.cookie is not None:
                cookie, flight.cookie = flight.cookie, None
                await self._grant(wire, cookie)
        if flight.fatal is None:
            return Met.HELLO if flight.hello else Met.GARBAGE, "too many datagrams"
        if flight.fatal.number == Alert.CLOSE_NOTIFY:
            return Met.ENDED, "the device ended with close_notify"
        return Met.ALERT, f"alert {alert_name(flight.fatal.number)}"

    async def _grant(self, wire: Datagrams, cookie: bytes) -> None:
        """Send the hello again with the cookie, unless that was done and the request is a copy."""
        if self._writer.cookie == cookie:
            return
        self._cookies += 1
        if self._cookies > MOST_COOKIES:
            raise TlsFormatError(f"the device asked for a cookie more than {MOST_COOKIES} times")
        self._writer.take_cookie(cookie)
        await self._say(wire)

    async def _next(self, wire: Datagrams, end: float) -> bytes:
        """The next datagram; halfway through the silence the hello is said once more.

        One copy of a lost datagram, on our side or theirs: a server that has answered sends its whole
        flight again (RFC 6347 section 4.2.4).
        """
        left = min(self._deadline, end - time.monotonic())
        if left <= 0:
            raise NoAnswer(Why.SILENT, f"no complete answer within {WHOLE_ANSWER_S:.0f} s")
        try:
            return await wire.recv(left / 2)
        except NoAnswer as error:
            if error.why is not Why.SILENT:
                raise
        await self._say(wire)
        try:
            return await wire.recv(left / 2)
        except NoAnswer as error:
            if error.why is not Why.SILENT:
                raise
            raise NoAnswer(Why.SILENT, f"nothing within {left:.1f} s, asked twice") from None

    async def _say(self, wire: Datagrams) -> None:
        for datagram in self._writer.datagrams():
            await wire.send(datagram)

    async def _release(self, wire: Datagrams) -> None:
        """Without it a device keeps the half-open association, often its only one, for a minute."""
        try:
            await wire.send(self._writer.alert(Alert.USER_CANCELED))
        except NoAnswer:
            pass  # It is gone, which frees it as well.
