"""Devices that are broken, busy or hostile: nothing false is ever said of them."""

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from probe.collect.tls import exchange, interview
from probe.collect.tls.collector import announced_name, measure
from probe.collect.tls.suites import table
from probe.model.evidence import Coverage
from probe.model.observation import Announced
from probe.model.tls import TlsService

YES, NO, UNKNOWN = "accepted", "refused", "no answer"
NAMES = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Reply = Callable[[Writer], Awaitable[None]]

RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """All waiting ten times shorter; the rules stay as they are."""
    for name in (
        *("FIRST_PATIENCE_S", "SECOND_PATIENCE_S", "SHORTEST_S", "LONGEST_S"),
        *("BACK_OFF_S", "GAP_S", "UNHEARD_S"),
    ):
        monkeypatch.setattr(interview, name, getattr(interview, name) / 10)
    monkeypatch.setattr(exchange, "WHOLE_ANSWER_S", 1.2)


# --- a TLS stack without TLS ---------------------------------------------------------------------


@dataclass
class Hello:
    """What a stub reads from a ClientHello."""

    version: int
    suites: list[int]
    size: int


async def read_hello(reader: Reader) -> Hello:
    head = await reader.readexactly(5)
    body = await reader.readexactly(int.from_bytes(head[3:5], "big"))
    version = int.from_bytes(body[4:6], "big")
    at = 38 + 1 + body[38]
    count = int.from_bytes(body[at : at + 2], "big")
    suites = list(struct.unpack(f">{count // 2}H", body[at + 2 : at + 2 + count]))
    if b"\0\x2b\0\3\2\3\4" in body:
        version = 0x0304
    return Hello(version, suites, 5 + len(body))


