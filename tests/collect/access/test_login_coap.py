"""CoAP over DTLS: libcoap with OpenSSL and with GnuTLS, servers without such keys, and answers that say nothing."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.access.attempt import Credential
from probe.collect.access.protocols import coaps
from probe.collect.access.protocols.dtls_psk import PskClient, TlsFormatError, premaster, prf
from probe.model.access import LoginResult
from probe.model.service import Service

ACCEPTED, REFUSED, NO_ANSWER = LoginResult.ACCEPTED, LoginResult.REFUSED, LoginResult.NO_ANSWER
Start = Callable[..., None]
SERVERS = ("coap-server-openssl", "coap-server-gnutls")
genuine = pytest.mark.parametrize(
    "server",
    [
        pytest.param(s, marks=pytest.mark.skipif(not shutil.which(s), reason=f"{s} is missing"))
        for s in SERVERS
    ],
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coaps, "WAITS_S", (0.2, 0.2, 0.3))
    monkeypatch.setattr(coaps, "HALF_OPEN_S", 0.8)


def coap(port: int) -> Service:
    return Service(transport="udp", address="127.0.0.1", port=port, protocol="coaps")


@genuine
@pytest.mark.parametrize("key", ["secretPSK", "zu-7Klo-lang"])
async def test_a_key(login: Any, start: Start, port: int, server: str, key: str) -> None:
    """The DTLS port of libcoap is the next one after its own."""
    start(server, "-A", "127.0.0.1", "-p", str(port - 1), "-k", key, "-h", "hint")
    got = await login(coap(port))
    assert got.test.method == "pre-shared key"
    assert got.test.without_credential is REFUSED
    assert got.test.tls
    if key == "secretPSK":
        assert got.opened == [("Client_identity", "secretPSK")]
        assert got.test.random_credential is REFUSED
        assert not got.test.problem
        return
    # Both libraries are silent to a wrong key, and silence alone says nothing.
    assert got.opened == []
    assert "met with silence" in got.test.problem
    assert REFUSED not in {c.result for c in got.test.candidates}


@genuine
async def test_a_key_behind_others(login: Any, start: Start, port: int, server: str) -> None:
    """The silence to the wrong ones is a refusal once another key worked."""
    start(server, "-A", "127.0.0.1", "-p", str(port - 1), "-k", "sesame")
    got = await login(coap(port))
    assert got.opened == [("password", "sesame")]
    assert {c.result for c in got.test.candidates if not c.proved} <= {
        REFUSED,
        LoginResult.NOT_TRIED,
    }
    assert got.test.random_credential is REFUSED


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is missing")
@pytest.mark.parametrize("suite", ["PSK-AES128-CCM8", "PSK-AES128-CCM", "PSK-AES128-GCM-SHA256"])
async def test_each_suite_and_a_server_that_is_no_coap(
    bench: Any, start: Start, port: int, suite: str
) -> None:
    """``openssl s_server`` finishes the handshake and then says nothing that is CoAP: not proved."""
    start(
        "openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-nocert", "-quiet",
        "-psk", b"secretPSK".hex(), "-psk_identity", "Client_identity", "-cipher", f"{suite}:@SECLEVEL=0",
    )  # fmt: skip
    session = bench().session
    [method] = await coaps.methods(session, coap(port))
    attempt = await method.attempt(session, Credential("Client_identity", "secretPSK"))
    assert attempt.result is ACCEPTED
    assert attempt.detail == "the server's Finished is right"
    assert not attempt.proved


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is missing")
async def test_a_server_with_a_certificate(
    login: Any, start: Start, port: int, tmp_path: Path
) -> None:
    from twins.site import certificate

    certificate(tmp_path)
    start(
        "openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-quiet",
        "-cert", str(tmp_path / "twin.crt"), "-key", str(tmp_path / "twin.key"),
    )  # fmt: skip
    got = await login(coap(port))
    assert got.tests == []
    assert "alert handshake_failure" in got.missing[0].reason
    assert "certificate" in got.missing[0].reason
    assert got.missing[0].owner == "tool"


@asynccontextmanager
async def device(answer: Callable[[bytes], list[bytes]]) -> AsyncIterator[int]:
    class Answering(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            for datagram in answer(data):
                self.transport.sendto(datagram, addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Answering, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def record(kind: int, payload: bytes) -> bytes:
    return bytes((kind,)) + b"\xfe\xfd" + bytes(8) + len(payload).to_bytes(2, "big") + payload


def message(kind: int, number: int, body: bytes) -> bytes:
    size = len(body).to_bytes(3, "big")
    return bytes((kind,)) + size + number.to_bytes(2, "big") + b"\0\0\0" + size + body


FLIGHT = record(
    22,
    message(2, 0, b"\xfe\xfd" + bytes(32) + b"\0\xc0\xa8\0") + message(14, 1, b""),
)
"""A ServerHello that takes PSK with CCM_8, and ServerHelloDone."""


def to_the_key(said: bytes) -> Callable[[bytes], list[bytes]]:
    """A server that takes any hello, and answers a ClientKeyExchange in one way."""
    return lambda data: [FLIGHT] if data[13] == 1 else [said] if said and data[13] == 16 else []


@pytest.mark.parametrize(
    ("answer", "words", "result"),
    [
        (to_the_key(record(21, b"\2\x73")), "", REFUSED),
        (to_the_key(record(21, b"\2\x14")), "", REFUSED),
        (to_the_key(record(21, b"\2\x50")), "met with silence", NO_ANSWER),
        (to_the_key(FLIGHT), "met with silence", NO_ANSWER),
        (to_the_key(b""), "met with silence", NO_ANSWER),
        (to_the_key(record(22, message(20, 2, bytes(12)))), "met with silence", NO_ANSWER),
        (to_the_key(record(23, b"\x64\x45\0\1\0\0\0\0")), "met with silence", NO_ANSWER),
    ],
    ids=[
        "identity",
        "mac",
        "error",
        "repeats",
        "silent",
        "finished in the clear",
        "data in the clear",
    ],
)
async def test_what_is_said_to_the_key(
    login: Any, answer: Callable[[bytes], list[bytes]], words: str, result: LoginResult
) -> None:
    async with device(answer) as port:
        got = await login(coap(port))
    assert got.opened == []
    assert words in got.test.problem
    assert bool(got.test.problem) == bool(words)
    assert {c.result for c in got.test.candidates} <= {result, NO_ANSWER} or result is REFUSED
    if result is REFUSED:
        assert {c.result for c in got.test.candidates} == {REFUSED}
        assert got.test.random_credential is REFUSED


async def test_a_half_open_association_is_waited_for(login: Any) -> None:
    """A device with room for one: for a second after a key it hears nobody else."""
    busy: list[float] = []

    def answer(data: bytes) -> list[bytes]:
        if data[13] == 16:
            busy[:] = [time.monotonic() + 1.0]
        return [FLIGHT] if data[13] == 1 and time.monotonic() > max(busy, default=0.0) else []

    async with device(answer) as port:
        got = await login(coap(port))
    tried = [c.detail for c in got.test.candidates if c.result is not LoginResult.NOT_TRIED]
    assert tried
    assert all("silence to the key" in detail for detail in tried), tried


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: [],
        lambda data: [data],
        lambda _: [b"hello"],
        lambda _: [record(22, message(3, 0, b"\xfe\xff\x01\x07"))] * 9,
        lambda _: [record(22, message(2, 0, b"\xfe\xfd"))],
        lambda _: [record(22, message(2, 0, b"\xfe\xfd" + bytes(32) + b"\0\0\xae\0") + message(14, 1, b""))],
    ],
    ids=["silent", "echo", "stranger", "cookies", "cut", "another suite"],
)  # fmt: skip
async def test_a_stranger_is_no_login(login: Any, answer: Callable[[bytes], list[bytes]]) -> None:
    async with device(answer) as port, asyncio.timeout(30):
        got = await login(coap(port))
    assert got.tests == []
    assert "no pre-shared key could be presented" in got.missing[0].reason


def test_known_answers() -> None:
    # The vector that the working group on TLS published for P_SHA256.
    secret = bytes.fromhex("9bbe436ba940f017b17652849a71db35")
    seed = bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    assert (
        prf(secret, b"test label", seed, 100).hex().startswith("e3f229ba727be17b8d122620557cd453")
    )
    assert premaster(b"abc").hex() == "0003000000" + "0003616263"


@given(st.lists(st.binary(max_size=120), max_size=6))
def test_datagrams_are_read_or_refused(datagrams: list[bytes]) -> None:
    client = PskClient()
    client.hello()
    with contextlib.suppress(TlsFormatError):
        for data in datagrams:
            client.feed(data)
    ready = PskClient()
    ready.hello()
    ready.feed(FLIGHT)
    ready.present("a", "b")
    for data in datagrams:
        with contextlib.suppress(TlsFormatError):
            for heard in (*ready.read(record(23, data)), *ready.read(b"\x17\xfe\xfd\0\1" + data)):
                assert not heard.data or heard.data == data


def test_nothing_follows_an_unproved_key() -> None:
    """A Finished under another key is not ours: the tag is checked before anything is believed."""
    one, other = PskClient(), PskClient()
    for client, key in ((one, "a"), (other, "b")):
        client.hello()
        client.feed(FLIGHT)
        client.present("identity", key)
    assert list(one.read(other.protect(22, message(20, 2, bytes(12))))) == []
