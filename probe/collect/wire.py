"""One TCP connection to the device with everything that went over it on record."""

import asyncio
import hashlib
import json
import socket
import ssl
import struct
import time
from collections.abc import Callable

from probe.collect.answers import NoAnswer, Why
from probe.collect.budget import Budget
from probe.collect.together import answer_within

MAX_TRANSCRIPT = 1 << 20
"""Bytes kept of one connection. More is read only where a protocol needs it, never kept."""

MAX_REST = 1 << 18
"""Bytes that are read and thrown away at the end, waiting for the peer's FIN. A flood is cut off."""


class Transcript:
    """Bytes sent and received with times, as JSON lines: ``{"t": s, "dir": ">", "hex": "…"}``."""

    media_type = "application/x-transcript+jsonl"

    def __init__(self, head: str) -> None:
        self._began = time.monotonic()
        self._lines = [json.dumps({"connection": head})]
        self._size = 0
        self.truncated = False

    def add(self, direction: str, data: bytes) -> None:
        """``direction`` is ``>`` to the device, ``<`` from it, ``#`` for a remark about it."""
        keep = data[: max(0, MAX_TRANSCRIPT - self._size)]
        self._size += len(keep)
        when = round(time.monotonic() - self._began, 4)
        if keep or not data:
            self._lines.append(json.dumps({"t": when, "dir": direction, "hex": keep.hex()}))
        if len(keep) < len(data) and not self.truncated:
            self.truncated = True
            self.remark(f"transcript ends here, limit of {MAX_TRANSCRIPT} bytes")

    def remark(self, text: str) -> None:
        when = round(time.monotonic() - self._began, 4)
        self._lines.append(json.dumps({"t": when, "dir": "#", "text": text}))

    def to_bytes(self) -> bytes:
        return ("\n".join(self._lines) + "\n").encode()


