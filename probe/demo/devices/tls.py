"""TLS for the reference devices, with the alerts that real devices send.

The event loop's own TLS drops the alert of a failed handshake, which a client sees as a plain close.
"""

import asyncio
import contextlib
import ssl

CHUNK = 65_536


class TlsStream:
    """TLS as server over a plain stream. ``reader`` gives what came inside it."""

    def __init__(
        self,
        outer: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: ssl.SSLContext,
        limit: int,
    ) -> None:
        self._outer, self._writer = outer, writer
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self.reader = asyncio.StreamReader(limit=limit)
        self._pump: asyncio.Task[None] | None = None

    async def handshake(self) -> None:
        """Raises ssl.SSLError after the alert was sent, EOFError when the client went away."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._outer.read(CHUNK)
                if not data:
                    raise EOFError("the client closed during the handshake") from None
                self._in.write(data)
            else:
                break
            finally:
                await self._flush()
        self._pump = asyncio.ensure_future(self._pump_in())

    async def write(self, data: bytes) -> None:
        self._tls.write(data)
        await self._flush()

    async def close(self) -> None:
        """Say close_notify; the plain stream is left for the caller to close."""
        if self._pump is not None:
            self._pump.cancel()
        with contextlib.suppress(ssl.SSLError, OSError):
            self._tls.unwrap()
        with contextlib.suppress(OSError):
            await self._flush()

    async def _pump_in(self) -> None:
        try:
            # The last handshake flight may have brought the first request with it.
            self._take_in()
            while data := await self._outer.read(CHUNK):
                self._in.write(data)
                self._take_in()
        except (OSError, ssl.SSLError):
            pass  # A broken or closed session: what came so far is all there is.
        finally:
            self.reader.feed_eof()

    def _take_in(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            while inside := self._tls.read(CHUNK):
                self.reader.feed_data(inside)

    async def _flush(self) -> None:
        if self._out.pending:
            self._writer.write(self._out.read())
            await self._writer.drain()
