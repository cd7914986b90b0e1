"""A whole handshake, for what a service shows only encrypted (TLS 1.3): certificate, ticket, requests."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.tls.codec import TlsFormatError
from probe.collect.tls.codec.flight import MAX_CERTIFICATES, MAX_FLIGHT
from probe.collect.tls.codec.numbers import Content, Extension
from probe.collect.tls.codec.reading import Reader
from probe.collect.wire import Wire, permissive_context
from probe.model.evidence import EvidenceRef

WITHIN_S = 10.0
AFTERWARDS_S = 1.0
"""After our close_notify a server closes as well, and what it had to say before that has come."""
PROTOCOLS = ("http/1.1", "h2", "mqtt", "coap", "xmpp-client", "ftp", "imap", "pop3", "postgresql")
"""Offered by ALPN: registered names of what devices speak."""
_NEW_SESSION_TICKET, _CERTIFICATE_REQUEST = 4, 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a finished handshake showed. DER certificates, the device's own first."""

    ders: tuple[bytes, ...]
    whole: bool
    """All certificates that it sent, not only the first."""
    proof: EvidenceRef
    alpn: str = ""
    asked_for_alpn: bool = True
    tickets: int = 0
    max_early_data: int = 0
    """Bytes that the most generous ticket allows before the next handshake ends (RFC 8446 4.6.1)."""
    to_the_end: bool = False
    """Read until the service closed too: no further ticket was coming."""
    wants_client_certificate: bool | None = None
    """None when this Python does not show the messages."""


async def finish_handshake(
    session: DeviceSession,
    address: str,
    port: int,
    server_name: str | None,
    protocols: Sequence[str],
) -> Finished:
    """Finish a handshake that trusts anything and take what was presented. Raises NoAnswer."""
    handshake = _Handshake(server_name, protocols)
    try:
        async with (
            session.connect(address, port, within=WITHIN_S) as wire,
            asyncio.timeout(WITHIN_S),
        ):
            await handshake.carry_out(wire)
            ders, whole = _certificates(handshake.tls)
            transcript = session.keep_transcript(wire.transcript, "whole TLS handshake")
    except TimeoutError:
        raise NoAnswer(Why.SILENT, f"no finished handshake within {WITHIN_S:.0f} s") from None
    return Finished(
        ders=tuple(ders),
        whole=whole,
        proof=transcript,
        alpn=handshake.tls.selected_alpn_protocol() or "",
        asked_for_alpn=bool(protocols),
        tickets=len(handshake.tickets),
        max_early_data=max(handshake.tickets, default=0),
        to_the_end=handshake.closed,
        wants_client_certificate=handshake.wants_certificate if handshake.shown else None,
    )


class _Handshake:
    """One handshake over a Wire; the encrypted bytes go on the record as they are."""

    def __init__(self, server_name: str | None, protocols: Sequence[str]) -> None:
        context = permissive_context()
        if protocols:
            context.set_alpn_protocols(list(protocols))
        # The one way to the decrypted messages; without it the certificate still comes.
        self._watched = hasattr(context, "_msg_callback")
        if self._watched:
            context._msg_callback = self._saw  # type: ignore[attr-defined]
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname=server_name)
        self.tickets: list[int] = []
        """For each, how much early data it allows."""
        self.wants_certificate = self.shown = self.closed = False

    async def carry_out(self, wire: Wire) -> None:
        try:
            await self._until(wire, self.tls.do_handshake, WITHIN_S)
        except ssl.SSLError as error:
            raise NoAnswer(Why.GARBAGE, f"TLS handshake failed: {error.reason}") from None
        except EOFError:
            raise NoAnswer(Why.ENDED, "closed during the TLS handshake") from None
        try:
            self._say_goodbye()
            await self._until(wire, self._read_away, AFTERWARDS_S)
        except (EOFError, ssl.SSLZeroReturnError):
            self.closed = self._watched
        except (NoAnswer, OSError):
            pass  # It did not like the end: then nothing is known of what would have followed.

    def _say_goodbye(self) -> None:
        """Our close_notify; what the service still has to say may be read after it (RFC 8446 6.1)."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass

    def _read_away(self) -> None:
        while self.tls.read(4096):
            pass
        raise EOFError

    async def _until(self, wire: Wire, step: Any, within: float) -> None:
        """Repeat ``step`` until it wants no more bytes. Raises SSLError, EOFError, NoAnswer."""
        size = 0
        while True:
            try:
                step()
            except ssl.SSLWantReadError:
                await self._send(wire)
                data = await wire.recv(16_384, within)
                size += len(data)
                if not data:
                    raise EOFError from None
                if size > MAX_FLIGHT:
                    raise NoAnswer(Why.GARBAGE, f"more than {MAX_FLIGHT} bytes") from None
                self._in.write(data)
            else:
                await self._send(wire)
                return

    async def _send(self, wire: Wire) -> None:
        if data := self._out.read():
            await wire.send(data)

    def _saw(
        self, _: Any, direction: str, version: Any, kind: Any, message: Any, data: bytes
    ) -> None:
        """Called by ssl with every message, decrypted."""
        if direction != "read" or kind != Content.HANDSHAKE or len(data) < 4:
            return
        self.shown = True
        if data[0] == _CERTIFICATE_REQUEST:
            self.wants_certificate = True
        if data[0] == _NEW_SESSION_TICKET and version == ssl.TLSVersion.TLSv1_3:
            self.tickets.append(max_early_data(data[4:]))


def max_early_data(ticket: bytes) -> int:
    """What the body of a TLS 1.3 NewSessionTicket allows; 0 without the extension or when malformed."""
    try:
        reader = Reader(ticket, "NewSessionTicket")
        reader.take(8)
        reader.vector(1)
        reader.vector(2)
        listed = Reader(reader.vector(2), "NewSessionTicket extensions")
        while listed.left:
            kind, data = listed.number(2), listed.vector(2)
            if kind == Extension.EARLY_DATA:
                return int.from_bytes(data[:4], "big")
    except TlsFormatError:
        pass
    return 0


def _certificates(tls: ssl.SSLObject) -> tuple[Sequence[bytes], bool]:
    """What the peer sent. The chain has a public name only since Python 3.13."""
    public = getattr(tls, "get_unverified_chain", None)
    if public is not None:
        return public()[:MAX_CERTIFICATES], True
    private: Any = getattr(getattr(tls, "_sslobj", None), "get_unverified_chain", None)
    chain = private() if private is not None else None
    if chain:
        import _ssl

        return [c.public_bytes(_ssl.ENCODING_DER) for c in chain[:MAX_CERTIFICATES]], True
    leaf = tls.getpeercert(binary_form=True)
    return ([leaf] if leaf else []), False
