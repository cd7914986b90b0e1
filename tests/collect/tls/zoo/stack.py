"""A TLS stack without TLS: reads a hello, answers with a flight that never becomes a session."""

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from probe.collect.tls.suites import table

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Reply = Callable[[Writer], Awaitable[None]]

RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a HelloRetryRequest (RFC 8446 section 4.1.3)."""
SERVER_NAME, GROUPS, HEARTBEAT, VERSIONS, KEY_SHARE = 0, 10, 15, 43, 51
RENEGOTIATION = 0xFF01


@dataclass
class Hello:
    """What a stub reads from a ClientHello."""

    version: int
    suites: list[int]
    size: int
    compressions: bytes = b"\0"
    extensions: dict[int, bytes] = field(default_factory=dict)


async def read_hello(reader: Reader) -> Hello:
    head = await reader.readexactly(5)
    if head[0] & 0x80:  # the CLIENT-HELLO of SSLv2
        rest = await reader.readexactly(int.from_bytes(head[:2], "big") - 0x8003)
        return Hello(0x0002, [], 5 + len(rest))
    body = await reader.readexactly(int.from_bytes(head[3:5], "big"))
    try:
        return parse_hello(body)
    except (IndexError, struct.error):
        raise ConnectionError("no ClientHello") from None  # a scanner's probe for some weakness


def parse_hello(body: bytes) -> Hello:
    """``body``: the handshake message without the record's header."""
    version = int.from_bytes(body[4:6], "big")
    at = 38 + 1 + body[38]
    count = int.from_bytes(body[at : at + 2], "big")
    suites = list(struct.unpack(f">{count // 2}H", body[at + 2 : at + 2 + count]))
    at += 2 + count
    compressions = body[at + 1 : at + 1 + body[at]]
    at += 1 + body[at] + 2
    extensions: dict[int, bytes] = {}
    while at + 4 <= len(body):
        kind, length = struct.unpack(">HH", body[at : at + 4])
        extensions[kind] = body[at + 4 : at + 4 + length]
        at += 4 + length
    if b"\3\4" in extensions.get(VERSIONS, b""):
        version = 0x0304
    return Hello(version, suites, 5 + len(body), compressions, extensions)


