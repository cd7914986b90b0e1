"""DTLS 1.2 with a pre-shared key, the client's side (RFC 6347, RFC 4279, RFC 6655, RFC 5487). No I/O.

No library that is kept up and comes for Python has it: Python's ssl has no DTLS, and pyOpenSSL has no
pre-shared keys. The key derivation is HMAC, the ciphers are those of ``cryptography``.
"""

import hashlib
import hmac
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probe.collect.tls.codec.dtls import WIRE, DatagramFlight, HelloWriter, Record, records
from probe.collect.tls.codec.hello import ClientHello, Terms
from probe.collect.tls.codec.numbers import Content, Handshake, Version
from probe.collect.tls.codec.reading import Reader, TlsFormatError, vector

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM

CCM_8, CCM, GCM = 0xC0A8, 0xC0A4, 0x00A8
SUITES = (CCM_8, CCM, GCM)
"""TLS_PSK_WITH_AES_128_CCM_8, which RFC 7925 asks of every device, then CCM and GCM_SHA256."""
CLIENT_KEY_EXCHANGE, FINISHED = 16, 20
KEY, SALT, EXPLICIT, VERIFY = 16, 4, 8, 12
DTLS12 = WIRE[Version.TLS12]


def prf(secret: bytes, label: bytes, seed: bytes, size: int) -> bytes:
    """P_SHA256 (RFC 5246 section 5)."""
    seed, out, a = label + seed, b"", label + seed
    while len(out) < size:
        a = hmac.digest(secret, a, "sha256")
        out += hmac.digest(secret, a + seed, "sha256")
    return out[:size]


