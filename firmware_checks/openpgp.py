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
from datetime import UTC, datetime
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
CREATED, EXPIRES, KEY_EXPIRES, FLAGS = 2, 3, 9, 27
ISSUER, FINGERPRINT = 16, 33
KNOWN = (CREATED, EXPIRES, ISSUER, FINGERPRINT)
MAY_SIGN = 2
BINARY_DOCUMENT = 0
ABOUT_KEY, ABOUT_SUBKEY = (0x10, 0x11, 0x12, 0x13, 0x1F), (0x18,)
REVOKES = (0x20, 0x28)
"""Types of signatures in a key file: what they say of a key, and that it is not to be used any more."""
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
    made: int
    expires: int
    """In seconds since 1970; 0 when it does not."""

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
    made, expires = _times(view.part(6, size))
    _times(
        view.part(end + 2, loose)
    )  # what is not hashed says nothing, but has to be understood too
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
    return Signature(HASHES[hashed], name, bits, value, trailer, signer, made, expires)


def _times(area: View) -> tuple[int, int]:
    """When it was made and expires. Raises Malformed, also for what has to be understood and is not."""
    made, lasts = 0, 0
    for what, body in _subpackets(area):
        if what & 0x80 and what & 0x7F not in KNOWN:
            raise Malformed(f"an OpenPGP signature that wants {what & 0x7F} to be understood")
        if what & 0x7F == CREATED:
            made = body.u32(0, ">")
        elif what & 0x7F == EXPIRES and (after := body.u32(0, ">")):
            lasts = min(lasts or after, after)
    return made, made + lasts if lasts else 0


def _half(number: bytes) -> int:
    return next((size for size in (32, 48, 66) if len(number) <= size), len(number))


def _signer(area: View) -> str:
    """Fingerprint or key identifier of who signed, in hexadecimal."""
    found = ""
    for what, body in _subpackets(area):
        if what & 0x7F == FINGERPRINT:
            return body.read(1).hex()
        if what & 0x7F == ISSUER:
            found = body.read().hex()
    return found


def _subpackets(area: View) -> Iterator[tuple[int, View]]:
    """Type, with the bit that says that it has to be understood, and contents. Raises Malformed."""
    at = 0
    while at < len(area):
        size, at = _length(area, at)
        if size:
            yield area.u8(at), area.part(at + 1, size - 1)
        at += size


def keys(name: str, data: bytes) -> list[PublicKey]:
    """Primary keys and subkeys of a key file, with what it says of them; nothing when it is no OpenPGP file.

    Whether a key's own signatures fit is not asked: whoever gives the file vouches for it.
    """
    found: list[PublicKey] = []
    try:
        current, about, holder, key_packet = _Said(), [], "", False
        for kind, body in _packets(_plain(data)):
            if kind in (KEY, SUBKEY):
                key_packet = kind == KEY
                current = _Said(body)
                holder = current.fingerprint if key_packet else holder
                about.append((key_packet, current))
            elif kind == SIGNATURE and body.u8(0) == 4:
                current.hear(body, holder)
        gone = False
        for is_primary, said in about:
            gone = said.revoked if is_primary else gone
            if (public := _key(said.key)) is not None:
                found.append(said.told(name, _der(public), gone))
    except Malformed:
        return []
    return found


class _Said:
    """What the signatures behind a key say of it; the newest of its holder's counts (RFC 9580 section 5.2.3.10)."""

    def __init__(self, key: View | None = None) -> None:
        self.key = key or View(b"")
        self.newest, self.lasts, self.flags, self.revoked = 0, 0, MAY_SIGN, False

    @property
    def fingerprint(self) -> str:
        if len(self.key) >> 16:
            raise Malformed("a key that is too long")
        packet = b"\x99" + len(self.key).to_bytes(2) + self.key.read()
        return hashlib.sha1(packet, usedforsecurity=False).hexdigest()

    def hear(self, view: View, holder: str) -> None:
        """One signature. Raises Malformed."""
        kind, size = view.u8(1), view.u16(4, ">")
        loose = view.part(8 + size, view.u16(6 + size, ">"))
        said = {what & 0x7F: body for what, body in _subpackets(view.part(6, size))}
        signer = _signer(view.part(6, size)) or _signer(loose)
        if not signer or not holder.endswith(signer):
            return
        if kind in REVOKES:
            self.revoked = True
        made = said[CREATED].u32(0, ">") if CREATED in said else 0
        if kind in (*ABOUT_KEY, *ABOUT_SUBKEY) and made >= self.newest:
            self.newest = made
            self.lasts = said[KEY_EXPIRES].u32(0, ">") if KEY_EXPIRES in said else 0
            flags = said.get(FLAGS)
            self.flags = MAY_SIGN if flags is None else (flags.u8(0) if len(flags) else 0)

    def told(self, name: str, der: bytes, gone: bool) -> PublicKey:
        refused = "" if self.flags & MAY_SIGN else "its file says that it is not for signing"
        if self.revoked or gone:
            refused = "its file says that it is revoked"
        made = self.key.u32(1, ">")
        expires = made + self.lasts if self.lasts else 0
        return PublicKey(name=name, der=der, made=made, expires=expires, refused=refused)


def refusal(one: Signature, key: PublicKey) -> str:
    """Why GnuPG takes no signature that fits; empty when only the day of the update can tell."""
    if key.refused:
        return f"the signature fits {key.name or 'the key'}, but {key.refused}"
    if one.made < key.made:
        return "the signature fits, but says that it was made before its key"
    if key.expires and one.made >= key.expires:
        return "the signature fits, but was made when its key had expired"
    return ""


def terms(one: Signature, key: PublicKey) -> str:
    """Until when the signature and its key hold; empty when both do for ever."""
    days = {"the signature expires on": one.expires, "its key expires on": key.expires}
    return "".join(f"; {what} {_day(stamp)}" for what, stamp in days.items() if stamp)


def _day(stamp: int) -> str:
    return f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d}"


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
