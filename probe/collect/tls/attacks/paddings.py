"""RSA-encrypted premaster secrets with right and wrong padding, for the question that ROBOT asks.

Public-key operations only: numbers from the certificate and ``pow``. Paddings: RFC 8017 section 7.2.1;
the five kinds that tell oracles apart are those of the ROBOT paper (Böck, Somorovsky, Young, 2018).
"""

import os
from dataclasses import dataclass

from probe.collect.tls.codec.reading import TlsFormatError

SECRET_BYTES = 48
MOST_MODULUS_BITS, MOST_EXPONENT_BITS = 16_384, 64
"""A device must not make the probe compute for ever."""
_WRONG_VERSION = b"\2\2"


@dataclass(frozen=True, slots=True)
class RsaKey:
    """A public key as its two numbers."""

    modulus: int
    exponent: int

    @property
    def size(self) -> int:
        """Bytes of what is encrypted under it."""
        return (self.modulus.bit_length() + 7) // 8

    def encrypt(self, block: bytes) -> bytes:
        """Without any padding of its own."""
        number = pow(int.from_bytes(block, "big"), self.exponent, self.modulus)
        return number.to_bytes(self.size, "big")


def read_key(der: bytes) -> RsaKey:
    """The RSA key of a certificate; raises TlsFormatError when it has none that can be used here."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except Exception as error:  # noqa: BLE001 - hostile DER, or a key that the library refuses
        raise TlsFormatError(
            f"the key of the certificate cannot be read: {type(error).__name__}"
        ) from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise TlsFormatError("the key of the certificate is not an RSA key")
    numbers = key.public_numbers()
    fits = 8 * (SECRET_BYTES + 11) <= numbers.n.bit_length() <= MOST_MODULUS_BITS
    if not fits or numbers.e.bit_length() > MOST_EXPONENT_BITS:
        raise TlsFormatError("the RSA key of the certificate is too short or too long to be used")
    return RsaKey(numbers.n, numbers.e)


CORRECT, WRONG_VERSION = "correct", "wrong version inside"
WRONG_START, NO_ZERO, LATE_ZERO = "wrong first bytes", "no zero byte", "zero byte too late"
KINDS = (CORRECT, WRONG_START, LATE_ZERO, NO_ZERO, WRONG_VERSION)
MALFORMED = (WRONG_START, LATE_ZERO, NO_ZERO)


def block(kind: str, size: int, version: int) -> bytes:
    """One block of ``size`` bytes for a client that offered ``version`` (RFC 5246 section 7.4.7.1)."""
    secret = os.urandom(SECRET_BYTES - 2)
    room = size - 3 - SECRET_BYTES
    if kind == WRONG_START:
        return b"\x41\x17" + _filling(room) + b"\0" + version.to_bytes(2, "big") + secret
    if kind == LATE_ZERO:
        return b"\0\2" + _filling(size - 4) + b"\0\x11"
    if kind == NO_ZERO:
        return b"\0\2" + _filling(size - 2)
    inside = _WRONG_VERSION if kind == WRONG_VERSION else version.to_bytes(2, "big")
    return b"\0\2" + _filling(room) + b"\0" + inside + secret


def _filling(count: int) -> bytes:
    """Random bytes without a zero among them."""
    return bytes(1 + byte % 255 for byte in os.urandom(count))
