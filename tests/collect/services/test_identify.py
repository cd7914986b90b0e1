"""Identification on loopback: honest services, guarded and open ones, and devices that misbehave."""

import asyncio
import socket
import ssl
import struct
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from probe.collect.services.identify import identify, identify_further
from probe.model.observation import NotMeasured, OpenAccess, Service

HERE = "127.0.0.1"


async def found(bench, serve, talk, work=identify):
    b = bench()
    async with serve(talk) as port:
        began = time.monotonic()
        await asyncio.wait_for(work(b.session, HERE, port), 25)
        seconds = time.monotonic() - began
    for observation in b.recorded.observations:
        assert observation.proof
    [service] = b.recorded.facts(Service)
    return service, b.recorded.facts(OpenAccess), seconds


def says(greeting=b"", **answers):
    """Greets, then answers the first request that starts with a key (``_`` for any)."""

    async def talk(reader, writer):
        if greeting:
            writer.write(greeting)
            await writer.drain()
        while data := await reader.read(4096):
            for start, answer in answers.items():
                if start == "_" or data.startswith(start.encode("latin-1")):
                    writer.write(answer)
                    await writer.drain()
                    break
            else:
                return

    return talk


@pytest.mark.parametrize(
    ("talk", "protocol"),
    [
        (says(b"SSH-2.0-dropbear_2022.83\r\n"), "ssh"),
        (says(b"220 (vsFTPd 3.0.3)\r\n"), "ftp"),
        (says(b"\xff\xfd\x01\xff\xfb\x03\r\nlogin: "), "telnet"),
        (says(GET=b"HTTP/1.0 200 OK\r\nServer: x/1.2\r\n\r\nhi"), "http"),
    ],
)
async def test_common_services(bench, serve, talk, protocol):
    service, access, _ = await found(bench, serve, talk)
    assert service.protocol == protocol
    assert not access


@pytest.mark.parametrize(
    ("talk", "protocol", "open_to_all"),
    [
        (says(PING=b"+PONG\r\n"), "redis", True),
        (says(PING=b"-NOAUTH Authentication required.\r\n"), "redis", False),
        (says(**{"\x10": b"\x20\x02\x00\x05"}), "mqtt", False),
        (
            says(RTSP=b"", OPTIONS=b"RTSP/1.0 200 OK\r\n\r\n", DESCRIBE=b"RTSP/1.0 401 No\r\n\r\n"),
            "rtsp",
            False,
        ),
        (
            says(OPTIONS=b"RTSP/1.0 200 OK\r\n\r\n", DESCRIBE=b"RTSP/1.0 200 OK\r\n\r\nv=0\r\n"),
            "rtsp",
            True,
        ),
    ],
)
async def test_rarer_services_come_in_a_second_job(bench, serve, talk, protocol, open_to_all):
    service, access, _ = await found(bench, serve, talk, identify_further)
    assert service.protocol == protocol
    assert bool(access) is open_to_all
    if open_to_all:
        assert not service.refuses_strangers


@pytest.mark.parametrize(
    ("rtsp", "protocol"), [(b"RTSP/1.0 200 OK\r\n\r\n", "rtsp"), (b"", "http")]
)
async def test_a_server_of_streams_that_speaks_http_to_carry_them(bench, serve, rtsp, protocol):
    http = b"HTTP/1.0 404 Not Found\r\nServer: GStreamer RTSP Server\r\n\r\n"
    talk = says(GET=http, OPTIONS=rtsp, DESCRIBE=b"RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\n\r\n")
    service, _, _ = await found(bench, serve, talk)
    assert service.protocol == protocol
    assert service.refuses_strangers is (protocol == "rtsp")


NO_REGISTER = "answers to the reading of registers (exception 2: none at address 0)"


