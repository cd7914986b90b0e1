"""RTSP: GStreamer's server open, by basic and by digest; twins of cameras; traps that fool other tools."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twins import rtsp as cameras
from twins import talks
from twins.auth import Digest
from twins.site import certificate

from probe.collect.access.protocols import rtsp_ask
from probe.collect.access.protocols.rtsp_codec import (
    RtspFormatError,
    read_response,
    response_end,
    url,
)
from probe.model.observation import Announced, LoginResult

ACCEPTED, REFUSED, NO_ANSWER = LoginResult.ACCEPTED, LoginResult.REFUSED, LoginResult.NO_ANSWER
Start = Callable[..., None]
SYSTEM_PYTHON = "/usr/bin/python3"
ASK = (
    "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
)


def has_gstreamer() -> bool:
    try:
        asked = subprocess.run([SYSTEM_PYTHON, "-c", ASK], check=False, capture_output=True)
    except OSError:
        return False
    return asked.returncode == 0


genuine = pytest.mark.skipif(not has_gstreamer(), reason="GStreamer's RTSP server is missing")


def said(got: Any) -> str:
    words = [m.reason for m in got.missing]
    for test in got.tests:
        words += [test.problem, test.lockout_sign, *(c.detail for c in test.candidates)]
    return " | ".join(w for w in words if w)


@genuine
@pytest.mark.parametrize("way", ["basic", "digest"])
@pytest.mark.parametrize("password", ["admin", "zu-7Klo"])
async def test_gstreamer(
    login: Any, service: Any, start: Start, port: int, way: str, password: str
) -> None:
    file = Path(cameras.__file__).with_name("gstreamer.py")
    start(SYSTEM_PYTHON, str(file), str(port), way, password, port=port)
    got = await login(service("rtsp", port))
    assert got.test.method == way
    assert got.opened == ([("admin", "admin")] if password == "admin" else []), said(got)
    assert got.test.without_credential is got.test.random_credential is REFUSED
    assert got.open == []


@genuine
async def test_gstreamer_open(login: Any, service: Any, start: Start, port: int) -> None:
    file = Path(cameras.__file__).with_name("gstreamer.py")
    start(SYSTEM_PYTHON, str(file), str(port), "open", "-", port=port)
    got = await login(service("rtsp", port))
    assert got.test.without_credential is ACCEPTED
    assert got.opened == []
    assert [o.what for o in got.open] == ["the description of the stream /stream1 (audio)"]
    assert got.logins == 0


PATH = Announced(
    via="mdns", name="cam", kind="_rtsp._tcp", port=None, attributes=(("path", "secret/path"),)
)


@pytest.mark.parametrize("name", cameras.OPEN)
async def test_a_true_default(login: Any, serve: Any, service: Any, name: str) -> None:
    facts = [PATH] if name == "announced" else []
    async with serve(cameras.OPEN[name]()) as port:
        got = await login(service("rtsp", port), *facts)
    assert got.opened == [("admin", "admin")], said(got)
    assert got.test.without_credential is got.test.random_credential is REFUSED
    streams = ["the description of the stream /live (video, audio)"]
    assert [o.what for o in got.open] == (streams if name == "sub-stream-open" else [])


@pytest.mark.parametrize("name", cameras.TRAPS)
async def test_a_trap(login: Any, serve: Any, service: Any, name: str) -> None:
    make, words = cameras.TRAPS[name]
    async with serve(make()) as port:
        got = await login(service("rtsp", port))
    assert words in said(got)
    assert got.open == []
    if name == "any-password":
        assert got.test.random_credential is ACCEPTED
        return
    assert got.opened == [], said(got)
    assert ACCEPTED not in {t.random_credential for t in got.tests}
    if name == "401-for-everything":
        assert {c.result for c in got.test.candidates} == {REFUSED}
    elif got.tests:
        assert got.test.problem or {c.result for c in got.test.candidates} & {NO_ANSWER, ACCEPTED}


async def test_inside_tls(login: Any, service: Any, tmp_path: Path) -> None:
    talk = cameras.camera(cameras.at("/live", Digest("MD5")))
    context = certificate(tmp_path)
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        got = await login(service("rtsp", port, tls=True))
    assert got.opened == [("admin", "admin")], said(got)
    assert got.test.tls


@pytest.mark.parametrize("dripped", [b"R", b"RTSP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_a_tarpit_ends(
    login: Any, serve: Any, service: Any, monkeypatch: pytest.MonkeyPatch, dripped: bytes
) -> None:
    monkeypatch.setattr(rtsp_ask, "WITHIN", 0.5)
    async with serve(talks.drip(dripped)) as port, asyncio.timeout(20):
        got = await login(service("rtsp", port))
    assert got.tests == []
    assert "RTSP response" in got.missing[0].reason


async def test_few_paths_are_asked_on_few_connections(login: Any, serve: Any, service: Any) -> None:
    connections: list[int] = []
    inner = cameras.camera(lambda _: cameras.NOT_FOUND)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await inner(reader, writer)

    async with serve(talk) as port:
        await login(service("rtsp", port))
    assert len(connections) == 1


def test_the_uri_of_a_request() -> None:
    assert url("2001:db8::1", 554, "/a", tls=False) == "rtsp://[2001:db8::1]:554/a"
    assert url("198.51.100.1", 322, "/", tls=True) == "rtsps://198.51.100.1:322/"


def test_a_response_in_pieces() -> None:
    body = b"v=0\r\nm=video 0 RTP/AVP 96\r\n"
    whole = (
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nWWW-Authenticate: Basic\r\nwww-authenticate: Digest\r\n"
        b"CONTENT-LENGTH : %d\r\n\r\n" % len(body)
    ) + body
    assert all(response_end(whole[:n]) == 0 for n in range(1, len(whole)))
    read = read_response(whole + b"RTSP/1.0 500 Next\r\n\r\n")
    assert read.describes
    assert read.media == "video"
    assert read.values("www-authenticate") == ("Basic", "Digest")


@given(st.binary(max_size=300))
def test_a_response_is_read_or_refused(data: bytes) -> None:
    for raw in (data, b"RTSP/1.0 200 OK\r\n" + data, b"RTSP/1.0 401 \r\nContent-Length: " + data):
        try:
            assert 0 <= response_end(raw) <= len(raw)
            assert len(read_response(raw).body) <= len(raw)
        except RtspFormatError:
            continue
