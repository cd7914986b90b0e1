"""Keys: those that the user gives to verify with, those found in images, and what is too weak today."""

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any

from firmware_checks import lms, openpgp
from firmware_checks.reading import PublicKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from firmware_checks.curves import CurveKey

PEM = re.compile(
    rb"-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE|(?:RSA |EC )?PUBLIC KEY)-----.{1,100000}?-----END \1-----",
    re.DOTALL,
)
WEAK_RSA = 2048
"""BSI TR-02102-1 and NIST SP 800-131A: RSA below 2048 bits is not acceptable."""
WEAK_EC = 224


class NotAKey(Exception):
    """The bytes hold no public key."""


def read_key(name: str, data: bytes) -> list[PublicKey]:
    """Every public key in a PEM or DER file, of signify or usign, of HSS-LMS, of OpenPGP, and the compressed point
    of a Zigbee authority. Raises NotAKey."""
    if raw := lms.raw_key(data):
        return [PublicKey(name=name, der=lms.wrapped(raw))]
    found: list[PublicKey] = []
    for block in PEM.finditer(data):
        found += _one(name, block.group(0), pem=True)
    if found:
        return found
    if key := _signify(data):
        return [PublicKey(name=name, der=spki(key))]
    if b"PRIVATE KEY" in data:
        raise NotAKey("it is a private key, which nobody should give away")
    found = _one(name, data, pem=False)
    if not (found := found or openpgp.keys(name, data)):
        if data.startswith((b"ssh-", b"ecdsa-sha2-")):
            raise NotAKey("it is a key of SSH (ssh-keygen -e -m PKCS8 -f FILE makes PEM of some)")
        if b"-----BEGIN " in data:
            raise NotAKey("it is PEM of something else")
        raise NotAKey("it is neither PEM nor DER")
    return found


def _one(name: str, data: bytes, *, pem: bool) -> list[PublicKey]:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as s

    readers: list[Any] = [
        x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate,
        s.load_pem_public_key if pem else s.load_der_public_key,
    ]
    for read in readers:
        try:
            got = read(data)
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(got, x509.Certificate):
            try:
                der = spki(got.public_key())
            except (ValueError, UnsupportedAlgorithm):
                continue
            return [PublicKey(name=name, der=der, certificate=got.public_bytes(s.Encoding.DER))]
        return [PublicKey(name=name, der=spki(got))]
    from firmware_checks import curves

    key_on_curve = curves.read(data)
    return [PublicKey(name=name, der=curves.wrapped(key_on_curve))] if key_on_curve else []


def _signify(data: bytes) -> "PublicKeyTypes | None":
    """The Ed25519 key of a signify or usign file: a comment line, then base64 of ``Ed``, id and key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    lines = data.splitlines()
    try:
        raw = base64.b64decode(lines[1], validate=True)
    except (IndexError, ValueError):
        return None
    if len(raw) != 42 or raw[:2] != b"Ed":
        return None
    return Ed25519PublicKey.from_public_bytes(raw[10:])


def spki(key: "PublicKeyTypes") -> bytes:
    """SubjectPublicKeyInfo in DER."""
    from cryptography.hazmat.primitives import serialization as s

    return key.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)


def pkcs1(key: PublicKey) -> bytes:
    """The RSAPublicKey structure of an RSA key (RFC 8017 appendix A.1.1); empty for any other."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    public = load(key)
    if not isinstance(public, RSAPublicKey):
        return b""
    return public.public_bytes(s.Encoding.DER, s.PublicFormat.PKCS1)


def load(key: PublicKey) -> "PublicKeyTypes | lms.HssPublicKey | CurveKey":
    """The key as ``cryptography`` has it, or one of HSS-LMS or of a curve that it has not."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    if raw := lms.raw_key(key.der):
        return lms.public_key(raw)
    try:
        return load_der_public_key(key.der)
    except (ValueError, UnsupportedAlgorithm):
        from firmware_checks.curves import public_key

        if key_on_curve := public_key(key.der):
            return key_on_curve
        raise


def fingerprint(der: bytes) -> str:
    """SHA-256 of the SubjectPublicKeyInfo."""
    return hashlib.sha256(der).hexdigest()


def weakness(algorithm: str, bits: int | None) -> str:
    """Why a signature key of ``algorithm`` (``RSA``, ``EC`` …) and size is too weak; empty when it is not."""
    if bits is None:
        return ""
    if algorithm == "RSA" and bits < WEAK_RSA:
        return f"RSA with {bits} bits; at least {WEAK_RSA} are needed"
    if algorithm == "EC" and bits < WEAK_EC:
        return f"a curve of {bits} bits; at least {WEAK_EC} are needed"
    return ""
