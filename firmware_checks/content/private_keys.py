"""Reads private keys as they lie in images: PEM (also inside a program or a C string), DER, PKCS #12,
OpenSSH, and dropbear's own form. What is only the marker of a key is none.
"""

import base64
import binascii
import csv
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import probe
from firmware_checks.keys import fingerprint, spki

PUBLISHED = Path(probe.__file__).parent / "checks" / "tls" / "public_keys.csv"
LONGEST = 32_768
"""Bytes of a PEM block; RSA with 16384 bits needs 13 kB."""
BLOCK = re.compile(
    rb"-----BEGIN ((?:RSA |EC |DSA |OPENSSH |ENCRYPTED )?PRIVATE KEY|(?:TRUSTED |X509 )?CERTIFICATE)-----"
    rb"([A-Za-z0-9+/=\s\\\"',:.()-]{40,32768}?)-----END \1-----"
)
_ENDS = re.compile(rb"\\r|\\n|\\|\"|'|,")
"""What stands around the lines where PEM is quoted in a program's source or in JSON."""
_DROPBEAR = (
    b"\0\0\0\x07ssh-rsa",
    b"\0\0\0\x07ssh-dss",
    b"\0\0\0\x0bssh-ed25519",
    b"\0\0\0\x13ecdsa-sha2-nistp",
)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """``fingerprint``: SHA-256 of the SubjectPublicKeyInfo; empty when the key is encrypted or not read."""

    algorithm: str
    bits: int | None
    fingerprint: str
    encrypted: bool = False


def from_pem(label: bytes, body: bytes) -> PrivateKey | None:
    """The key of one block; None when what is between the markers is no key."""
    inner = _ENDS.sub(b"\n", body)
    if b"Proc-Type: 4,ENCRYPTED" in body.replace(b"\\", b"") or label == b"ENCRYPTED PRIVATE KEY":
        return PrivateKey(_algorithm(label), None, "", encrypted=True)
    der = decoded(inner)
    if len(der) < 32:
        return None
    if label == b"OPENSSH PRIVATE KEY":
        return _openssh(der)
    return from_der(der) or _unreadable(label, der)


def decoded(inner: bytes) -> bytes:
    """Base64 with white space; empty when it is none."""
    try:
        return base64.b64decode(b"".join(inner.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def from_der(der: bytes) -> PrivateKey | None:
    """PKCS #8, PKCS #1 or SEC 1; None when it is neither."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return _loaded(lambda: load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True))


def from_pkcs12(data: bytes) -> PrivateKey | None:
    """The key of a PKCS #12 file that has no password, or none that is hard to guess."""
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

    for password in (None, b"", b"password", b"changeit"):
        try:
            key, _, _ = load_key_and_certificates(data, password)
        except MemoryError:  # It says nothing of the bytes: the reader ends, and tells it.
            raise
        except Exception:  # noqa: BLE001, S112 - a wrong password and hostile DER look alike
            continue
        return None if key is None else _facts(key)
    return PrivateKey("PKCS #12", None, "", encrypted=True)


def from_dropbear(data: bytes) -> PrivateKey | None:
    """dropbear's host keys: the fields of RFC 4253 section 6.6, followed by the private ones."""
    if not data.startswith(_DROPBEAR) or len(data) > LONGEST:
        return None
    try:
        kind, *fields = _strings(data)
        return _loaded(lambda: _dropbear_public(kind, fields))
    except (struct.error, ValueError, IndexError):
        return None


def _dropbear_public(kind: bytes, fields: list[bytes]) -> Any:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

    numbers = [int.from_bytes(f, "big") for f in fields]
    if kind == b"ssh-rsa" and len(fields) >= 3:
        return rsa.RSAPublicNumbers(numbers[0], numbers[1]).public_key()
    if kind == b"ssh-dss" and len(fields) >= 5:
        p, q, g, y = numbers[:4]
        return dsa.DSAPublicNumbers(y, dsa.DSAParameterNumbers(p, q, g)).public_key()
    if kind == b"ssh-ed25519" and len(fields[0]) == 64:
        return ed25519.Ed25519PublicKey.from_public_bytes(fields[0][32:])
    if kind.startswith(b"ecdsa-sha2-nistp") and len(fields) >= 3:
        curve = {b"256": ec.SECP256R1(), b"384": ec.SECP384R1(), b"521": ec.SECP521R1()}
        return ec.EllipticCurvePublicKey.from_encoded_point(curve[kind[-3:]], fields[1])
    raise ValueError("a public key only")


def _strings(data: bytes, most: int = 12) -> list[bytes]:
    """The strings of RFC 4251 section 5 that ``data`` begins with."""
    found: list[bytes] = []
    at = 0
    while at < len(data) and len(found) < most:
        (size,) = struct.unpack_from(">I", data, at)
        if at + 4 + size > len(data):
            raise ValueError("cut short")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def _openssh(data: bytes) -> PrivateKey | None:
    """openssh-key-v1 (PROTOCOL.key): the cipher stands in front; the public key is there in any case."""
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    if not data.startswith(b"openssh-key-v1\0"):
        return None
    try:
        cipher, name, options = _strings(data[15:], 3)
        at = 15 + 12 + len(cipher) + len(name) + len(options) + 4
        (public,) = _strings(data[at:], 1)
        (kind,) = _strings(public, 1)
    except (struct.error, ValueError):
        return None
    line = kind + b" " + base64.b64encode(public)
    key = _loaded(lambda: load_ssh_public_key(line))
    if key is None:
        return None
    return PrivateKey(key.algorithm, key.bits, key.fingerprint, encrypted=cipher != b"none")


def _unreadable(label: bytes, der: bytes) -> PrivateKey | None:
    """A key that the library does not know; None for DER that is no sequence of its own length."""
    long_form = der[:2] == b"\x30\x82" and int.from_bytes(der[2:4], "big") + 4 == len(der)
    short_form = der[0] == 0x30 and der[1] in (len(der) - 2, 0x81)
    return PrivateKey(_algorithm(label), None, "") if long_form or short_form else None


def _algorithm(label: bytes) -> str:
    return {b"RSA": "RSA", b"EC": "EC", b"DSA": "DSA"}.get(label.split()[0], "unknown")


def _loaded(load: Callable[[], Any]) -> PrivateKey | None:
    try:
        return _facts(load())
    except TypeError:  # A password is needed.
        return PrivateKey("unknown", None, "", encrypted=True)
    except MemoryError:  # It says nothing of the bytes: the reader ends, and tells it.
        raise
    except Exception:  # noqa: BLE001 - hostile bytes: whatever is wrong with them, they are no key
        return None


def _facts(key: Any) -> PrivateKey:
    public = key.public_key() if hasattr(key, "public_key") else key
    name = type(public).__name__.removesuffix("PublicKey").lstrip("_")
    algorithm = {"EllipticCurve": "EC", "ECPublicKey": "EC"}.get(name, name)
    bits = getattr(public, "key_size", None) or {"Ed25519": 256, "X25519": 256, "Ed448": 456}.get(
        algorithm
    )
    return PrivateKey(algorithm, bits, fingerprint(spki(public)))


def from_public(key: Any) -> PrivateKey:
    """Kind, size and fingerprint of a public key."""
    return _facts(key)


@cache
def published() -> dict[str, str]:
    """Where the private half of a publicly known key stands, by the SHA-256 of its SubjectPublicKeyInfo."""
    lines = [s for s in PUBLISHED.read_text("utf-8").splitlines() if not s.startswith("#")]
    return {row["sha256"]: f"{row['source']}, {row['file']}" for row in csv.DictReader(lines)}