@pytest.mark.parametrize(
    ("by_unit", "what"),
    [
        ({1: b"\x03\x04\0\x2a\0\1"}, "two holding registers"),
        ({1: b"\x83\x0b", 255: b"\x03\x04\0\x2a\0\1"}, "two holding registers"),
        ({1: b"\x83\x02"}, NO_REGISTER),
        ({1: b"\x83\x01", 255: b"\x83\x01", 0: b"\x83\x01"}, ""),
        ({1: b"\x83\x0b", 255: b"\x83\x0b", 0: b"\x83\x0a"}, ""),
    ],
    ids=["unit 1", "unit 255", "no such register", "no such function", "no unit"],
)
async def test_modbus_is_read_when_it_does_not_identify_itself(bench, serve, by_unit, what):
    async def talk(reader, writer):
        while data := await reader.read(256):
            assert data[7:8] not in (b"\x05", b"\x06", b"\x0f", b"\x10"), "a write"
            if data[:2] == b"\x70\x73" and data[6] in by_unit:
                answer = data[6:7] + by_unit[data[6]]
                writer.write(b"\x70\x73\0\0" + len(answer).to_bytes(2, "big") + answer)
            elif data[:2] == b"\x70\x72":
                writer.write(b"\x70\x72\0\0\0\x03\x01\xab\x01")
            else:
                return

    service, access, _ = await found(bench, serve, talk, identify_further)
    assert service.protocol == "modbus"
    assert [a.what for a in access] == [what] * bool(what)


@pytest.mark.skipif(not find_spec("pymodbus"), reason="pymodbus is missing")
@pytest.mark.parametrize("identity", ["yes", "no"])
async def test_pymodbus(bench, port, start, identity):
    start(
        sys.executable,
        str(Path(__file__).with_name("modbus_device.py")),
        str(port),
        identity,
        port=port,
    )
    b = bench()
    await identify_further(b.session, "127.0.0.1", port)
    [service] = b.recorded.facts(Service)
    assert service.protocol == "modbus"
    [access] = b.recorded.facts(OpenAccess)
    assert access.what == (
        "the device identification" if identity == "yes" else "two holding registers"
    )
    if identity == "yes":
        assert (service.product, service.version) == ("Maker PLC-1", "1.2.3")


@pytest.mark.parametrize(("kinds", "open_to_all"), [(b"\x02\x01\x02", True), (b"\x01\x02", False)])
async def test_vnc_says_whether_it_wants_a_password(bench, serve, kinds, open_to_all):
    service, access, _ = await found(bench, serve, says(b"RFB 003.008\n", RFB=kinds))
    assert service.protocol == "vnc"
    assert bool(access) is open_to_all
    assert service.refuses_strangers is not open_to_all


