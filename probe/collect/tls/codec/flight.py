"""What a server says until encryption starts: records, handshake messages over fragments, alerts."""

from dataclasses import dataclass, field

from probe.collect.tls.codec.numbers import Content, Extension, Handshake, Version
from probe.collect.tls.codec.reading import Reader, TlsFormatError

MAX_FLIGHT = 65_536
"""Bytes of one answer that are read. A chain of ten RSA-4096 certificates needs a quarter of it."""
MAX_RECORD = 16_384 + 2_048
MAX_CERTIFICATES = 10
MAX_WARNINGS = 8

# SHA-256 of "HelloRetryRequest" stands where the server's random would be (RFC 8446 section 4.1.3).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHello:
    """ServerHello, or HelloRetryRequest when ``retry``. ``group`` is what a TLS 1.3 key share names."""

    version: int
    suite: int
    compression: int
    extensions: dict[int, bytes] = field(default_factory=dict)
    retry: bool = False
    session_id: bytes = b""

    @property
    def group(self) -> int | None:
        share = self.extensions.get(Extension.KEY_SHARE, b"")
        return int.from_bytes(share[:2], "big") if len(share) >= 2 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExchange:
    """ServerKeyExchange, as far as it is readable without the key: the group and the signature."""

    group: int | None = None
    """Named curve of ECDHE."""
    dh_bits: int | None = None
    """Length of the prime of DHE."""
    dh_prime: int = 0
    dh_generator: int = 0
    signature: int | None = None
    """SignatureScheme, TLS 1.2 only."""


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """``level`` 1 is a warning, 2 is fatal."""

    level: int
    number: int


