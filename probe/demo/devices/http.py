"""A small HTTP/1.1 server for the reference devices: one request for each connection."""

import asyncio
import base64
import binascii
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from probe.demo.devices.tls import TlsStream

MAX_HEAD = 16_384
MAX_BODY = 65_536
PATIENCE_S = 10.0
REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
           404: "Not Found", 429: "Too Many Requests"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the client asked; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    def form(self) -> dict[str, str]:
        """The fields of an URL-encoded form."""
        return dict(parse_qsl(self.body.decode(errors="replace")))

    def basic(self) -> tuple[str, str] | None:
        """User name and password of an ``Authorization: Basic`` header."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(token).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return user, password


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the device answers."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)

    def encode(self, *, with_body: bool) -> bytes:
        lines = [
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Status')}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        return head + (self.body if with_body else b"")


Handler = Callable[[Request], Awaitable[Response]]


def page(title: str, body: str, status: int = 200, **headers: str) -> Response:
    """An HTML page. Underscores in header names become hyphens."""
    html = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{body}</body></html>\n"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status=status, body=html.encode(), headers=named)


async def serve_http(
    handler: Handler, host: str | None, port: int, *, context: ssl.SSLContext | None = None
) -> asyncio.Server:
    """Listen on ``host`` and ``port`` and answer every request with ``handler``."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls = None if context is None else TlsStream(reader, writer, context, MAX_HEAD)
        try:
            if tls is None:
                writer.write(await _answer(handler, reader))
            else:
                await asyncio.wait_for(tls.handshake(), PATIENCE_S)
                await tls.write(await _answer(handler, tls.reader))
                await tls.close()
            await asyncio.wait_for(writer.drain(), PATIENCE_S)
        except (OSError, EOFError, TimeoutError, ValueError):
            pass  # The client went away, dawdled or spoke no TLS: nothing is owed to it.
        finally:
            writer.close()

    return await asyncio.start_server(connected, host, port, limit=MAX_HEAD)


async def _answer(handler: Handler, reader: asyncio.StreamReader) -> bytes:
    request = await asyncio.wait_for(_read(reader), PATIENCE_S)
    if request is None:
        return Response(status=400).encode(with_body=True)
    response = await handler(request)
    return response.encode(with_body=request.method != "HEAD")


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            raise
        return None
    words = head[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return None
    headers = {}
    for line in head[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    size = int(headers.get("content-length", "0") or "0")
    body = await reader.readexactly(min(size, MAX_BODY)) if size > 0 else b""
    return Request(method=words[0], path=words[1], headers=headers, body=body)