def record(kind: int, payload: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(payload).to_bytes(2, "big") + payload


def server_hello(version: int, suite: int) -> bytes:
    tls13 = version == 0x0304
    body = min(version, 0x0303).to_bytes(2, "big") + (RETRY if tls13 else bytes(32))
    body += b"\0" + suite.to_bytes(2, "big") + b"\0"
    if tls13:
        extensions = b"\0\x2b\0\2\3\4" + b"\0\x33\0\2\0\x1d"
        body += len(extensions).to_bytes(2, "big") + extensions
    hello = b"\2" + len(body).to_bytes(3, "big") + body
    return record(22, hello if tls13 else hello + b"\x0e\0\0\0")


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
    dribble: bool = False
    hellos: list[Hello] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    most: int = 10_000
    """After so many hellos it only knows how to refuse."""

    def decide(self, hello: Hello) -> bytes | Reply:
        if hello.size > self.max_size or len(hello.suites) > self.max_suites:
            return self.too_big
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
        return server_hello(new, common[0]) if common else self.refuse

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


def nothing_false(result: Any, versions: tuple[int, ...]) -> None:
    """Whatever is said of a version is true, or it is said that nothing is known."""
    for number, name in enumerate(NAMES, 0x0300):
        truth = YES if number in versions else NO
        assert result.versions[name] in (truth, UNKNOWN), name


# --- the devices -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [alert(40), alert(70), alert(80), alert(47), close])
async def test_ways_to_refuse_that_are_refusals(serve: Any, measured: Any, reply: Reply) -> None:
    stub = Stub(refuse=reply)
    async with serve(stub) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [NO, NO, NO, YES, NO]
    assert result.suites == {"weak": NO, "phase-out": YES}
    assert result.service.hellos <= 24


@pytest.mark.parametrize("reply", [reset, silence])
async def test_reset_and_silence_are_no_refusals(serve: Any, measured: Any, reply: Reply) -> None:
    stub = Stub(refuse=reply)
    async with serve(stub) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [UNKNOWN, UNKNOWN, UNKNOWN, YES, UNKNOWN]
    assert result.suites == {"weak": UNKNOWN, "phase-out": YES}
    detail = next(v.detail for v in result.service.versions if v.name == "TLSv1.0")
    assert "while a control hello worked" in detail


@pytest.mark.parametrize("reply", [reset, silence, close])
async def test_nothing_but_the_same(serve: Any, measured: Any, reply: Reply) -> None:
    stub = Stub(versions=(), refuse=reply)
    async with serve(stub) as port:
        began = time.monotonic()
        result = await measured(port)
    assert result.service is None
    assert result.missing.owner in ("device", "network")
    assert result.missing.settle
    assert len(stub.hellos) <= 21
    assert time.monotonic() - began < 4


async def test_alerts_to_everything_are_no_clean_bill(serve: Any, measured: Any) -> None:
    stub = Stub(versions=())
    async with serve(stub) as port:
        result = await measured(port)
    assert result.service is None
    assert "accepted none" in result.missing.reason


async def test_closed_port(measured: Any, free_port: int) -> None:
    result = await measured(free_port)
    assert result.service is None
    assert result.missing.owner == "device"


@pytest.mark.parametrize("most", [1, 2, 4, 7])
@pytest.mark.parametrize("reply", [alert(40), alert(70), close, reset])
async def test_a_device_that_gives_up_on_the_way(
    serve: Any, measured: Any, most: int, reply: Reply
) -> None:
    """It accepts everything old, but after some hellos it refuses whatever comes."""
    every = (0x0300, 0x0301, 0x0302, 0x0303)
    rc4 = frozenset({0xC02F, 0x002F, 0x0005})
    stub = Stub(versions=every, suites=rc4, refuse=reply, most=most)
    async with serve(stub) as port:
        result = await measured(port)
    if result.service is not None:
        nothing_false(result, every)
        assert result.suites["weak"] in (YES, UNKNOWN)


@pytest.mark.parametrize("limit", [{"max_size": 256}, {"max_suites": 32}])
@pytest.mark.parametrize("too_big", [close, reset, silence, alert(50)])
async def test_hellos_that_are_too_big(
    serve: Any, measured: Any, limit: dict[str, int], too_big: Reply
) -> None:
    stub = Stub(versions=(0x0301, 0x0303), too_big=too_big, **limit)
    async with serve(stub) as port:
        result = await measured(port)
    nothing_false(result, (0x0301, 0x0303))
    assert result.versions["TLSv1.2"] == YES
    assert result.versions["TLSv1.0"] == YES
    assert result.suites["weak"] in (NO, UNKNOWN)
    assert result.service.hellos <= interview.MOST_HELLOS


async def test_intolerance_of_tls13_is_not_taken_for_no_tls(serve: Any, measured: Any) -> None:
    class Intolerant(Stub):
        def decide(self, hello: Hello) -> bytes | Reply:
            return reset if hello.version == 0x0304 else super().decide(hello)

    async with serve(Intolerant(versions=(0x0302, 0x0303))) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [NO, NO, YES, YES, UNKNOWN]


async def test_dribble(serve: Any, measured: Any) -> None:
    async with serve(Stub(versions=(0x0302, 0x0303), dribble=True)) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [NO, NO, YES, YES, NO]


async def test_tarpit(serve: Any, measured: Any) -> None:
    async def talk(reader: Reader, writer: Writer) -> None:
        for byte in server_hello(0x0303, 0xC02F):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.2)

    async with serve(talk) as port:
        began = time.monotonic()
        result = await measured(port)
    assert result.service is None
    assert time.monotonic() - began < 5


async def test_lower_version_chosen(serve: Any, measured: Any) -> None:
    async with serve(Stub(versions=(0x0301,))) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [NO, YES, NO, NO, NO]


async def test_a_server_without_retry_request(serve: Any, measured: Any) -> None:
    class NoRetry(Stub):
        def decide(self, hello: Hello) -> bytes | Reply:
            if hello.version == 0x0304 and hello.size < 250:
                return alert(109)
            return super().decide(hello)

    async with serve(NoRetry(versions=(0x0303, 0x0304))) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [NO, NO, NO, YES, YES]


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x1b[2J\x1b[31mroot\r\n",
        bytes(4096),
        server_hello(0x0303, 0x4A4A),
        server_hello(0x0303, 0xC02F).replace(b"\3\3\0\0\0\0", b"\3\5\0\0\0\0", 1),
        server_hello(0x0303, 0xC02F).replace(b"\3\3\0\0\0\0", b"\2\0\0\0\0\0", 1),
        record(22, b"\2\0\0\4abcd"),
        record(22, b"\xff" * 8000),
    ],
    ids=lambda said: said[:12].hex(),
)
async def test_garbage(serve: Any, measured: Any, said: bytes) -> None:
    async def talk(reader: Reader, writer: Writer) -> None:
        await reader.read(100)
        writer.write(said)
        await writer.drain()

    async with serve(talk) as port:
        result = await measured(port)
    assert result.service is None
    assert "\x1b" not in result.missing.reason


