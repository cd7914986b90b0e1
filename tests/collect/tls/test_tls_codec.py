"""The codec: what it writes, what it reads, and that nothing but its own error leaves it."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.tls import suites
from probe.collect.tls.codec import ClientHello, ServerFlight, TlsFormatError, Version
from probe.collect.tls.codec.flight import MAX_FLIGHT, read_certificates, read_key_exchange
from probe.collect.tls.codec.hello import SMALL_SUITES
from probe.collect.tls.codec.reading import vector

RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def record(kind: int, payload: bytes) -> bytes:
    return bytes([kind, 3, 3]) + vector(payload, 2)


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + vector(body, 3)


def server_hello(
    version: int = 0x0303, suite: int = 0xC02F, extensions: bytes = b"", random: bytes = bytes(32)
) -> bytes:
    body = struct.pack(">H", version) + random + b"\0" + struct.pack(">H", suite) + b"\0"
    return message(2, body + (vector(extensions, 2) if extensions else b""))


def extension(kind: int, data: bytes) -> bytes:
    return struct.pack(">H", kind) + vector(data, 2)


CERTIFICATES = message(11, vector(vector(b"leaf", 3) + vector(b"issuer", 3), 3))
DONE = message(14, b"")
FLIGHT = record(22, server_hello() + CERTIFICATES) + record(22, DONE)


def read(*parts: bytes) -> ServerFlight:
    flight = ServerFlight()
    for part in parts:
        flight.feed(part)
    return flight


def test_flight_is_read() -> None:
    flight = read(FLIGHT)
    assert flight.hello is not None
    assert (flight.hello.version, flight.hello.suite) == (0x0303, 0xC02F)
    assert flight.certificates == (b"leaf", b"issuer")
    assert flight.done
    assert flight.pending == 0


@given(st.lists(st.integers(1, len(FLIGHT) - 1), max_size=20))
def test_cuts_in_the_stream_change_nothing(cuts: list[int]) -> None:
    places = [0, *sorted(set(cuts)), len(FLIGHT)]
    flight = read(*(FLIGHT[a:b] for a, b in pairwise(places)))
    assert flight.certificates == (b"leaf", b"issuer")
    assert flight.done


@given(st.integers(1, 40))
def test_messages_over_many_records(size: int) -> None:
    stream = server_hello() + CERTIFICATES + DONE
    pieces = [record(22, stream[n : n + size]) for n in range(0, len(stream), size)]
    assert read(b"".join(pieces)).certificates == (b"leaf", b"issuer")


def test_retry_request_names_suite_and_group() -> None:
    extensions = extension(43, b"\3\4") + extension(51, b"\0\x1d")
    flight = read(record(22, server_hello(suite=0x1301, extensions=extensions, random=RETRY)))
    assert flight.hello is not None
    assert flight.hello.retry
    assert (flight.hello.version, flight.hello.suite, flight.hello.group) == (0x0304, 0x1301, 0x1D)
    assert flight.done


def test_warning_is_passed_over_and_fatal_ends() -> None:
    flight = read(record(21, b"\1\x70") + FLIGHT)
    assert flight.hello is not None
    assert flight.fatal is None
    flight = read(record(21, b"\2\x28"), b"whatever follows is not read")
    assert flight.fatal is not None
    assert flight.fatal.number == 40
    assert flight.hello is None


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-dropbear\r\n",
        bytes(64),
        record(23, b"early"),
        record(22, message(11, b"")),
        record(22, message(2, b"short")),
        b"\x16\x03\x03\xff\xff",
        record(22, b"\x02\xff\xff\xff"),
        record(21, b"\2"),
        b"".join(record(21, b"\1\x70") for _ in range(20)),
    ],
)
def test_what_is_not_a_flight_is_said_to_be_so(data: bytes) -> None:
    with pytest.raises(TlsFormatError):
        read(data)


def test_an_endless_flight_is_cut() -> None:
    flight = read(record(22, server_hello()))
    endless = record(22, message(22, bytes(1000))) * (MAX_FLIGHT // 1000 + 2)
    with pytest.raises(TlsFormatError, match="more than"):
        flight.feed(endless)


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    try:
        read(data)
    except TlsFormatError:
        pass


@given(st.data())
def test_any_change_to_a_flight(data: st.DataObject) -> None:
    changed = bytearray(FLIGHT)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(changed))
    except TlsFormatError:
        pass


@given(st.binary(max_size=80), st.sampled_from(["ECDHE_RSA", "DHE_RSA", "PSK", "DHE_PSK", "RSA"]))
def test_any_key_exchange(body: bytes, exchange: str) -> None:
    for reader in (
        lambda: read_key_exchange(body, exchange, 0x0303),
        lambda: read_certificates(body),
    ):
        try:
            reader()
        except TlsFormatError:
            pass


def test_key_exchanges() -> None:
    ecdhe = b"\3\0\x1d" + vector(bytes(32), 1) + b"\4\3" + vector(bytes(70), 2)
    found = read_key_exchange(ecdhe, "ECDHE_ECDSA", 0x0303)
    assert (found.group, found.signature) == (0x1D, 0x0403)
    dhe = vector(b"\x80" + bytes(63), 2) + vector(b"\2", 2) + vector(bytes(64), 2)
    assert read_key_exchange(dhe, "DHE_RSA", 0x0301).dh_bits == 512


# --- hellos ------------------------------------------------------------------------------------


def parse_hello(data: bytes) -> tuple[int, int, list[int], dict[int, bytes]]:
    """An independent reading of a ClientHello: record version, version, suites, extensions."""
    assert data[0] == 22
    record_version, length = struct.unpack(">HH", data[1:5])
    assert length == len(data) - 5
    assert data[5] == 1
    assert int.from_bytes(data[6:9], "big") == len(data) - 9
    version = struct.unpack(">H", data[9:11])[0]
    at = 11 + 32
    at += 1 + data[at]
    count = struct.unpack(">H", data[at : at + 2])[0]
    offered = list(struct.unpack(f">{count // 2}H", data[at + 2 : at + 2 + count]))
    at += 2 + count
    assert data[at : at + 2] == b"\1\0"
    at += 2
    extensions: dict[int, bytes] = {}
    if at < len(data):
        assert struct.unpack(">H", data[at : at + 2])[0] == len(data) - at - 2
        at += 2
        while at < len(data):
            kind, size = struct.unpack(">HH", data[at : at + 4])
            extensions[kind] = data[at + 4 : at + 4 + size]
            at += 4 + size
    return record_version, version, offered, extensions


@pytest.mark.parametrize("version", [v for v in Version if v is not Version.SSL2])
def test_hellos_say_what_is_asked(version: Version) -> None:
    (offer, *_) = suites.ordinary(version)
    hello = ClientHello(version=version, suites=offer, random=bytes(range(32)))
    record_version, said, offered, extensions = parse_hello(hello.to_bytes())
    assert offered == list(offer)
    assert said == min(version, Version.TLS12)
    assert record_version == min(version, Version.TLS10)
    assert 0 not in extensions
    if version is Version.SSL3:
        assert not extensions
    elif version is Version.TLS13:
        assert extensions[43] == b"\2\3\4"
        assert extensions[51] == b"\0\0"
    else:
        assert 43 not in extensions


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("name", [None, "a-device.local"])
def test_a_few_suites_make_a_small_hello(version: Version, name: str | None) -> None:
    (offer, *_) = suites.ordinary(version)
    hello = ClientHello(
        version=version, suites=offer[:SMALL_SUITES], random=bytes(32), server_name=name
    )
    assert hello.is_small
    if name and version > Version.SSL3:
        assert parse_hello(hello.to_bytes())[3][0].endswith(b"a-device.local")
