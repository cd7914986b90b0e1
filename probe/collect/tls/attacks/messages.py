"""What is said after a ServerHelloDone, and what is read of the answer. No I/O, every size bounded."""

from probe.collect.tls.codec import ServerFlight, Version
from probe.collect.tls.codec.dtls import DatagramFlight, Record
from probe.collect.tls.codec.numbers import Content
from probe.collect.tls.codec.reading import Reader, TlsFormatError, vector

CHANGE_CIPHER_SPEC = b"\1"
HEARTBEAT_REQUEST, HEARTBEAT_RESPONSE = 1, 2
PADDING_BYTES = 16
"""The least that RFC 6520 section 4 allows."""
MAX_HEARTBEATS = 4
_NEW_SESSION_TICKET = 4
_CERTIFICATE, _CLIENT_KEY_EXCHANGE, _FINISHED = 11, 16, 20


def record(kind: int, version: int, payload: bytes) -> bytes:
    """One TLSPlaintext (RFC 5246 section 6.2.1)."""
    return bytes([kind]) + version.to_bytes(2, "big") + vector(payload, 2)


def handshake(kind: int, body: bytes) -> bytes:
    """One handshake message (RFC 5246 section 7.4)."""
    return bytes([kind]) + vector(body, 3)


def heartbeat_request(payload: bytes, claimed: int, padding: bytes) -> bytes:
    """A HeartbeatMessage that says it carries ``claimed`` bytes (RFC 6520 section 4)."""
    return bytes([HEARTBEAT_REQUEST]) + claimed.to_bytes(2, "big") + payload + padding


def no_certificate() -> bytes:
    """The answer of a client that has none (RFC 5246 section 7.4.6)."""
    return handshake(_CERTIFICATE, vector(b"", 3))


def client_key_exchange(encrypted: bytes, version: int) -> bytes:
    """With an encrypted premaster secret; SSL 3.0 has no length in front of it (RFC 5246 7.4.7.1)."""
    return handshake(
        _CLIENT_KEY_EXCHANGE, encrypted if version <= Version.SSL3 else vector(encrypted, 2)
    )


def plain_finished() -> bytes:
    """A Finished that is not encrypted: out of place wherever it comes."""
    return handshake(_FINISHED, bytes(12))


class Aftermath(ServerFlight):
    """A ServerFlight that reads on after its end when told to: heartbeats, a ticket, encryption."""

    def __init__(self) -> None:
        super().__init__()
        self.heartbeats: list[bytes] = []
        """HeartbeatMessages, as they came."""
        self.ticket = b""
        self.encrypted = False
        """The server has sent its ChangeCipherSpec."""

    def go_on(self) -> None:
        """Read what follows; raises TlsFormatError as ``feed`` does."""
        self.done = self.fatal is not None
        self.feed(b"")

    def _record(self, kind: int, payload: bytes) -> None:
        if kind == Content.HEARTBEAT:
            _take(self.heartbeats, payload)
            self.done = True
        elif kind == Content.CHANGE_CIPHER_SPEC:
            self.encrypted = self.done = True
        else:
            super()._record(kind, payload)

    def _message(self, kind: int, body: bytes) -> None:
        if kind == _NEW_SESSION_TICKET and self.hello is not None:
            reader = Reader(body, "NewSessionTicket")
            reader.take(4)  # its lifetime (RFC 5077 section 3.3)
            self.ticket = reader.vector(2)
        else:
            super()._message(kind, body)


class DatagramAftermath(DatagramFlight):
    """The same of a DTLS server, as far as heartbeats."""

    def __init__(self) -> None:
        super().__init__()
        self.heartbeats: list[bytes] = []

    def go_on(self) -> None:
        self.done = self.fatal is not None

    def _plain(self, record: Record) -> None:
        if record.kind == Content.HEARTBEAT:
            _take(self.heartbeats, record.payload)
            self.done = True
        else:
            super()._plain(record)


def _take(heartbeats: list[bytes], payload: bytes) -> None:
    heartbeats.append(payload)
    if len(heartbeats) > MAX_HEARTBEATS:
        raise TlsFormatError(f"more than {MAX_HEARTBEATS} heartbeats")
