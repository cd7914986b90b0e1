"""A web server made of one function, over TCP or TLS, on any address: what the web twins stand on."""

import asyncio
import json
import ssl
import subprocess
import sys
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    target: str
    fields: dict[str, str]
    body: str

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def form(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(self.body, keep_blank_values=True).items()}

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def cookies(self) -> dict[str, str]:
        pairs = self.fields.get("cookie", "").split(";")
        return dict(p.strip().partition("=")[::2] for p in pairs)


Answer = tuple[int, list[tuple[str, str]], str]
"""Status, headers, body."""
Handler = Callable[[Request], Answer]


def site(handler: Handler) -> Callable[..., Awaitable[None]]:
    """What ``asyncio.start_server`` calls for each connection: one request, one answer."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split(" ", 2)
        lines = (line.partition(":") for line in head.split("\r\n")[1:])
        fields = {k.lower(): v.strip() for k, _, v in lines}
        body = (await reader.readexactly(int(fields.get("content-length", 0)))).decode()
        status, headers, text = handler(Request(method, target, fields, body))
        out = [f"HTTP/1.1 {status} X", f"Content-Length: {len(text.encode())}"]
        out += [f"{k}: {v}" for k, v in headers]
        writer.write(("\r\n".join([*out, "Connection: close"]) + "\r\n\r\n" + text).encode())
        await writer.drain()

    return talk


async def serve(
    handler: Handler, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> int:
    """Serve ``handler`` as long as the event loop runs; the port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await site(handler)(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, host, port, ssl=tls)
    KEPT.append(server)
    return int(server.sockets[0].getsockname()[1])


KEPT: list[asyncio.Server] = []


def certificate(folder: Path, *, old: bool = False) -> ssl.SSLContext:
    """A server context with a throw-away certificate; ``old``: TLS 1.0 and nothing later."""
    key, crt = folder / "twin.key", folder / "twin.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=twin", "-keyout", str(key), "-out", str(crt)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if old:
        with warnings.catch_warnings(action="ignore"):
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(crt, key)
    return context


def run(twins: dict[str, Callable[[], Handler]]) -> None:
    """``python FILE NAME [PORT]``: one twin on its own, until it is interrupted."""

    async def main(name: str, port: int) -> None:
        print(await serve(twins[name](), port=port), flush=True)
        await asyncio.Event().wait()

    if len(sys.argv) < 2 or sys.argv[1] not in twins:
        sys.exit("names: " + " ".join(twins))
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
