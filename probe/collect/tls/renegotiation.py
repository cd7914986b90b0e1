"""Whether a client may begin a second handshake inside a finished one, below TLS 1.3.

Python's ``ssl`` cannot ask for it; the OpenSSL of the cryptography wheel can.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from OpenSSL import SSL

from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.tls.codec.flight import MAX_FLIGHT
from probe.collect.wire import Wire
from probe.model.evidence import EvidenceRef
from probe.model.tls import Reply

WITHIN_S = 10.0
AGAIN_WITHIN_S = 3.0
"""For the second handshake; an application that waits for a request may never look at it."""
LEGACY_SERVER_CONNECT, UNSAFE_LEGACY_RENEGOTIATION, NO_TICKET = 0x4, 0x40000, 0x4000
"""SSL_OP_…: what an old server needs that knows nothing of RFC 5746."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renegotiated:
    """What came of it. A close is no answer: the application may have had enough of its own accord."""

    reply: Reply
    detail: str
    proof: EvidenceRef
    finished: bool = False
    """The first handshake was."""


async def renegotiate(
    session: DeviceSession, address: str, port: int, server_name: str | None
) -> Renegotiated:
    """Finish a handshake below TLS 1.3 that trusts anything, and begin another. Raises NoAnswer."""
    async with session.connect(address, port, within=WITHIN_S) as wire:
        talk = _Talk(wire, server_name)
        reply, detail = Reply.NO_ANSWER, ""
        try:
            async with asyncio.timeout(WITHIN_S):
                reply, detail = await talk.carry_out()
        except TimeoutError:
            detail = f"no end within {WITHIN_S:.0f} s"
        except NoAnswer as error:
            detail = error.detail
        if not talk.finished:
            detail = f"not tried: no handshake could be finished ({detail})"
        wire.transcript.remark(f"renegotiation by the client: {reply}; {detail}")
        proof = session.keep_transcript(wire.transcript, "renegotiation by the client")
    return Renegotiated(reply=reply, detail=detail, proof=proof, finished=talk.finished)


class _Talk:
    def __init__(self, wire: Wire, server_name: str | None) -> None:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_verify(SSL.VERIFY_NONE)
        context.set_cipher_list(b"ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        context.set_min_proto_version(SSL.TLS1_VERSION)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(LEGACY_SERVER_CONNECT | UNSAFE_LEGACY_RENEGOTIATION | NO_TICKET)
        self._tls = SSL.Connection(context, None)
        self._tls.set_connect_state()
        if server_name:
            self._tls.set_tlsext_host_name(server_name.encode("ascii"))
        self._wire = wire
        self.finished = False

    async def carry_out(self) -> tuple[Reply, str]:
        """Raises NoAnswer when it gives no answer."""
        try:
            await self._until(self._tls.do_handshake, WITHIN_S)
        except SSL.Error as error:
            raise NoAnswer(Why.GARBAGE, _said(error)) from None
        self.finished = True
        try:
            self._tls.renegotiate()
            await self._until(self._read_on, AGAIN_WITHIN_S)
        except SSL.ZeroReturnError:
            raise NoAnswer(
                Why.ENDED, "the device closed the connection with close_notify"
            ) from None
        except SSL.Error as error:
            said = _said(error)
            if "no renegotiation" in said or "alert" in said:
                return Reply.REFUSED, said
            raise NoAnswer(Why.GARBAGE, said) from None
        version = self._tls.get_protocol_version_name()
        return Reply.ACCEPTED, f"a second handshake was finished inside {version}"

    def _read_on(self) -> None:
        """What an application says meanwhile, a greeting, is passed over."""
        while self._tls.renegotiate_pending():
            try:
                self._tls.recv(4096)
            except SSL.WantReadError:
                if self._tls.renegotiate_pending():
                    raise

    async def _until(self, step: Callable[[], None], within: float) -> None:
        """Repeat ``step`` until it wants no more bytes. Raises SSL.Error, NoAnswer."""
        size = 0
        while True:
            try:
                step()
            except SSL.WantReadError:
                await self._send()
                data = await self._wire.recv(16_384, within)
                size += len(data)
                if not data:
                    raise NoAnswer(Why.ENDED, "the device closed the connection") from None
                if size > MAX_FLIGHT:
                    raise NoAnswer(Why.GARBAGE, f"more than {MAX_FLIGHT} bytes") from None
                self._tls.bio_write(data)
            except SSL.Error:
                await self._send()
                raise
            else:
                await self._send()
                return

    async def _send(self) -> None:
        try:
            while data := self._tls.bio_read(65_536):
                await self._wire.send(data)
        except SSL.WantReadError:
            pass


def _said(error: SSL.Error) -> str:
    """OpenSSL's words, those of its library that are about the alert."""
    reasons = [reason for _, _, reason in (error.args[0] if error.args else ()) if reason]
    return ", ".join(dict.fromkeys(reasons)) or type(error).__name__