def record(kind: int, payload: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(payload).to_bytes(2, "big") + payload


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def server_hello(
    version: int,
    suite: int,
    *,
    compression: int = 0,
    extensions: bytes = b"",
    certificate: bytes = b"",
    key_exchange: bytes = b"",
) -> bytes:
    """A ServerHello to ServerHelloDone; for TLS 1.3 a HelloRetryRequest that wants X25519."""
    tls13 = version == 0x0304
    body = min(version, 0x0303).to_bytes(2, "big") + (RETRY if tls13 else bytes(32))
    body += b"\0" + suite.to_bytes(2, "big") + bytes([compression])
    if tls13:
        extensions = b"\0\x2b\0\2\3\4" + b"\0\x33\0\2\0\x1d"
    if extensions:
        body += len(extensions).to_bytes(2, "big") + extensions
    flight = message(2, body)
    if tls13:
        return record(22, flight)
    if certificate:
        one = len(certificate).to_bytes(3, "big") + certificate
        flight += message(11, len(one).to_bytes(3, "big") + one)
    if key_exchange:
        flight += message(12, key_exchange)
    return record(22, flight + b"\x0e\0\0\0")


# --- ways to refuse ------------------------------------------------------------------------------


def alert(number: int) -> Reply:
    async def reply(writer: Writer) -> None:
        writer.write(record(21, bytes([2, number])))
        await writer.drain()

    return reply


async def close(writer: Writer) -> None:
    """An orderly end without a word."""


async def reset(writer: Writer) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silence(writer: Writer) -> None:
    await asyncio.sleep(30)


# --- the stack -----------------------------------------------------------------------------------


@dataclass
class Stub:
    """Accepts some versions and suites, and refuses in its own way."""

    versions: tuple[int, ...] = (0x0303,)
    suites: frozenset[int] = frozenset({0xC02F, 0xC013, 0x002F, 0x1301})
    refuse: Reply = field(default_factory=lambda: alert(40))
    refuse_version: Reply | None = None
    max_size: int = 10_000
    max_suites: int = 1_000
    too_big: Reply = close
    known_extensions: frozenset[int] | None = None
    """A hello with any other meets a reset; None: all are well."""
    dribble: bool = False
    certificate: bytes = b""
    dh_bytes: int = 0
    """Length of the prime that DHE suites are answered with; 0: no ServerKeyExchange is sent."""
    deflate: bool = False
    heartbeat: bool = False
    renegotiation: bool = False
    hellos: list[Hello] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    most: int = 10_000
    """After so many hellos it only knows how to refuse."""

    def decide(self, hello: Hello) -> bytes | Reply:
        if hello.size > self.max_size or len(hello.suites) > self.max_suites:
            return self.too_big
        if self.known_extensions is not None and hello.extensions.keys() - self.known_extensions:
            return reset
        if len(self.hellos) > self.most:
            return self.refuse
        if hello.version == 0x0304:
            possible = [v for v in self.versions if v == 0x0304]
        else:
            possible = [v for v in self.versions if v <= hello.version]
        if not possible:
            return self.refuse_version or self.refuse
        new = max(possible)
        common = [
            s
            for s in hello.suites
            if s in self.suites and (new > 0x0302 or not table()[s].since_tls12)
        ]
        return self.accept(hello, new, common[0]) if common else self.refuse

    def accept(self, hello: Hello, version: int, suite: int) -> bytes:
        extensions = b""
        if self.heartbeat and HEARTBEAT in hello.extensions:
            extensions += struct.pack(">HHB", HEARTBEAT, 1, 1)
        if self.renegotiation and RENEGOTIATION in hello.extensions:
            extensions += struct.pack(">HHB", RENEGOTIATION, 1, 0)
        return server_hello(
            version,
            suite,
            compression=int(self.deflate and 1 in hello.compressions),
            extensions=extensions,
            certificate=self.certificate,
            key_exchange=self._dh(version) if "DHE_" in table()[suite].name else b"",
        )

    def _dh(self, version: int) -> bytes:
        if not self.dh_bytes:
            return b""
        signature = b"\x04\x01" if version > 0x0302 else b""
        values = (b"\xff" * self.dh_bytes, b"\2", b"\x7f" * self.dh_bytes, b"\1" * 256)
        *numbers, signed = (len(v).to_bytes(2, "big") + v for v in values)
        return b"".join(numbers) + signature + signed

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        hello = await read_hello(reader)
        self.hellos.append(hello)
        self.times.append(time.monotonic())
        reply = self.decide(hello)
        if not isinstance(reply, bytes):
            await reply(writer)
            return
        if self.dribble:
            for byte in reply:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.001)
        else:
            writer.write(reply)
            await writer.drain()
        await reader.read(1)


@dataclass
class OneAtATime(Stub):
    """Busy for a while with each connection; whoever comes meanwhile meets a reset."""

    handshake_s: float = 0.15
    lockout: int | None = None
    """More connections than this within the window shut the device for as long."""
    window_s: float = 5.0
    busy: bool = False
    at_once: int = 0
    shut_until: float = 0.0
    knocks: list[float] = field(default_factory=list)

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        now = time.monotonic()
        self.knocks.append(now)
        recent = [t for t in self.knocks if t > now - self.window_s]
        if self.lockout and len(recent) > self.lockout:
            self.shut_until = now + self.window_s
        if self.busy or now < self.shut_until:
            self.at_once += self.busy
            await reset(writer)
            return
        self.busy = True
        try:
            await super().__call__(reader, writer)
            writer.close()
            await asyncio.sleep(self.handshake_s)
        finally:
            self.busy = False