@pytest.fixture(scope="module")
def tls_context(tmp_path_factory) -> ssl.SSLContext:
    from probe.demo.devices.certs import good_pem

    pem: Path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem.write_bytes(good_pem("device"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


async def tls_server(talk, context):
    async def one(reader, writer):
        try:
            await talk(reader, writer)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(one, HERE, 0, ssl=context)
    return server, server.sockets[0].getsockname()[1]


async def test_inside_tls_the_protocol_is_found_too(bench, tls_context):
    b = bench()
    server, port = await tls_server(says(GET=b"HTTP/1.0 200 OK\r\n\r\n"), tls_context)
    async with server:
        await identify(b.session, HERE, port)
    [service] = b.recorded.facts(Service)
    assert (service.protocol, service.tls) == ("http", True)


async def test_tls_with_something_unknown_inside_is_still_tls(bench, tls_context):
    async def mute(reader, writer):
        await reader.read(1)

    b = bench()
    server, port = await tls_server(mute, tls_context)
    async with server:
        await identify(b.session, HERE, port)
    [service] = b.recorded.facts(Service)
    assert (service.protocol, service.tls) == ("unknown", True)


async def test_an_https_port_that_answers_plain_http_is_looked_into(bench, tls_context):
    refusal = b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port"
    inner, inner_port = await tls_server(says(GET=b"HTTP/1.0 200 OK\r\n\r\n"), tls_context)

    async def front(reader, writer):
        first = await reader.read(4096)
        if first.startswith(b"GET"):
            writer.write(refusal)
            return
        back_reader, back_writer = await asyncio.open_connection(HERE, inner_port)
        back_writer.write(first)

        async def copy(source, sink):
            while data := await source.read(4096):
                sink.write(data)

        await asyncio.gather(copy(reader, back_writer), copy(back_reader, writer))

    b = bench()
    server = await asyncio.start_server(front, HERE, 0)
    async with inner, server:
        await identify(b.session, HERE, server.sockets[0].getsockname()[1])
    [service] = b.recorded.facts(Service)
    assert (service.protocol, service.tls) == ("http", True)


async def endless(reader, writer):
    while True:
        writer.write(b"blah " * 2000)
        await writer.drain()


async def dribbling(reader, writer):
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def random_bytes(reader, writer):
    writer.write(bytes(range(128, 256)) * 8)
    await reader.read()


async def closing(reader, writer):
    return


async def mute(reader, writer):
    await reader.read(65_536)
    await asyncio.sleep(30)


@pytest.mark.parametrize("talk", [endless, dribbling, random_bytes, closing, mute])
@pytest.mark.parametrize("work", [identify])
async def test_devices_that_misbehave_end_as_unknown_in_bounded_time(bench, serve, talk, work):
    service, access, seconds = await found(bench, serve, talk, work)
    assert service.protocol == "unknown"
    assert service.reason
    assert not access
    assert seconds < 8
    assert service.banner.isprintable()
    assert len(service.banner) <= 200


async def test_escapes_and_markup_in_a_greeting_are_text(bench, serve):
    evil = b"220 \x1b]0;owned\x07\x1b[31m<b>[red]\xe2\x80\xae FTP\r\n"
    service, _, _ = await found(bench, serve, says(evil))
    assert service.protocol == "ftp"
    assert service.banner.isprintable()
    assert "\x1b" not in service.banner


async def test_a_port_that_is_closed_by_now_is_not_measured(bench, serve):
    async with serve(closing) as port:
        pass
    b = bench()
    await identify(b.session, HERE, port)
    assert not b.recorded.facts(Service)
    [missing] = b.recorded.facts(NotMeasured)
    assert missing.owner == "device"


async def greeting(reader, writer):
    writer.write(b"IPC-100 service port\r\n> ")
    await reader.read()


async def hanging_up(reader, writer):
    await reader.read(65_536)


async def resetting(reader, writer):
    await reader.read(1)
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


@pytest.mark.parametrize(
    ("talk", "asked"),
    [(greeting, ["common", "all"]), (hanging_up, ["common", "all"]), (resetting, ["", ""])],
)
async def test_an_unknown_service_says_what_it_was_asked_for(bench, serve, talk, asked):
    b = bench()
    async with serve(talk) as port:
        await identify(b.session, HERE, port)
        await asyncio.wait_for(identify_further(b.session, HERE, port), 30)
    services = b.recorded.facts(Service)
    assert [s.protocol for s in services] == ["unknown", "unknown"]
    assert [s.asked for s in services] == asked
    assert services[1].banner == services[0].banner
    assert all(s.reason for s in services)


async def test_a_port_that_closes_half_way_was_not_asked_to_the_end(bench):
    b = bench()
    left = 2

    async def talk(reader, writer):
        nonlocal left
        left -= 1
        if not left:
            server.close()
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(talk, HERE, 0)
    port = server.sockets[0].getsockname()[1]
    await identify(b.session, HERE, port)
    [service] = b.recorded.facts(Service)
    assert (service.protocol, service.asked) == ("unknown", "")
    await identify_further(b.session, HERE, port)
    assert [s.asked for s in b.recorded.facts(Service)] == [""]
    assert b.recorded.facts(NotMeasured)


async def test_inside_tls_one_round_asks_for_everything(bench, tls_context):
    async def babble(reader, writer):
        await reader.read(100)
        writer.write(b"\x01\x02 nothing known")
        await reader.read()

    b = bench()
    server, port = await tls_server(babble, tls_context)
    async with server:
        await identify(b.session, HERE, port)
    [service] = b.recorded.facts(Service)
    assert (service.protocol, service.tls, service.asked) == ("unknown", True, "all")


async def test_nothing_is_said_to_a_raw_print_port(bench):
    """What is said there comes out on paper."""
    said = []

    async def printer(reader, writer):
        said.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(printer, HERE, 9103)
    b = bench()
    try:
        await identify(b.session, HERE, 9103)
    finally:
        server.close()
    [service] = b.recorded.facts(Service)
    assert (service.protocol, service.asked) == ("unknown", "")
    assert "print" in service.reason
    assert said == [b""]
