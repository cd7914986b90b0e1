"""DTLS as bytes: hellos, records, fragments in any order, cookies; nothing breaks or swells it."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.collect.tls import suites
from probe.collect.tls.codec import ClientHello, TlsFormatError, Version
from probe.collect.tls.codec.dtls import (
    FRAGMENT_BYTES,
    LABELS,
    MAX_FRAGMENTS,
    WIRE,
    DatagramFlight,
    HelloWriter,
    Record,
    records,
)
from probe.collect.tls.codec.flight import MAX_FLIGHT, MAX_WARNINGS

SUITE = 0xC02B


def fragment(kind: int, number: int, body: bytes, at: int = 0, size: int | None = None) -> bytes:
    piece = body[at:] if size is None else body[at : at + size]
    head = bytes([kind]) + len(body).to_bytes(3, "big") + number.to_bytes(2, "big")
    return head + at.to_bytes(3, "big") + len(piece).to_bytes(3, "big") + piece


def in_record(payload: bytes, kind: int = 22, epoch: int = 0, version: int = 0xFEFD) -> bytes:
    return Record(kind=kind, version=version, epoch=epoch, sequence=0, payload=payload).to_bytes()


def server_hello(version: int = 0xFEFD, extensions: bytes = b"") -> bytes:
    body = version.to_bytes(2, "big") + bytes(32) + b"\0" + SUITE.to_bytes(2, "big") + b"\0"
    return body + (len(extensions).to_bytes(2, "big") + extensions if extensions else b"")


def certificate(size: int) -> bytes:
    one = size.to_bytes(3, "big") + b"\x30" * size
    return len(one).to_bytes(3, "big") + one


def cookie_request(cookie: bytes) -> bytes:
    return in_record(fragment(3, 0, b"\xfe\xff" + bytes([len(cookie)]) + cookie))


MESSAGES = [(2, server_hello()), (11, certificate(700)), (12, b"\3\0\x17" + bytes(70)), (14, b"")]


def hello(version: Version = Version.TLS12) -> ClientHello:
    return ClientHello(version=version, suites=suites.ordinary(version)[0], random=bytes(32))


@pytest.mark.parametrize("version", LABELS)
def test_a_hello_and_the_one_with_a_cookie(version: Version) -> None:
    writer = HelloWriter(hello(version))
    (first,) = writer.datagrams()
    (again,) = writer.datagrams()
    writer.take_cookie(b"crumbs")
    (second,) = writer.datagrams()
    one, same, other = (next(iter(records(d))) for d in (first, again, second))
    assert (one.epoch, one.sequence, same.sequence, other.sequence) == (0, 0, 1, 2)
    assert one.payload == same.payload, "said again, it is the same message"
    assert (one.payload[4:6], other.payload[4:6]) == (b"\0\0", b"\0\1")
    body, with_cookie = one.payload[12:], other.payload[12:]
    assert int.from_bytes(body[:2], "big") == WIRE[min(version, Version.TLS12)]
    assert with_cookie == body[:35] + b"\6crumbs" + body[36:]
    assert (b"\0\x2b\0\3\2\xfe\xfc" in body) == (version is Version.TLS13)
    assert b"\3\4" not in body[body.find(b"\0\x2b\0\3") :][:7]


def test_a_large_hello_goes_in_fragments() -> None:
    large = ClientHello(version=Version.TLS12, suites=tuple(range(1, 1500)), random=b"")
    pieces = [next(iter(records(d))).payload for d in HelloWriter(large).datagrams()]
    assert len(pieces) == 3
    assert all(len(p) <= FRAGMENT_BYTES + 12 for p in pieces)
    length = int.from_bytes(pieces[0][1:4], "big")
    assert sum(len(p) - 12 for p in pieces) == length


@pytest.mark.parametrize("version", [Version.SSL2, Version.SSL3, Version.TLS10])
def test_there_is_no_dtls_of_these(version: Version) -> None:
    with pytest.raises(ValueError, match="no DTLS"):
        HelloWriter(hello(version))


@given(st.randoms(use_true_random=False), st.integers(3, 300), st.booleans())
@settings(deadline=None)
def test_fragments_in_any_order_some_twice(random: object, size: int, cookie: bool) -> None:
    first = 1 if cookie else 0
    datagrams = [
        in_record(fragment(kind, number, body, at, size))
        for number, (kind, body) in enumerate(MESSAGES, first)
        for at in range(0, max(1, len(body)), size)
    ]
    datagrams += datagrams[: len(datagrams) // 3]
    random.shuffle(datagrams)  # type: ignore[attr-defined]
    flight = DatagramFlight()
    if cookie:
        flight.feed(cookie_request(b"abc"))
        assert flight.cookie == b"abc"
        assert flight.hello is None
    for datagram in datagrams:
        flight.feed(datagram)
    assert flight.done
    assert flight.hello is not None
    assert (flight.hello.version, flight.hello.suite) == (Version.TLS12, SUITE)
    assert [len(c) for c in flight.certificates] == [700]
    assert flight.key_exchange == MESSAGES[2][1]


@pytest.mark.parametrize(("wire", "version"), [(0xFEFF, Version.TLS11), (0xFEFD, Version.TLS12)])
def test_versions(wire: int, version: Version) -> None:
    flight = DatagramFlight()
    flight.feed(in_record(fragment(2, 0, server_hello(wire)), version=wire))
    assert flight.hello is not None
    assert flight.hello.version is version
    assert not flight.done


def test_a_retry_request_of_dtls_1_3_says_all_that_there_is() -> None:
    flight = DatagramFlight()
    chosen = b"\0\x2b\0\2\xfe\xfc" + b"\0\x33\0\2\0\x1d"
    encrypted = b"\x2f\0\0\0\x10" + bytes(16)
    flight.feed(in_record(fragment(2, 0, server_hello(extensions=chosen))) + encrypted)
    assert flight.done
    assert flight.hello is not None
    assert (flight.hello.version, flight.hello.group) == (Version.TLS13, 0x1D)


@pytest.mark.parametrize(
    "datagram",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes.fromhex("1603030002022a"),  # TLS
        in_record(fragment(2, 0, server_hello(0x0303))),
        in_record(fragment(11, 0, certificate(3))),
        in_record(fragment(1, 0, b"")),  # an echo
        in_record(fragment(2, 0, server_hello()))[:-1],
        in_record(b"\2\0\0\x20\0\0\0\0\x10\0\0\x20" + bytes(32)),  # beyond its own end
        in_record(b"\2\2"),
        in_record(fragment(2, 0, b"\0" * 70), version=0x0303),
    ],
)
def test_what_is_not_an_answer_is_garbage(datagram: bytes) -> None:
    flight = DatagramFlight()
    with pytest.raises(TlsFormatError):
        flight.feed(datagram)
    assert flight.hello is None


def test_a_message_told_in_two_ways_is_garbage() -> None:
    flight = DatagramFlight()
    flight.feed(in_record(fragment(2, 0, server_hello(), 0, 10)))
    with pytest.raises(TlsFormatError, match="two ways"):
        flight.feed(in_record(fragment(2, 0, server_hello() + b"\0\0", 0, 10)))


def test_alerts() -> None:
    flight = DatagramFlight()
    flight.feed(in_record(b"\1\x70", kind=21))
    assert not flight.done
    flight.feed(in_record(b"\2\x28", kind=21))
    assert flight.done
    assert flight.fatal is not None
    assert flight.fatal.number == 40
    noisy = DatagramFlight()
    with pytest.raises(TlsFormatError):
        for _ in range(MAX_WARNINGS + 1):
            noisy.feed(in_record(b"\1\x70", kind=21))


def test_encrypted_records_are_passed_over() -> None:
    flight = DatagramFlight()
    flight.feed(in_record(b"\2\x28", kind=21, epoch=1))
    assert not flight.done
    assert not flight.alerts


def test_nothing_makes_it_keep_more_than_its_bounds() -> None:
    body = bytes(40_000)
    fed = 0
    flight = DatagramFlight()
    with pytest.raises(TlsFormatError):
        for number, at in itertools.product(range(1, 1000), range(0, 40_000, 50)):
            flight.feed(in_record(fragment(11, number, body, at, 50)))
            fed += 1
    assert fed <= MAX_FRAGMENTS
    assert flight.pending <= MAX_FLIGHT
    with pytest.raises(TlsFormatError):
        DatagramFlight().feed(in_record(b"\x0b\xff\xff\xff\0\0\0\0\0\0\0\0"))


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_any_bytes(datagrams: list[bytes]) -> None:
    flight = DatagramFlight()
    try:
        for datagram in datagrams:
            flight.feed(datagram)
    except TlsFormatError:
        pass
    assert flight.pending <= MAX_FLIGHT


@given(st.data())
def test_any_change_to_a_flight(data: st.DataObject) -> None:
    whole = b"".join(in_record(fragment(k, n, b)) for n, (k, b) in enumerate(MESSAGES))
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    flight = DatagramFlight()
    try:
        flight.feed(bytes(broken))
    except TlsFormatError:
        pass
