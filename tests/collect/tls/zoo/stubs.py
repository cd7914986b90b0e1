"""The broken kinds by name, as ``zoo.toml`` asks for them. ``pace`` shortens all their waiting alike."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from probe.collect.tls.suites import table
from zoo.posture import Posture
from zoo.stack import (
    Hello,
    OneAtATime,
    Reader,
    Reply,
    Stub,
    Writer,
    alert,
    close,
    read_hello,
    record,
    reset,
    server_hello,
    silence,
)

Talk = Callable[[Reader, Writer], Awaitable[None]]
ENDS: Mapping[str, Reply] = {"alert": alert(40), "close": close, "reset": reset, "silence": silence}
NUMBERS = {
    "SSLv3": 0x0300,
    "TLSv1.0": 0x0301,
    "TLSv1.1": 0x0302,
    "TLSv1.2": 0x0303,
    "TLSv1.3": 0x0304,
}


@dataclass
class Intolerant(Stub):
    """Resets a hello for TLS 1.3."""

    def decide(self, hello: Hello) -> bytes | Reply:
        return reset if hello.version == 0x0304 else super().decide(hello)


@dataclass
class Queue(Stub):
    """Serves one connection after the other and lets the kernel keep the next ones waiting."""

    handshake_s: float = 0.15
    turn: asyncio.Lock | None = None

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        self.turn = self.turn or asyncio.Lock()
        async with self.turn:
            await asyncio.sleep(self.handshake_s)
            await super().__call__(reader, writer)


@dataclass
class Ssl2(Stub):
    """Answers a hello of SSLv2 too (draft-hickman-netscape-ssl, SERVER-HELLO)."""

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        head = await reader.readexactly(2)
        again = asyncio.StreamReader()
        if not head[0] & 0x80:
            again.feed_data(head + (rest := await reader.readexactly(3)))
            again.feed_data(await reader.readexactly(int.from_bytes(rest[1:], "big")))
            await super().__call__(again, writer)
            return
        await reader.readexactly(int.from_bytes(head, "big") & 0x7FFF)
        specs, identity = b"\1\0\x80\7\0\xc0", bytes(16)
        lengths = b"".join(len(v).to_bytes(2, "big") for v in (self.certificate, specs, identity))
        body = b"\4\0\1\0\2" + lengths + self.certificate + specs + identity
        writer.write((0x8000 | len(body)).to_bytes(2, "big") + body)
        await writer.drain()


def said(text: str) -> Talk:
    """Whatever is sent, the same text comes back."""

    async def talk(reader: Reader, writer: Writer) -> None:
        await reader.read(100)
        writer.write(text.encode("latin-1"))
        await writer.drain()

    return talk


def tarpit(pace: float) -> Talk:
    """A byte every two seconds, for ever."""

    async def talk(reader: Reader, writer: Writer) -> None:
        for byte in server_hello(0x0303, 0xC02F):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(2.0 * pace)

    return talk


async def endless(reader: Reader, writer: Writer) -> None:
    """100 MB of handshake behind a ServerHello."""
    hello = await read_hello(reader)
    chosen = next((s for s in hello.suites if s == 0xC02F), None)
    if chosen is None or hello.version < 0x0303:
        await alert(70 if hello.version < 0x0303 else 40)(writer)
        return
    writer.write(server_hello(0x0303, chosen)[:-4])
    for _ in range(100_000_000 // 16_000):
        writer.write(record(22, b"\x16\0\x3e\x7c" + bytes(15_996)))
        await writer.drain()


STACKS: Mapping[str, type[Stub]] = {
    "plain": Stub,
    "intolerant": Intolerant,
    "queue": Queue,
    "one-at-a-time": OneAtATime,
    "ssl2": Ssl2,
}
SECONDS = ("handshake_s", "window_s")


def stub(posture: Posture, certificate: bytes, pace: float) -> Talk:
    """What a connection to the declared stub meets."""
    options: dict[str, Any] = dict(posture.stub)
    kind = options.pop("kind", "plain")
    if kind == "says":
        return said(options["text"])
    if kind == "tarpit":
        return tarpit(pace)
    if kind == "endless":
        return endless
    for name in ("refuse", "too_big"):
        if name in options:
            options[name] = ENDS[options[name]]
    if "known_extensions" in options:
        options["known_extensions"] = frozenset(options["known_extensions"])
    names = {name for listed in posture.suites.values() for name in listed}
    # Real devices take longer; tests that shorten the prober's waiting shorten theirs.
    made = STACKS[kind](
        versions=tuple(NUMBERS[v] for v in posture.versions if v in NUMBERS),
        suites=frozenset(n for n, s in table().items() if s.name in names),
        certificate=certificate,
        **options,
    )
    for name in SECONDS:
        if hasattr(made, name):
            setattr(made, name, getattr(made, name) * pace)
    return made


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[int]:
    """A server of that talk on a free port of loopback; yields the port."""
    running: set[asyncio.Task[None]] = set()

    async def one(reader: Reader, writer: Writer) -> None:
        me = asyncio.current_task()
        assert me is not None
        running.add(me)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            running.discard(me)

    server = await asyncio.start_server(one, "127.0.0.1", 0, family=socket.AF_INET)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(running):
            task.cancel()
