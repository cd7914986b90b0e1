"""DTLS over the messages of TLS: datagrams out of a hello, and a server's flight out of datagrams.

Records carry epoch and sequence, handshake messages carry a number and come in fragments, and a server
may ask for its cookie first (RFC 4347, RFC 6347 section 4.2; DTLS 1.3: RFC 9147 section 5). Versions
are spoken of by the TLS version that they are made of: DTLS 1.0 is ``Version.TLS11``, there is no 1.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from probe.collect.tls.codec.flight import (
    MAX_FLIGHT,
    MAX_WARNINGS,
    AlertMessage,
    ServerFlight,
    read_server_hello,
)
from probe.collect.tls.codec.hello import ClientHello
from probe.collect.tls.codec.numbers import Content, Extension, Handshake, Version
from probe.collect.tls.codec.reading import Reader, TlsFormatError, vector

WIRE = {Version.TLS11: 0xFEFF, Version.TLS12: 0xFEFD, Version.TLS13: 0xFEFC}
"""What stands on the wire; it counts downwards."""
LABELS = {Version.TLS11: "DTLSv1.0", Version.TLS12: "DTLSv1.2", Version.TLS13: "DTLSv1.3"}
_VERSION_OF = {number: version for version, number in WIRE.items()}

MAX_MESSAGES = 16
"""Handshake messages that are put together at once; a full flight has seven."""
MAX_FRAGMENTS = 512
"""Of one answer: a chain of 16 KiB over a link that carries 64 bytes at once needs half of it."""
FRAGMENT_BYTES = 1200
"""Of a hello in one datagram: it passes every link that carries IPv6 (RFC 8200 section 5)."""

_CLIENT_HELLO = 1
_RECORD_HEAD = 13
_FATAL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One DTLSPlaintext (RFC 6347 section 4.1)."""

    kind: int
    version: int
    epoch: int
    sequence: int
    payload: bytes

    def to_bytes(self) -> bytes:
        head = bytes([self.kind]) + self.version.to_bytes(2, "big")
        head += self.epoch.to_bytes(2, "big") + self.sequence.to_bytes(6, "big")
        return head + vector(self.payload, 2)


def records(datagram: bytes) -> Iterator[Record]:
    """The records of a datagram, up to the first under a DTLS 1.3 key. Raises TlsFormatError.

    A record never goes over into another datagram (RFC 6347 section 4.1.1).
    """
    reader = Reader(datagram, "DTLS record")
    first = True
    while reader.left:
        kind = reader.number(1)
        if not first and kind >> 5 == 0b001:
            return  # the short header of an encrypted record (RFC 9147 section 4)
        version = reader.number(2)
        if kind not in tuple(Content) or version not in _VERSION_OF:
            raise TlsFormatError(f"not a DTLS record: {datagram[:_RECORD_HEAD].hex()}")
        epoch, sequence = reader.number(2), reader.number(6)
        payload = reader.vector(2)
        yield Record(kind=kind, version=version, epoch=epoch, sequence=sequence, payload=payload)
        first = False


class HelloWriter:
    """The datagrams of one association: the hello, the same again, the hello with a cookie, an alert."""

    def __init__(self, hello: ClientHello) -> None:
        self._body = _as_dtls(hello)
        self.cookie = b""
        self._message = self._record = 0

    def datagrams(self) -> tuple[bytes, ...]:
        """The hello; the same message again when nothing new was learned (RFC 6347 section 4.2.4)."""
        random_and_session, rest = self._body
        body = random_and_session + vector(self.cookie, 1) + rest
        head = bytes([_CLIENT_HELLO]) + len(body).to_bytes(3, "big")
        head += self._message.to_bytes(2, "big")
        return tuple(
            self.record(
                Content.HANDSHAKE,
                head + at.to_bytes(3, "big") + vector(body[at : at + FRAGMENT_BYTES], 3),
            )
            for at in range(0, len(body), FRAGMENT_BYTES)
        )

    def take_cookie(self, cookie: bytes) -> None:
        """From here on the hello is a new message that carries the cookie (section 4.2.1)."""
        self.cookie = cookie
        self._message += 1

    def alert(self, number: int) -> bytes:
        return self.record(Content.ALERT, bytes([_FATAL, number]))

    def record(self, kind: Content, payload: bytes, version: Version = Version.TLS11) -> bytes:
        """One more record of this association, in the clear."""
        # The version of a first record is the oldest there is: no stack refuses that one.
        plain = Record(
            kind=kind, version=WIRE[version], epoch=0, sequence=self._record, payload=payload
        )
        self._record += 1
        return plain.to_bytes()