async def test_a_handshake_without_end(serve: Any, measured: Any) -> None:
    sent = 0

    async def talk(reader: Reader, writer: Writer) -> None:
        nonlocal sent
        await read_hello(reader)
        writer.write(server_hello(0x0303, 0xC02F)[:-4])
        for _ in range(100_000_000 // 16_000):
            writer.write(record(22, b"\x16\0\x3e\x7c" + bytes(15_996)))
            await writer.drain()
            sent += 16_000

    async with serve(talk) as port:
        began = time.monotonic()
        result = await measured(port)
    assert time.monotonic() - began < 10
    assert result.versions["TLSv1.2"] == YES
    assert sent < 100_000_000  # over all connections together
    assert all(label.size < 400_000 for label in result.recorded.labels)


class OneAtATime(Stub):
    """Busy for a while with each connection; whoever comes meanwhile meets a reset."""

    busy = False
    at_once = 0
    shut_until = 0.0
    lockout: int | None = None

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        now = time.monotonic()
        self.times.append(now)
        if self.lockout and len([t for t in self.times if t > now - 0.5]) > self.lockout:
            self.shut_until = now + 0.5
        if self.busy or now < self.shut_until:
            self.at_once += self.busy
            await reset(writer)
            return
        self.busy = True
        try:
            await super().__call__(reader, writer)
            writer.close()
            await asyncio.sleep(0.015)
        finally:
            self.busy = False


@pytest.mark.parametrize("lockout", [None, 20])
async def test_one_connection_at_a_time(serve: Any, measured: Any, lockout: int | None) -> None:
    stub = OneAtATime(versions=(0x0301, 0x0303))
    stub.lockout = lockout
    async with serve(stub) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [NO, YES, NO, YES, NO]
    assert stub.shut_until == 0.0, "the device's lock-out was triggered"


async def test_slow_signatures(serve: Any, measured: Any) -> None:
    """Slower than the shortest deadline, always: the deadline follows the device."""

    class Slow(Stub):
        async def __call__(self, reader: Reader, writer: Writer) -> None:
            await asyncio.sleep(0.15)
            await super().__call__(reader, writer)

    async with serve(Slow(versions=(0x0301, 0x0303))) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [NO, YES, NO, YES, NO]


class NeedsName(Stub):
    """Refuses every hello without the right server name."""

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        head = await reader.readexactly(5)
        body = await reader.readexactly(int.from_bytes(head[3:5], "big"))
        again = asyncio.StreamReader()
        again.feed_data(head + body)
        self.refuse = alert(112)
        self.most = 0 if b"cam-1.local" not in body else 10_000
        await super().__call__(again, writer)


async def test_an_announced_name_is_sent_when_nothing_else_works(serve: Any, bench: Any) -> None:
    made = bench("127.0.0.1")
    made.session.observe(
        Announced(via="mdns", name="cam-1.local", kind="host", port=None),
        Coverage(tried="mdns", times=1, deadline_s=1.0),
    )
    async with serve(NeedsName(versions=(0x0303,))) as port:
        await measure(made.session, "127.0.0.1", port)
    (service,) = made.recorded.facts(TlsService)
    assert {v.name: v.reply.value for v in service.versions}["TLSv1.2"] == YES


@pytest.mark.parametrize("name", ["127.0.0.1", "a b.local", "fe80::1", "x" * 200 + ".local", "cam"])
def test_what_is_no_host_name_is_never_sent(bench: Any, name: str) -> None:
    made = bench("127.0.0.1")
    made.session.observe(
        Announced(via="mdns", name=name, kind="host", port=None),
        Coverage(tried="mdns", times=1, deadline_s=1.0),
    )
    assert announced_name(made.dut) is None
