"""SSLv2: what is said, and that nothing but its own SERVER-HELLO with a cipher is ever taken for it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zoo.stack import Reader, Stub, Writer, reset

from probe.checks.tls import attacks
from probe.collect.tls import interview
from probe.collect.tls.codec import ClientHello, TlsFormatError, Version
from probe.collect.tls.codec.sslv2 import CIPHERS, Ssl2Flight, client_hello

YES, NO, UNKNOWN = "accepted", "refused", "no answer"
RC4, DES3 = b"\1\0\x80", b"\7\0\xc0"


def server_hello(
    specs: bytes = RC4 + DES3,
    *,
    certificate: bytes = b"\x30\3\2\1\1",
    version: int = 2,
    kind: int = 4,
) -> bytes:
    parts = (certificate, specs, bytes(16))
    body = bytes([kind]) + b"\0\1" + version.to_bytes(2, "big")
    body += b"".join(len(p).to_bytes(2, "big") for p in parts) + b"".join(parts)
    return (0x8000 | len(body)).to_bytes(2, "big") + body


def test_the_hello() -> None:
    said = client_hello(tuple(CIPHERS), bytes(range(32)))
    assert said[:2] == (0x8000 | len(said) - 2).to_bytes(2, "big")
    assert said[2:11] == bytes.fromhex("010002 0015 0000 0010")
    assert said[-16:] == bytes(range(16))
    hello = ClientHello(version=Version.SSL2, suites=tuple(CIPHERS), random=bytes(range(32)))
    assert hello.to_bytes() == said
    assert hello.is_small


@given(st.integers(1, 60))
def test_a_server_hello_in_pieces(size: int) -> None:
    flight, answer = Ssl2Flight(), server_hello()
    for at in range(0, len(answer), size):
        assert flight.hello is None
        flight.feed(answer[at : at + size])
    assert flight.done
    assert flight.hello is not None
    assert (flight.hello.version, flight.hello.suite) == (Version.SSL2, 0x010080)
    assert flight.certificates == (b"\x30\3\2\1\1",)


@pytest.mark.parametrize(
    "answer",
    [
        server_hello(b""),
        server_hello(b"\x0a\x0b\x0c"),
        server_hello(RC4[:2]),
        server_hello(version=3),
        server_hello(version=0x0301),
        server_hello(kind=2),
        server_hello()[:2] + bytes(len(server_hello()) - 2),
        b"\x80\3\0\0\1",
        b"\x80\x01\x04",
        b"\x80\x00",
        b"\xff" * 40_000,
    ],
)
def test_what_is_no_accepted_sslv2(answer: bytes) -> None:
    flight = Ssl2Flight()
    with pytest.raises(TlsFormatError):
        flight.feed(answer)
    assert flight.hello is None


def test_the_alert_of_a_tls_stack() -> None:
    flight = Ssl2Flight()
    for byte in b"\x15\3\1\0\2\2\x46":
        flight.feed(bytes([byte]))
    assert flight.fatal is not None
    assert flight.fatal.number == 70


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    flight = Ssl2Flight()
    try:
        flight.feed(data)
    except TlsFormatError:
        assert flight.hello is None
    if flight.hello is not None and flight.hello.version == Version.SSL2:
        assert data[0] & 0x80
        assert data[2] == 4


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(interview).items():
        if name.endswith("_S") and isinstance(value, float):
            monkeypatch.setattr(interview, name, value / 10)


class Old(Stub):
    """Answers the hello of SSLv2 with the given bytes, and others as a stack of TLS 1.2."""

    answer = server_hello()

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        head = await reader.readexactly(2)
        if head[0] & 0x80:
            await reader.readexactly(int.from_bytes(head, "big") & 0x7FFF)
            writer.write(self.answer)
            await writer.drain()
            return
        reader._buffer[:0] = head  # type: ignore[attr-defined]
        await super().__call__(reader, writer)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        (server_hello(), YES),
        (server_hello(b""), UNKNOWN),
        (b"\x80\3\0\0\1", UNKNOWN),
        (b"\x15\3\0\0\2\2\x46", NO),
        (b"\x15\3\0\0\2\2\x28", NO),
        (b"", NO),
    ],
    ids=["accepted", "no cipher", "error", "version alert", "alert", "close"],
)
async def test_what_is_said_of_it(
    hurry: None, serve: Any, measured: Any, answer: bytes, truth: str
) -> None:
    stub = Old()
    stub.answer = answer
    async with serve(stub) as port:
        result = await measured(port)
    assert result.versions["SSLv2"] == truth
    assert result.versions["TLSv1.2"] == YES


async def test_a_reset_is_no_refusal_though_the_device_is_well(
    hurry: None, serve: Any, measured: Any
) -> None:
    """It is asked twice, with a control hello between; whether it would have spoken stays open."""

    class Resets(Old):
        async def __call__(self, reader: Reader, writer: Writer) -> None:
            if (await reader.readexactly(1))[0] & 0x80:
                await reset(writer)
                return
            reader._buffer[:0] = b"\x16"  # type: ignore[attr-defined]
            await Stub.__call__(self, reader, writer)

    async with serve(Resets()) as port:
        result = await measured(port)
    (fact,) = [v for v in result.service.versions if v.name == "SSLv2"]
    assert fact.reply == UNKNOWN
    assert "reset" in fact.detail
    assert "while a control hello worked" in fact.detail
    assert result.versions["TLSv1.2"] == YES
    (exposure,) = attacks.ssl2(result.service)
    assert exposure.unknown
    assert result.service.hellos <= 14


async def test_a_server_that_has_nothing_else(hurry: None, serve: Any, measured: Any) -> None:
    async with serve(Old(versions=())) as port:
        result = await measured(port)
    assert result.versions["SSLv2"] == YES
    assert result.versions["TLSv1.2"] == NO