class Wire:
    """Made by ``DeviceSession.connect`` only."""

    def __init__(self, sock: socket.socket, budget: Budget, transcript: Transcript, within: float):
        self._sock, self._budget, self._within = sock, budget, within
        self._loop = asyncio.get_running_loop()
        self._tls: ssl.SSLObject | None = None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._reset = False
        self.transcript = transcript
        self.private = False
        """What comes belongs to others: the transcript has only its length and hash."""

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The finished TLS session, or None on a plain connection."""
        return self._tls

    async def send(self, data: bytes) -> None:
        """Send all of ``data``; raises NoAnswer when the connection is gone."""
        self.transcript.add(">", data)
        if self._tls is None:
            await self._raw_send(data)
            return
        self._tls.write(data)
        await self._raw_send(self._out.read())

    async def recv(self, limit: int = 65_536, within: float | None = None) -> bytes:
        """The next bytes, at most ``limit``; ``b""`` at the end of the stream.

        Raises NoAnswer(SILENT) when nothing comes ``within`` seconds, NoAnswer(RESET) on a reset.
        """
        data = await (
            self._raw_recv(limit, within) if self._tls is None else self._tls_recv(limit, within)
        )
        if self.private and data:
            digest = hashlib.sha256(data).hexdigest()
            self.transcript.remark(f"{len(data)} bytes received, not kept, SHA-256 {digest}")
        else:
            self.transcript.add("<", data)
        return data

    async def recv_until(
        self, done: Callable[[bytes], bool], *, limit: int, within: float | None = None
    ) -> bytes:
        """Bytes until ``done(all so far)``, the end of the stream, or ``limit`` bytes.

        ``within`` bounds the whole wait, so a device that dribbles cannot hold us. On silence what
        came so far is returned; NoAnswer(SILENT) only when nothing came at all.
        """
        until = self._budget.now() + (within or self._within)
        got = bytearray()
        while len(got) < limit and not done(bytes(got)):
            left = until - self._budget.now()
            try:
                if left <= 0:
                    raise NoAnswer(Why.SILENT, "the deadline passed")
                chunk = await self.recv(limit - len(got), left)
            except NoAnswer as error:
                if got and error.why is Why.SILENT:
                    break
                raise
            if not chunk:
                break
            got += chunk
        return bytes(got)

    async def start_tls(self, server_name: str | None = None, within: float | None = None) -> None:
        """Finish a TLS handshake that trusts anything: used to talk inside it, never to judge it.

        Raises NoAnswer when it does not succeed. An IP address is never sent as server name.
        """
        context = permissive_context()
        self._tls_pending = context.wrap_bio(self._in, self._out, server_hostname=server_name)
        until = self._budget.now() + (within or self._within)
        while True:
            try:
                self._tls_pending.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._raw_send(self._out.read())
                data = await self._raw_recv(65_536, self._left(until))
                if not data:
                    raise NoAnswer(Why.ENDED, "closed during the TLS handshake") from None
                self._in.write(data)
            except ssl.SSLError as error:
                raise NoAnswer(Why.GARBAGE, f"TLS handshake failed: {error.reason}") from None
        await self._raw_send(self._out.read())
        self._tls = self._tls_pending
        self.transcript.remark(f"TLS {self._tls.version()}, what follows was inside it")

    async def close(self, *, abort: bool = False) -> None:
        """Close fully and wait a moment for the peer's end, so that a one-connection device is free.

        ``abort`` sends a RST instead: no TIME_WAIT here, no half-closed socket there.
        """
        try:
            if not abort and not self._reset:
                self._budget.spent(2)
                self._sock.shutdown(socket.SHUT_WR)
                until, room = time.monotonic() + 0.3, MAX_REST
                while room > 0 and (left := until - time.monotonic()) > 0:
                    rest = await answer_within(self._loop.sock_recv(self._sock, 4096), left)
                    room = room - len(rest) if rest else 0
        except (OSError, TimeoutError):
            pass  # The peer is gone already or does not care; the close below is what counts.
        finally:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sock.close()

    def _left(self, until: float) -> float:
        """Seconds until the deadline; raises NoAnswer(SILENT) when it has passed, whatever still drips."""
        left = until - self._budget.now()
        if left <= 0:
            raise NoAnswer(Why.SILENT, "the deadline passed")
        return left

    async def _raw_send(self, data: bytes) -> None:
        if not data:
            return
        await self._budget.packet(1 + len(data) // 1400)
        try:
            await asyncio.wait_for(self._loop.sock_sendall(self._sock, data), self._within)
        except TimeoutError:
            raise NoAnswer(Why.SILENT, "the device stopped reading") from None
        except OSError as error:
            self._reset = True
            raise NoAnswer(Why.RESET, error.strerror or str(error)) from None

    async def _raw_recv(self, limit: int, within: float | None) -> bytes:
        wait = self._within if within is None else within
        try:
            data = await answer_within(self._loop.sock_recv(self._sock, limit), max(0.0, wait))
        except TimeoutError:
            raise NoAnswer(Why.SILENT, f"nothing within {wait:.1f} s") from None
        except OSError as error:
            self._reset = True
            raise NoAnswer(Why.RESET, error.strerror or str(error)) from None
        self._budget.spent()
        return data

    async def _tls_recv(self, limit: int, within: float | None) -> bytes:
        assert self._tls is not None
        until = self._budget.now() + (self._within if within is None else within)
        while True:
            try:
                return self._tls.read(limit)
            except ssl.SSLWantReadError:
                await self._raw_send(self._out.read())
                data = await self._raw_recv(65_536, self._left(until))
                if not data:
                    return b""
                self._in.write(data)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLError as error:
                raise NoAnswer(Why.GARBAGE, f"inside TLS: {error.reason}") from None


def permissive_context() -> ssl.SSLContext:
    """A client context that refuses nothing OpenSSL still has: the judging is done elsewhere."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)  # named since Python 3.12
    return context
