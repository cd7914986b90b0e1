"""Signatures of ESP32 images: the blocks of secure boot v2 and the trailer of v1.

Source: ESP-IDF programming guide, "Secure Boot v2" (signature block format) and "Secure Boot v1". A block
of v2 holds the public key itself; the chip knows only that key's digest, so a block that is right in itself
is "not verified" until somebody gives the key.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firmware_checks.keys import fingerprint, spki, weakness
from firmware_checks.reading import PublicKey
from firmware_checks.signatures import Outcome, check
from firmware_checks.view import Malformed, View
from probe.model.firmware import Signing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

SECTOR, BLOCK, MOST_BLOCKS = 4096, 1216, 3
MAGIC = 0xE7
RSA, ECDSA = 2, 3
CURVES = {1: ("P-192", 192), 2: ("P-256", 256), 3: ("P-384", 384)}
TRAILER = 68
SCHEME_V1 = "secure boot v1, ECDSA P-256 SHA-256"


@dataclass(frozen=True, slots=True)
class Block:
    """One signature of v2. The numbers stand in it little endian, here they are big endian."""

    scheme: str
    bits: int
    hash_name: str
    digest: bytes
    key: PublicKey
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What the signatures of one image are worth. ``size``: bytes they take after the image."""

    signing: Signing
    detail: str
    scheme: str = ""
    bits: int | None = None
    key_id: str = ""
    weak: str = ""
    size: int = 0


def signed(view: View, end: int, keys: tuple[PublicKey, ...]) -> Signed | None:
    """The signature after an image whose own bytes stop at ``end``; None when there is none."""
    sector = (end + SECTOR - 1) // SECTOR * SECTOR
    if any(view.starts_with(bytes([MAGIC, version]), sector) for version in (RSA, ECDSA)):
        return _v2(view, end, sector, keys)
    trailer = bytes(view.raw[end : end + TRAILER])
    if len(trailer) == TRAILER and trailer[:4] == bytes(4):
        # Nothing names it: zeros, 64 bytes that look like chance, then the end or erased flash.
        tail = view.part(end + TRAILER, min(64, len(view) - end - TRAILER))
        if len(set(trailer[4:])) > 16 and tail.is_filled_with(0xFF):
            return _v1(view, end, trailer[4:], keys)
    return None


def _v2(view: View, end: int, sector: int, keys: tuple[PublicKey, ...]) -> Signed:
    try:
        blocks = list(_blocks(view.part(sector, min(SECTOR, len(view) - sector))))
    except (Malformed, ValueError) as error:
        return Signed(
            signing=Signing.UNREADABLE,
            detail=f"the signature block is damaged: {error}",
            scheme="secure boot v2",
            size=min(sector + SECTOR, len(view)) - end,
        )
    given = {k.der: k for k in keys}
    found = [_judged(view.part(0, sector), block, given) for block in blocks]
    order = (Signing.VERIFIED, Signing.TAMPERED, Signing.NOT_VERIFIED)
    signing, detail, block = min(found, key=lambda one: order.index(one[0]))
    if len(blocks) > 1:
        detail += f" ({len(blocks)} signatures)"
    weak = [w for b in blocks if (w := weakness(b.scheme.split()[0].split("-")[0], b.bits))]
    return Signed(
        signing=signing,
        detail=detail,
        scheme=f"secure boot v2, {block.scheme}",
        bits=block.bits,
        key_id=fingerprint(block.key.der),
        weak=weak[0] if weak else "",
        size=min(sector + SECTOR, len(view)) - end,
    )


def _judged(
    covered: View, block: Block, given: dict[bytes, PublicKey]
) -> tuple[Signing, str, Block]:
    digest = hashlib.new(block.hash_name, covered.raw).digest()
    if digest != block.digest:
        return Signing.TAMPERED, "the signature is over other bytes than the image has", block
    if (
        check(block.key, block.signature, digest, block.hash_name, prehashed=True)
        is not Outcome.FITS
    ):
        return Signing.TAMPERED, "the key in the block did not make the signature in it", block
    if key := given.get(block.key.der):
        return Signing.VERIFIED, f"the signature was verified with {key.name}", block
    why = "it is none of the keys given" if given else "nobody said whether the device trusts it"
    said = f"the signature fits the key {fingerprint(block.key.der)[:16]} beside it; {why}"
    return Signing.NOT_VERIFIED, said, block


def _blocks(sector: View) -> Iterator[Block]:
    for number in range(MOST_BLOCKS):
        if not sector.starts_with(bytes([MAGIC]), number * BLOCK):
            if number:
                return
            raise Malformed("there is no block")
        block = sector.part(number * BLOCK, BLOCK)
        if zlib.crc32(block.raw[:1196]) != block.u32(1196):
            raise Malformed(f"the checksum of block {number + 1} does not hold")
        version = block.u8(1)
        if version == RSA:
            yield _rsa(block)
        elif version == ECDSA:
            yield _ecdsa(block)
        else:
            raise Malformed(f"version {version} of the block is not known here")


def _rsa(block: View) -> Block:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    modulus, exponent = int.from_bytes(block.read(36, 384), "little"), block.u32(420)
    key = RSAPublicNumbers(exponent, modulus).public_key()
    bits = key.key_size
    scheme, signature = f"RSA-{bits} PSS SHA-256", block.read(812, 384)[::-1]
    return Block(scheme, bits, "sha256", block.read(4, 32), _named(key), signature)


def _ecdsa(block: View) -> Block:
    from cryptography.hazmat.primitives.asymmetric import ec

    long = block.u8(2) == 1 or block.u8(36) not in CURVES
    hash_name, at = ("sha384", 52) if long and block.u8(52) == 3 else ("sha256", 36)
    known = CURVES.get(block.u8(at))
    if known is None:
        raise Malformed("the curve is not known here")
    curve, bits = known
    field, half = 96 if hash_name == "sha384" else 64, bits // 8
    point, pair = block.read(at + 1, 2 * half), block.read(at + 1 + field, 2 * half)
    made: ec.EllipticCurve = getattr(ec, f"SECP{bits}R1")()
    x, y = (int.from_bytes(n, "little") for n in (point[:half], point[half:]))
    key = ec.EllipticCurvePublicNumbers(x, y, made).public_key()
    name = hash_name.upper().replace("SHA", "SHA-")
    signature = pair[:half][::-1] + pair[half:][::-1]
    digest = block.read(4, 48 if hash_name == "sha384" else 32)
    return Block(f"EC {curve} ECDSA {name}", bits, hash_name, digest, _named(key), signature)


def _named(key: "PublicKeyTypes") -> PublicKey:
    return PublicKey(name="", der=spki(key))


def _v1(view: View, end: int, signature: bytes, keys: tuple[PublicKey, ...]) -> Signed:
    signing, detail = Signing.NOT_VERIFIED, "a signature of secure boot v1, which names no key"
    if keys:
        detail += "; none of the keys that were given fits"
    digest = hashlib.sha256(view.raw[:end]).digest()
    for key in keys:
        if check(key, signature, digest, "sha256", prehashed=True) is Outcome.FITS:
            signing, detail = Signing.VERIFIED, f"the signature was verified with {key.name}"
            break
    return Signed(signing=signing, detail=detail, scheme=SCHEME_V1, bits=256, size=TRAILER)
