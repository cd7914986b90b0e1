"""The HTTP client against devices that behave and devices that do not."""

import asyncio

import pytest

from probe.collect.answers import NoAnswer, OutOfScope, Why
from probe.collect.web.http import MAX_HEAD, fetch, host_header

OK = b"HTTP/1.1 200 OK\r\n"


def answer(data, *, close=True):
    """A server that reads the request head and sends ``data``."""

    async def talk(reader, writer):
        talk.asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()
        if not close:
            await asyncio.sleep(30)

    return talk


async def test_a_page_is_read_and_kept(bench, serve):
    b = bench()
    talk = answer(OK + b"Server: GoAhead\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nhello")
    async with serve(talk) as port:
        got = await fetch(
            b.session, "127.0.0.1", port, path="/a b?x=\u00e9", headers=[("X-A", "1")]
        )
    assert (got.status, got.reason, got.body, got.truncated) == (200, "OK", b"hello", False)
    assert got.header("server") == "GoAhead"
    assert got.values("set-cookie") == ("a=1", "b=2")
    assert talk.asked.startswith(b"GET /a%20b?x=%C3%A9 HTTP/1.1\r\n")
    assert b"X-A: 1" in talk.asked
    assert b"Connection: close" in talk.asked
    assert b"hello".hex().encode() in b.recorded.evidence[got.proof.sha256]


async def test_a_post_carries_its_body(bench, serve):
    b = bench()
    seen = bytearray()

    async def talk(reader, writer):
        seen.extend(await reader.readuntil(b"\r\n\r\n"))
        seen.extend(await reader.readexactly(3))
        writer.write(OK + b"Content-Length: 0\r\n\r\n")

    async with serve(talk) as port:
        got = await fetch(b.session, "127.0.0.1", port, method="POST", body=b"a=1")
    assert got.status == 200
    assert b"Content-Length: 3\r\n" in seen
    assert seen.endswith(b"a=1")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", Why.ENDED),
        (b"SSH-2.0-dropbear\r\n\r\n", Why.GARBAGE),
        (b"\x00\x01\x02\xff" * 40, Why.GARBAGE),
        (OK + b"A: " + b"x" * (MAX_HEAD + 10), Why.GARBAGE),
        (OK + b"broken header\r\n\r\n", Why.GARBAGE),
        (OK + b"A: b\r\n", Why.GARBAGE),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, Why.GARBAGE),
    ],
)
async def test_what_is_not_http_is_no_answer(bench, serve, data, why):
    b = bench()
    async with serve(answer(data)) as port:
        with pytest.raises(NoAnswer) as error:
            await fetch(b.session, "127.0.0.1", port, within=1.0)
    assert error.value.why is why
    assert error.value.proof is not None
    assert error.value.proof.sha256 in b.recorded.evidence


async def test_silence_after_the_request_is_silence(bench, serve):
    b = bench()
    async with serve(answer(b"", close=False)) as port:
        with pytest.raises(NoAnswer) as error:
            await fetch(b.session, "127.0.0.1", port, within=0.2)
    assert error.value.why is Why.SILENT


async def test_an_endless_body_is_cut(bench, serve):
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    b = bench()
    async with serve(talk) as port:
        got = await asyncio.wait_for(fetch(b.session, "127.0.0.1", port, limit=1000), 5)
    assert got.truncated
    assert got.body == b"x" * 1000


async def test_a_dribbling_body_ends_with_the_deadline(bench, serve):
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    b = bench()
    async with serve(talk) as port:
        got = await asyncio.wait_for(fetch(b.session, "127.0.0.1", port, within=0.5), 3)
    assert got.truncated
    assert 0 < len(got.body) < 30


async def test_escapes_in_headers_are_cleaned(bench, serve):
    b = bench()
    async with serve(answer(OK + b"Server: \x1b[31mred\xe2\x80\xae\r\n\r\n")) as port:
        got = await fetch(b.session, "127.0.0.1", port)
    assert "red" in got.header("server")
    assert got.header("server").isprintable()


async def test_nothing_leaves_the_scope(bench):
    with pytest.raises(OutOfScope):
        await fetch(bench().session, "192.0.2.1", 80)


async def test_a_header_that_cannot_be_sent_is_no_answer(bench, serve):
    b = bench()
    async with serve(answer(OK + b"\r\n")) as port:
        with pytest.raises(NoAnswer) as error:
            await fetch(b.session, "127.0.0.1", port, headers=[("Cookie", "a\r\nEvil: 1")])
    assert error.value.why is Why.GARBAGE


def test_host_header():
    assert host_header("2001:db8::1", 80, False) == "[2001:db8::1]"
    assert host_header("192.0.2.1", 443, True) == "192.0.2.1"
    assert host_header("192.0.2.1", 80, True) == "192.0.2.1:80"


async def test_a_pause_is_no_delay_of_the_device(bench, serve):
    b = bench()
    gate = b.session.budget.gate

    async def paused(wire):
        gate.close("paused")
        asyncio.get_running_loop().call_later(0.6, gate.open, "paused")

    b.session.opening = paused
    async with serve(answer(OK + b"\r\nhello")) as port:
        got = await fetch(b.session, "127.0.0.1", port, within=0.4)
    assert got.status == 200
    assert got.seconds < 0.4
