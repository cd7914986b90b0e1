"""SSL 2.0, which shares nothing with TLS but the port: one hello out, one answer in.

Read against the Internet Draft draft-hickman-netscape-ssl-00; RFC 6176 forbids the protocol.
"""

from probe.collect.tls.codec.flight import ServerFlight, ServerHello
from probe.collect.tls.codec.reading import Reader, TlsFormatError

VERSION = 0x0002
CIPHERS = {
    0x010080: "SSL_CK_RC4_128_WITH_MD5",
    0x020080: "SSL_CK_RC4_128_EXPORT40_WITH_MD5",
    0x030080: "SSL_CK_RC2_128_CBC_WITH_MD5",
    0x040080: "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5",
    0x050080: "SSL_CK_IDEA_128_CBC_WITH_MD5",
    0x060040: "SSL_CK_DES_64_CBC_WITH_MD5",
    0x0700C0: "SSL_CK_DES_192_EDE3_CBC_WITH_MD5",
}
CHALLENGE_BYTES = 16

_ERROR, _CLIENT_HELLO, _SERVER_HELLO = 0, 1, 4
_ERRORS = {1: "no cipher", 2: "no certificate", 4: "bad certificate", 6: "unsupported certificate"}
_LARGEST = 0x7FFF
"""Of a record whose header has two bytes; longer headers are for the padding of encrypted ones."""


def client_hello(ciphers: tuple[int, ...], random: bytes) -> bytes:
    """CLIENT-HELLO with a challenge cut out of ``random``."""
    listed = b"".join(c.to_bytes(3, "big") for c in ciphers)
    body = bytes([_CLIENT_HELLO]) + VERSION.to_bytes(2, "big")
    body += len(listed).to_bytes(2, "big") + b"\0\0" + CHALLENGE_BYTES.to_bytes(2, "big")
    body += listed + random[:CHALLENGE_BYTES].ljust(CHALLENGE_BYTES, b"\0")
    return (0x8000 | len(body)).to_bytes(2, "big") + body


def read_server_hello(body: bytes) -> tuple[ServerHello, bytes]:
    """A SERVER-HELLO and its certificate. Raises TlsFormatError unless every byte of it fits.

    Without a cipher there is no service: the protocol is spoken, but nothing can be said in it.
    """
    reader = Reader(body, "SSLv2 SERVER-HELLO")
    kind = reader.number(1)
    if kind == _ERROR and reader.left == 2:
        code = reader.number(2)
        raise TlsFormatError(f"an SSLv2 error: {_ERRORS.get(code, code)}")
    if kind != _SERVER_HELLO:
        raise TlsFormatError(f"SSLv2 message {kind} instead of a SERVER-HELLO")
    resumed, certificate_type, version = reader.number(1), reader.number(1), reader.number(2)
    lengths = [reader.number(2) for _ in range(3)]
    certificate, listed, _ = (reader.take(length) for length in lengths)
    if version != VERSION or resumed > 1 or certificate_type > 1 or reader.left or len(listed) % 3:
        raise TlsFormatError("an SSLv2 SERVER-HELLO that does not add up")
    offered = [int.from_bytes(listed[at : at + 3], "big") for at in range(0, len(listed), 3)]
    chosen = next((c for c in offered if c in CIPHERS), None)
    if chosen is None:
        raise TlsFormatError("an SSLv2 SERVER-HELLO without any cipher of SSLv2")
    return ServerHello(version=VERSION, suite=chosen, compression=0), certificate


class Ssl2Flight(ServerFlight):
    """What comes back to a CLIENT-HELLO: a SERVER-HELLO, or the alert of a TLS stack."""

    def __init__(self) -> None:
        super().__init__()
        self._start = bytearray()
        self._tls = False

    @property
    def pending(self) -> int:
        return len(self._start) + super().pending

    def feed(self, data: bytes) -> None:
        self._tls |= not self._start and data[:1] < b"\x80"
        if self._tls:
            super().feed(data)
            return
        self._start += data
        self.size = len(self._start)
        if self.done or self.size < 2:
            return
        end = 2 + (int.from_bytes(self._start[:2], "big") & _LARGEST)
        if self.size >= end:
            self.hello, certificate = read_server_hello(bytes(self._start[2:end]))
            self.certificates = (certificate,) if certificate else ()
            self.done = True