def premaster(key: bytes) -> bytes:
    """As many zeros as the key is long, and the key (RFC 4279 section 2)."""
    return vector(bytes(len(key)), 2) + vector(key, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came after our Finished, once it was decrypted."""

    alert: int | None = None
    finished: bool | None = None
    """Whether the server's Finished is right: only somebody who has the key can make it."""
    data: bytes = b""


class _Flight(DatagramFlight):
    """The server's flight with its messages as they were, for the hash of the handshake."""

    def __init__(self) -> None:
        super().__init__()
        self.raw = b""
        self.random = self.hint = b""

    def _message(self, kind: int, body: bytes) -> None:
        assert self._next is not None
        self.raw += _message(kind, self._next - 1, body)
        if kind == Handshake.SERVER_HELLO:
            self.random = body[2:34]
        if kind == Handshake.SERVER_KEY_EXCHANGE:
            self.hint = Reader(body, "ServerKeyExchange").vector(2)
        super()._message(kind, body)


def _message(kind: int, number: int, body: bytes) -> bytes:
    size = len(body).to_bytes(3, "big")
    return bytes((kind,)) + size + number.to_bytes(2, "big") + b"\0\0\0" + size + body


class PskClient:
    """One handshake: hello, answers, our key, then data. Feed it datagrams, send what it gives."""

    def __init__(self) -> None:
        self._random = os.urandom(32)
        offer = ClientHello(
            version=Version.TLS12, suites=SUITES, random=self._random, terms=Terms(bare=True)
        )
        self._writer = HelloWriter(offer)
        self._hello = b""
        self.flight = _Flight()
        self._messages = b""
        self._sequence = 0
        """Of our records under the key."""
        self._told = b""
        self._master = b""

    # --- before the key ---

    def hello(self) -> bytes:
        """The hello, with the cookie that was asked for last."""
        (datagram,) = self._writer.datagrams()
        self._hello = datagram[13:]
        return datagram

    def feed(self, datagram: bytes) -> bool:
        """Take an answer; whether the hello has to be said again with a cookie. Raises TlsFormatError."""
        self.flight.feed(datagram)
        if self.flight.cookie is None:
            return False
        cookie, self.flight.cookie = self.flight.cookie, None
        if cookie == self._writer.cookie:
            return False
        self._writer.take_cookie(cookie)
        return True

    @property
    def suite(self) -> int | None:
        """The suite that the server chose, once its flight is whole."""
        whole = self.flight.done and self.flight.hello is not None
        return self.flight.hello.suite if whole and self.flight.hello else None

    def cancel(self) -> bytes:
        """user_canceled in the clear: the device may forget the association."""
        return self._writer.alert(90)

    # --- with the key ---

    def present(self, identity: str, key: str) -> None:
        """Derive all keys (RFC 5246 section 8.1) and make our last flight; raises ValueError too late."""
        if self.suite not in SUITES:
            raise ValueError("the server chose none of our suites")
        number = int.from_bytes(self._hello[4:6], "big") + 1
        exchange = _message(CLIENT_KEY_EXCHANGE, number, vector(identity.encode()[:128], 2))
        theirs = self.flight.random
        secret = premaster(key.encode()[:128])
        self._master = prf(secret, b"master secret", self._random + theirs, 48)
        block = prf(self._master, b"key expansion", theirs + self._random, 2 * (KEY + SALT))
        self._ours, self._theirs = block[:KEY], block[KEY : 2 * KEY]
        self._our_salt = block[2 * KEY : 2 * KEY + SALT]
        self._their_salt = block[2 * KEY + SALT :]
        messages = self._hello + self.flight.raw + exchange
        verify = self._verify(b"client finished", messages)
        self._exchange = exchange
        self._finished = _message(FINISHED, number + 1, verify)
        self._told = self._verify(b"server finished", messages + self._finished)

    def last_flight(self) -> bytes:
        """ClientKeyExchange, ChangeCipherSpec and Finished in one datagram; as often as it is lost."""
        # OpenSSL drops a record of another version than the one agreed upon.
        agreed = Version.TLS12
        return (
            self._writer.record(Content.HANDSHAKE, self._exchange, agreed)
            + self._writer.record(Content.CHANGE_CIPHER_SPEC, b"\1", agreed)
            + self.protect(Content.HANDSHAKE, self._finished)
        )

    def protect(self, kind: int, payload: bytes) -> bytes:
        """A record under our key."""
        place = b"\0\1" + self._sequence.to_bytes(6, "big")
        self._sequence += 1
        head = bytes((kind,)) + DTLS12.to_bytes(2, "big")
        extra = place + head + len(payload).to_bytes(2, "big")
        sealed = _aead(self.suite, self._ours).encrypt(self._our_salt + place, payload, extra)
        return head + place + vector(place + sealed, 2)

    def goodbye(self) -> bytes:
        """close_notify under our key."""
        return self.protect(Content.ALERT, b"\1\0")

    def read(self, datagram: bytes) -> Iterator[Heard]:
        """What a datagram after our last flight says; what does not decrypt is passed by (RFC 6347 4.1.2.7)."""
        for record in records(datagram):
            payload = record.payload if record.epoch == 0 else self._open(record)
            if payload is None:
                continue
            if record.kind == Content.ALERT and len(payload) == 2:
                yield Heard(alert=payload[1])
            elif record.epoch and record.kind == Content.HANDSHAKE and payload[:1] == b"\x14":
                yield Heard(finished=hmac.compare_digest(payload[12:], self._told))
            elif record.epoch and record.kind == Content.APPLICATION_DATA:
                yield Heard(data=payload)

    def _open(self, record: Record) -> bytes | None:
        from cryptography.exceptions import InvalidTag

        sealed = record.payload[EXPLICIT:]
        size = len(sealed) - (8 if self.suite == CCM_8 else 16)
        if size < 0 or record.epoch != 1:
            return None
        place = record.epoch.to_bytes(2, "big") + record.sequence.to_bytes(6, "big")
        extra = place + bytes((record.kind,)) + record.version.to_bytes(2, "big")
        nonce = self._their_salt + record.payload[:EXPLICIT]
        try:
            return _aead(self.suite, self._theirs).decrypt(
                nonce, sealed, extra + size.to_bytes(2, "big")
            )
        except InvalidTag:
            return None

    def _verify(self, label: bytes, messages: bytes) -> bytes:
        return prf(self._master, label, hashlib.sha256(messages).digest(), VERIFY)


def _aead(suite: int | None, key: bytes) -> "AESCCM | AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM

    if suite == GCM:
        return AESGCM(key)
    return AESCCM(key, tag_length=8 if suite == CCM_8 else 16)


__all__ = ["SUITES", "Heard", "PskClient", "TlsFormatError"]
