"""Detached OpenPGP signatures and the keys that make them, as far as updates are signed with them (SWUpdate).

Source: RFC 9580 sections 4 (packets), 5.2 (signatures), 5.5 (keys), 6 (armour). Version 4 of both, binary documents;
other versions are told as not read.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firmware_checks.reading import PublicKey
from firmware_checks.view import Malformed, View

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

SIGNATURE, KEY, SUBKEY = 2, 6, 14
RSA, ECDSA, EDDSA, ED25519 = (1, 3), 19, 22, 27
HASHES = {1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224"}
CURVES = {
    "2a8648ce3d030107": "SECP256R1",
    "2b81040022": "SECP384R1",
    "2b81040023": "SECP521R1",
}
ED25519_OID = "2b06010401da470f01"
ISSUER, FINGERPRINT = 16, 33
BINARY_DOCUMENT = 0
ARMOUR = re.compile(
    rb"-----BEGIN PGP (?:PUBLIC KEY BLOCK|SIGNATURE)-----\r?\n(?:[^\r\n]+\r?\n)*\r?\n([A-Za-z0-9+/=\s]+?)-----END"
)
MOST_PACKETS = 64
LARGEST = 1 << 18


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature; ``value`` in the form in which ``signatures.check`` takes it."""

    hash_name: str
    algorithm: str
    """``RSA``, ``EC`` or ``Ed25519``."""
    bits: int | None
    """Of an RSA key, by the length of the signature."""
    value: bytes
    trailer: bytes
    """What is hashed after the document."""
    signer: str

    def digest(self, document: memoryview) -> bytes:
        made = hashlib.new(self.hash_name, document)
        made.update(self.trailer)
        return made.digest()


def _plain(data: bytes) -> bytes:
    """Without armour. Raises Malformed."""
    if len(data) > LARGEST:
        raise Malformed("more OpenPGP data than a key or signature has")
    hit = ARMOUR.search(data)
    if hit is None:
        return data
    # The checksum stands on a line of its own, after an equals sign.
    text = re.sub(rb"\s=[A-Za-z0-9+/]{4}\s*$", b"", hit.group(1))
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("the armour is damaged") from None


def _packets(data: bytes) -> Iterator[tuple[int, View]]:
    """Kind and contents of each packet. Raises Malformed."""
    view, at = View(data), 0
    for _ in range(MOST_PACKETS):
        if at == len(view):
            return
        head = view.u8(at)
        if not head & 0x80:
            raise Malformed("no OpenPGP packet")
        if head & 0x40:
            kind, (size, at) = head & 0x3F, _length(view, at + 1)
        else:
            kind, width = head >> 2 & 0xF, head & 3
            if width == 3:
                raise Malformed("a packet without length")
            size = int.from_bytes(view.read(at + 1, 1 << width))
            at += 1 + (1 << width)
        yield kind, view.part(at, size)
        at += size
    raise Malformed("more packets than a key or signature has")


def _length(view: View, at: int) -> tuple[int, int]:
    """A length of the new form, also of subpackets, and where what it counts begins."""
    first = view.u8(at)
    if first < 192:
        return first, at + 1
    if first < 224:
        return ((first - 192) << 8) + view.u8(at + 1) + 192, at + 2
    if first == 255:
        return view.u32(at + 1, ">"), at + 5
    raise Malformed("a packet in pieces")


def _number(view: View, at: int) -> tuple[bytes, int]:
    """A multiprecision integer, and where the next one begins."""
    size = (view.u16(at, ">") + 7) // 8
    return view.read(at + 2, size), at + 2 + size


def signatures(data: bytes) -> list[Signature]:
    """All signatures of a detached signature file. Raises Malformed, also when one is of another version."""
    found = []
    for kind, body in _packets(_plain(data)):
        if kind != SIGNATURE:
            raise Malformed("it holds more than OpenPGP signatures")
        found.append(_signature(body))
    if not found:
        raise Malformed("there is no OpenPGP signature")
    return found


def _signature(view: View) -> Signature:
    version, kind, algorithm, hashed, size = view.unpack(">BBBBH", 0)
    if version != 4 or kind != BINARY_DOCUMENT or hashed not in HASHES:
        raise Malformed(f"an OpenPGP signature of version {version}, kind {kind}, hash {hashed}")
    end = 6 + size
    loose = view.u16(end, ">")
    signer = ""
    for area in (view.part(end + 2, loose), view.part(6, size)):
        signer = _signer(area) or signer
    at = end + 2 + loose + 2
    name, bits, value = "Ed25519", None, b""
    if algorithm in RSA:
        value, _ = _number(view, at)
        # A number is written without leading zeros; the signature is as long as the key.
        length = -(-len(value) // 32) * 32
        name, bits, value = "RSA", 8 * length, value.rjust(length, b"\0")
    elif algorithm in (ECDSA, EDDSA):
        r, at = _number(view, at)
        s, _ = _number(view, at)
        half = 32 if algorithm == EDDSA else max(_half(r), _half(s))
        if len(r) > half or len(s) > half:
            raise Malformed("an OpenPGP signature that is too long")
        name = "EC" if algorithm == ECDSA else name
        value = r.rjust(half, b"\0") + s.rjust(half, b"\0")
    elif algorithm == ED25519:
        value = view.read(at, 64)
    else:
        raise Malformed(f"an OpenPGP signature of the algorithm {algorithm}")
    trailer = view.read(0, end) + b"\x04\xff" + end.to_bytes(4)
    return Signature(HASHES[hashed], name, bits, value, trailer, signer)


def _half(number: bytes) -> int:
    return next((size for size in (32, 48, 66) if len(number) <= size), len(number))


def _signer(area: View) -> str:
    """Fingerprint or key identifier of who signed, in hexadecimal."""
    at, found = 0, ""
    while at < len(area):
        size, at = _length(area, at)
        body = area.part(at, size)
        if size and body.u8(0) & 0x7F == FINGERPRINT:
            return body.read(2).hex()
        if size and body.u8(0) & 0x7F == ISSUER:
            found = body.read(1).hex()
        at += size
    return found


def keys(name: str, data: bytes) -> list[PublicKey]:
    """Primary key and subkeys of a key file that can sign; nothing when it is no OpenPGP file."""
    found = []
    try:
        for kind, body in _packets(_plain(data)):
            if kind in (KEY, SUBKEY) and (public := _key(body)) is not None:
                found.append(PublicKey(name=name, der=_der(public)))
    except Malformed:
        return []
    return found


def _key(view: View) -> "PublicKeyTypes | None":
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    version, algorithm = view.u8(0), view.u8(5)
    if version != 4:
        return None
    try:
        if algorithm in RSA:
            n, at = _number(view, 6)
            e, _ = _number(view, at)
            return rsa.RSAPublicNumbers(int.from_bytes(e), int.from_bytes(n)).public_key()
        if algorithm == ED25519:
            return ed25519.Ed25519PublicKey.from_public_bytes(view.read(6, 32))
        if algorithm in (ECDSA, EDDSA):
            size = view.u8(6)
            oid, (point, _) = view.read(7, size).hex(), _number(view, 7 + size)
            if oid == ED25519_OID and point[:1] == b"\x40":
                return ed25519.Ed25519PublicKey.from_public_bytes(point[1:])
            if oid in CURVES:
                curve: ec.EllipticCurve = getattr(ec, CURVES[oid])()
                return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    except ValueError:
        return None
    return None


def _der(public: "PublicKeyTypes") -> bytes:
    from cryptography.hazmat.primitives import serialization as s

    return public.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