def _as_dtls(hello: ClientHello) -> tuple[bytes, bytes]:
    """The hello's body with versions of DTLS, in front of the place of the cookie, and behind it."""
    if hello.version not in WIRE:
        raise ValueError(f"there is no DTLS made of {hello.version.label}")
    reader = Reader(hello.to_bytes()[9:], "ClientHello")
    reader.take(2)
    front = WIRE[min(hello.version, Version.TLS12)].to_bytes(2, "big") + reader.take(32)
    front += vector(reader.vector(1), 1)
    rest = vector(reader.vector(2), 2) + vector(reader.vector(1), 1)
    if not reader.left:
        return front, rest
    listed, extensions = Reader(reader.vector(2), "ClientHello extensions"), b""
    while listed.left:
        kind, data = listed.number(2), listed.vector(2)
        if kind == Extension.SUPPORTED_VERSIONS:
            data = vector(WIRE[hello.version].to_bytes(2, "big"), 1)
        extensions += kind.to_bytes(2, "big") + vector(data, 2)
    return front, rest + vector(extensions, 2)


@dataclass(slots=True)
class _Partial:
    """A handshake message whose fragments are coming in, in any order, maybe twice."""

    kind: int
    length: int
    pieces: dict[int, bytes] = field(default_factory=dict)

    def whole(self) -> bytes | None:
        body = bytearray()
        for at in sorted(self.pieces):
            if at > len(body):
                return None
            body += self.pieces[at][len(body) - at :]
        return bytes(body) if len(body) >= self.length else None


class DatagramFlight(ServerFlight):
    """A ServerFlight that is fed whole datagrams. ``cookie`` is what the server asks for, if it does."""

    def __init__(self) -> None:
        super().__init__()
        self.cookie: bytes | None = None
        self._partial: dict[int, _Partial] = {}
        self._next: int | None = None
        """Number of the message that is due, known from the ServerHello on."""
        self._fragments = 0

    @property
    def pending(self) -> int:
        return sum(len(piece) for p in self._partial.values() for piece in p.pieces.values())

    def feed(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > MAX_FLIGHT:
            raise TlsFormatError(f"more than {MAX_FLIGHT} bytes in one answer")
        for record in records(data):
            if self.done:
                return
            if record.epoch == 0:  # what is encrypted is not for a prober without keys
                self._plain(record)

    def _plain(self, record: Record) -> None:
        if record.kind == Content.ALERT:
            reader = Reader(record.payload, "alert")
            self.alerts.append(AlertMessage(reader.number(1), reader.number(1)))
            self.done = self.fatal is not None
            if len(self.alerts) > MAX_WARNINGS:
                raise TlsFormatError(f"more than {MAX_WARNINGS} warning alerts")
        elif record.kind == Content.HANDSHAKE:
            reader = Reader(record.payload, "handshake fragment")
            while reader.left:
                self._fragment(reader)
            self._in_order()

    def _fragment(self, reader: Reader) -> None:
        kind, length, number, at = (reader.number(width) for width in (1, 3, 2, 3))
        piece = reader.vector(3)
        self._fragments += 1
        if length > MAX_FLIGHT or at + len(piece) > length:
            raise TlsFormatError(f"a fragment of {len(piece)} bytes at {at} of {length}")
        if self._fragments > MAX_FRAGMENTS:
            raise TlsFormatError(f"more than {MAX_FRAGMENTS} fragments in one answer")
        if self._next is not None and number < self._next:
            return  # said again
        message = self._partial.setdefault(number, _Partial(kind, length))
        if (message.kind, message.length) != (kind, length):
            if self._next is None and Handshake.HELLO_VERIFY_REQUEST in (message.kind, kind):
                # A stateless server may give its ServerHello the number of its request for a cookie.
                self._partial[number] = message = _Partial(kind, length)
            else:
                raise TlsFormatError(f"message {number} is told in two ways")
        if len(self._partial) > MAX_MESSAGES:
            raise TlsFormatError(f"more than {MAX_MESSAGES} handshake messages at once")
        if len(piece) >= len(message.pieces.get(at, b"")):
            message.pieces[at] = piece

    def _in_order(self) -> None:
        if self._next is None:
            self._first()
        while not self.done and self._next is not None and self._next in self._partial:
            message = self._partial[self._next]
            body = message.whole()
            if body is None:
                return
            del self._partial[self._next]
            self._next += 1
            self._message(message.kind, body)

    def _first(self) -> None:
        """Find the ServerHello, or the request for a cookie before it."""
        for number, message in sorted(self._partial.items()):
            body = message.whole()
            if message.kind == Handshake.SERVER_HELLO:
                self._next = number
                return
            if message.kind == Handshake.HELLO_VERIFY_REQUEST:
                if body is None:
                    return
                reader = Reader(body, "HelloVerifyRequest")
                reader.take(2)
                self.cookie = reader.vector(1)
                del self._partial[number]
            elif number == 0 and body is not None:
                raise TlsFormatError(f"handshake message {message.kind} before a ServerHello")

    def _message(self, kind: int, body: bytes) -> None:
        if self.hello is not None or kind != Handshake.SERVER_HELLO:
            super()._message(kind, body)
            return
        found = read_server_hello(body)
        if found.version not in _VERSION_OF:
            raise TlsFormatError(f"a ServerHello of version 0x{found.version:04x}, no DTLS")
        self.hello = replace(found, version=_VERSION_OF[found.version])
        self.done = self.hello.version >= Version.TLS13
