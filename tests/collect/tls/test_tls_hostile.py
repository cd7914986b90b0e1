"""Devices that are broken, busy or hostile: nothing false is ever said of them."""

import asyncio
import time
from typing import Any

import pytest
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

from probe.collect.tls import exchange, interview
from probe.collect.tls.collector import measure
from probe.collect.tls.names import announced_name
from probe.model.evidence import Coverage
from probe.model.observation import Announced
from probe.model.tls import TlsService

YES, NO, UNKNOWN = "accepted", "refused", "no answer"
NAMES = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """All waiting ten times shorter; the rules stay as they are."""
    for name in (
        *("FIRST_PATIENCE_S", "SECOND_PATIENCE_S", "SHORTEST_S", "LONGEST_S"),
        *("BACK_OFF_S", "GAP_S", "UNHEARD_S", "WINDOW_S"),
    ):
        monkeypatch.setattr(interview, name, getattr(interview, name) / 10)
    monkeypatch.setattr(exchange, "WHOLE_ANSWER_S", 1.2)


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
    assert list(result.versions.values()) == [NO, NO, NO, NO, YES, NO]
    assert result.suites == {"weak": NO, "phase-out": YES}
    assert result.service.hellos <= 24


async def half(writer: Writer) -> None:
    """An alert that breaks off before its number."""
    writer.write(record(21, bytes([2, 70]))[:-1])
    await writer.drain()


@pytest.mark.parametrize("reply", [reset, silence, half])
async def test_reset_and_silence_are_no_refusals(serve: Any, measured: Any, reply: Reply) -> None:
    stub = Stub(refuse=reply)
    async with serve(stub) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, YES, UNKNOWN]
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
    assert list(result.versions.values()) == [NO, NO, NO, YES, YES, UNKNOWN]


async def test_dribble(serve: Any, measured: Any) -> None:
    async with serve(Stub(versions=(0x0302, 0x0303), dribble=True)) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [NO, NO, NO, YES, YES, NO]


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
    assert list(result.versions.values()) == [NO, NO, YES, NO, NO, NO]


async def test_a_server_without_retry_request(serve: Any, measured: Any) -> None:
    class NoRetry(Stub):
        def decide(self, hello: Hello) -> bytes | Reply:
            if hello.version == 0x0304 and hello.size < 250:
                return alert(109)
            return super().decide(hello)

    async with serve(NoRetry(versions=(0x0303, 0x0304))) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [NO, NO, NO, NO, YES, YES]


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


@pytest.mark.parametrize("lockout", [None, 20])
async def test_one_connection_at_a_time(serve: Any, measured: Any, lockout: int | None) -> None:
    stub = OneAtATime(versions=(0x0301, 0x0303), handshake_s=0.015, window_s=0.5, lockout=lockout)
    async with serve(stub) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [NO, NO, YES, NO, YES, NO]
    assert stub.shut_until == 0.0, "the device's lock-out was triggered"


async def test_slow_signatures(serve: Any, measured: Any) -> None:
    """Slower than the shortest deadline, always: the deadline follows the device."""

    class Slow(Stub):
        async def __call__(self, reader: Reader, writer: Writer) -> None:
            await asyncio.sleep(0.15)
            await super().__call__(reader, writer)

    async with serve(Slow(versions=(0x0301, 0x0303))) as port:
        result = await measured(port)
    assert list(result.versions.values()) == [NO, NO, YES, NO, YES, NO]


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