class ServerFlight:
    """Feed it bytes as they come; read what has been understood so far.

    ``feed`` raises TlsFormatError when the bytes are not TLS, or more than ``MAX_FLIGHT``.
    """

    def __init__(self) -> None:
        self.hello: ServerHello | None = None
        self.certificates: tuple[bytes, ...] = ()
        """DER, as presented, the device's own first."""
        self.key_exchange: bytes | None = None
        """ServerKeyExchange body; see ``read_key_exchange``."""
        self.raw_public_key: bytes | None = None
        """SubjectPublicKeyInfo in the place of a certificate (RFC 7250 section 3)."""
        self.stapled = False
        """The state of the certificate came along (RFC 6066 section 8)."""
        self.wants_client_certificate = False
        self.done = False
        """Nothing readable follows: ServerHelloDone, a retry request, encryption, or a fatal alert."""
        self.alerts: list[AlertMessage] = []
        self.size = 0
        self._records = bytearray()
        self._messages = bytearray()
        self._kind = self._left = 0
        """Of the record that is being read: its type, and the bytes that are still to come."""

    @property
    def fatal(self) -> AlertMessage | None:
        """The alert that ended the handshake. close_notify ends it whatever its level says."""
        return next((a for a in self.alerts if a.level == 2 or a.number == 0), None)

    @property
    def pending(self) -> int:
        """Bytes of an unfinished record or message, come or awaited."""
        return max(len(self._records), self._left) + len(self._messages)

    def feed(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > MAX_FLIGHT:
            raise TlsFormatError(f"more than {MAX_FLIGHT} bytes in one answer")
        self._records += data
        while not self.done and (self._left or len(self._records) >= 5):
            if not self._left:
                self._begin_record()
            if len(self._records) < self._left and self._kind != Content.HANDSHAKE:
                return
            # A message need not wait for the end of its record: some devices write byte by byte.
            payload = bytes(self._records[: self._left])
            del self._records[: self._left]
            self._left -= len(payload)
            self._record(self._kind, payload)
            if not self._records:
                return

    def _begin_record(self) -> None:
        kind, length = self._records[0], int.from_bytes(self._records[3:5], "big")
        if kind not in tuple(Content) or self._records[1] != 3 or length > MAX_RECORD:
            raise TlsFormatError(f"not a TLS record: {self._records[:5].hex()}")
        del self._records[:5]
        self._kind, self._left = kind, length

    def _record(self, kind: int, payload: bytes) -> None:
        if kind == Content.ALERT:
            reader = Reader(payload, "alert")
            self.alerts.append(AlertMessage(reader.number(1), reader.number(1)))
            self.done = self.fatal is not None
            if len(self.alerts) > MAX_WARNINGS:
                raise TlsFormatError(f"more than {MAX_WARNINGS} warning alerts")
        elif kind == Content.HANDSHAKE:
            self._messages += payload
            self._take_messages()
        elif kind == Content.APPLICATION_DATA:
            if self.hello is None:
                raise TlsFormatError("application data before a ServerHello")
            self.done = True

    def _take_messages(self) -> None:
        while not self.done and len(self._messages) >= 4:
            length = int.from_bytes(self._messages[1:4], "big")
            if length > MAX_FLIGHT:
                raise TlsFormatError(f"a handshake message of {length} bytes")
            if len(self._messages) < 4 + length:
                return
            kind, body = self._messages[0], bytes(self._messages[4 : 4 + length])
            del self._messages[: 4 + length]
            self._message(kind, body)

    def _message(self, kind: int, body: bytes) -> None:
        if self.hello is None:
            if kind != Handshake.SERVER_HELLO:
                raise TlsFormatError(f"handshake message {kind} before a ServerHello")
            self.hello = read_server_hello(body)
            self.done = self.hello.version >= Version.TLS13
        elif kind == Handshake.CERTIFICATE:
            # The server answers a list of certificate types with the one that it takes.
            if self.hello.extensions.get(Extension.SERVER_CERTIFICATE_TYPE) == b"\2":
                self.raw_public_key = Reader(body, "Certificate").vector(3)
            else:
                self.certificates = read_certificates(body)
        elif kind == Handshake.CERTIFICATE_STATUS:
            self.stapled = True
        elif kind == Handshake.SERVER_KEY_EXCHANGE:
            self.key_exchange = body
        elif kind == Handshake.CERTIFICATE_REQUEST:
            self.wants_client_certificate = True
        elif kind == Handshake.SERVER_HELLO_DONE:
            self.done = True


def read_server_hello(body: bytes) -> ServerHello:
    """The message body; raises TlsFormatError."""
    reader = Reader(body, "ServerHello")
    version, random = reader.number(2), reader.take(32)
    session_id = reader.vector(1)
    suite, compression = reader.number(2), reader.number(1)
    extensions: dict[int, bytes] = {}
    if reader.left:
        listed = Reader(reader.vector(2), "ServerHello extensions")
        while listed.left:
            kind = listed.number(2)
            extensions[kind] = listed.vector(2)
    chosen = extensions.get(Extension.SUPPORTED_VERSIONS, b"")
    if len(chosen) == 2:
        version = int.from_bytes(chosen, "big")
    return ServerHello(
        version=version,
        suite=suite,
        compression=compression,
        extensions=extensions,
        retry=random == _RETRY,
        session_id=session_id,
    )


def read_certificates(body: bytes) -> tuple[bytes, ...]:
    """The DER certificates of a Certificate message below TLS 1.3, at most MAX_CERTIFICATES."""
    listed = Reader(Reader(body, "Certificate").vector(3), "Certificate list")
    found: list[bytes] = []
    while listed.left:
        found.append(listed.vector(3))
        if len(found) > MAX_CERTIFICATES:
            raise TlsFormatError(f"more than {MAX_CERTIFICATES} certificates")
    return tuple(found)


def read_key_exchange(body: bytes, key_exchange: str, version: int) -> KeyExchange:
    """The body of a ServerKeyExchange under a suite's key exchange name; raises TlsFormatError."""
    reader = Reader(body, "ServerKeyExchange")
    if key_exchange.endswith("PSK"):
        reader.vector(2)  # the identity hint comes first (RFC 4279 section 3)
    group = dh_bits = signature = None
    prime = generator = 0
    if key_exchange.startswith("ECDH"):
        curve_type = reader.number(1)
        if curve_type != 3:
            raise TlsFormatError(f"elliptic curve of type {curve_type}, not a named one")
        group = reader.number(2)
        reader.vector(1)
    elif key_exchange.startswith("DH"):
        prime = int.from_bytes(reader.vector(2), "big")
        dh_bits = prime.bit_length()
        generator = int.from_bytes(reader.vector(2), "big")
        reader.vector(2)
    if version == Version.TLS12 and reader.left >= 4:
        signature = reader.number(2)
    return KeyExchange(
        group=group,
        dh_bits=dh_bits,
        dh_prime=prime,
        dh_generator=generator,
        signature=signature,
    )
