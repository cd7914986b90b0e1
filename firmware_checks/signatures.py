"""Whether a key made a signature, and what a signature proves when it does not fit.

With RSA the padding shows who signed: when it is right and the digest is another, this very key signed
something else, and that is tampering (RFC 8017 sections 8.1.2 and 8.2.2). With elliptic curves nobody can
tell a wrong key from a changed content, so there a wrong key stays "not verified".
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from firmware_checks import lms
from firmware_checks.keys import fingerprint, load
from firmware_checks.reading import PublicKey
from firmware_checks.view import Buffer
from probe.model.firmware import Signing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes

LARGEST_RSA, LARGEST_EXPONENT = 16_384, 64
"""Bits of the modulus and of the public exponent."""
PRIME = 2**255 - 19
EIGHTH = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL_ORDER = (0, 1, PRIME - 1, EIGHTH, PRIME - EIGHTH)
"""The second coordinates of the points of Ed25519 whose order is 1, 2, 4 and 8."""
SHORTEST = 48
"""Bytes of the smallest signature, two numbers of 192 bits beside each other."""
NO_SIGNATURE = "what stands in the place of the signature is none"
WEAK_HASHES = ("crc32", "md5", "sha1")
NAMES = {"sha1": "SHA-1", "md5": "MD5", "crc32": "CRC-32", "sha256": "SHA-256"}
NAMES |= {"sha384": "SHA-384", "sha512": "SHA-512", "sha224": "SHA-224"}


class Outcome(Enum):
    """What one key says of one signature."""

    FITS = auto()
    OTHER_CONTENT = auto()
    """This key made it, over something else."""
    NOT_MADE = auto()
    """Another key made it, or (elliptic curves) it is over something else."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all keys together say."""

    signing: Signing
    detail: str
    key: PublicKey | None = None


def check(
    key: PublicKey, signature: bytes, data: Buffer, hash_name: str, *, prehashed: bool = False
) -> Outcome:
    """Ask ``key`` about ``signature`` over ``data`` (with ``prehashed``: over what has the digest ``data``).

    RSA: PKCS #1 v1.5 or PSS with MGF1 of the same hash or SHA-1; ECDSA: DER or two integers beside each other;
    Ed25519 and HSS-LMS sign the data itself.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    public = load(key)
    if hash_name not in NAMES or hash_name == "crc32":
        return Outcome.NOT_MADE
    if isinstance(public, lms.HssPublicKey):
        made = not prehashed and lms.verifies(public, signature, bytes(data))
        return Outcome.FITS if made else Outcome.NOT_MADE
    digest = bytes(data) if prehashed else hashlib.new(hash_name, data).digest()
    if isinstance(public, rsa.RSAPublicKey):
        return _rsa(public, signature, digest, hash_name)
    try:
        if isinstance(public, ec.EllipticCurvePublicKey):
            return _ecdsa(public, signature, digest, hash_name)
        if isinstance(public, ed25519.Ed25519PublicKey):
            if _has_small_order(public.public_bytes_raw()):
                return Outcome.NOT_MADE
            public.verify(signature, data)
            return Outcome.FITS
    except (InvalidSignature, ValueError):
        return Outcome.NOT_MADE
    from firmware_checks import curves

    if isinstance(public, curves.CurveKey):
        pair = curves.numbers(signature, public.curve)
        if pair is not None and curves.verifies(public, *pair, digest):
            return Outcome.FITS
    return Outcome.NOT_MADE


def _has_small_order(raw: bytes) -> bool:
    """Whether a key of Ed25519 is one of the few to which signatures can be made without a private one, also of
    zeros, as an erased place for a key holds them (RFC 8032 section 5.1.7; OpenSSL takes them)."""
    y = int.from_bytes(raw, "little") & (1 << 255) - 1
    return y % PRIME in SMALL_ORDER


def _rsa(public: object, signature: bytes, digest: bytes, hash_name: str) -> Outcome:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

    assert isinstance(public, rsa.RSAPublicKey)
    algorithm = _algorithm(hash_name)
    prehashed = utils.Prehashed(algorithm)
    # RFC 4055 section 3.1: where nothing is said of it, the mask of PSS is made with SHA-1.
    for scheme in (
        padding.PKCS1v15(),
        padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO),
        padding.PSS(padding.MGF1(_algorithm("sha1")), padding.PSS.AUTO),
    ):
        try:
            public.verify(signature, digest, scheme, prehashed)
        except (InvalidSignature, ValueError):
            continue
        return Outcome.FITS
    return Outcome.OTHER_CONTENT if rsa_made(public, signature, hash_name) else Outcome.NOT_MADE


def rsa_made(public: object, signature: bytes, hash_name: str) -> bool:
    """Whether the padding inside shows that this RSA key made ``signature``, over whatever it was."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    assert isinstance(public, rsa.RSAPublicKey)
    numbers, size = public.public_numbers(), (public.key_size + 7) // 8
    # Beyond these OpenSSL verifies nothing, and raising to such a power takes hours.
    if public.key_size > LARGEST_RSA or numbers.e.bit_length() > LARGEST_EXPONENT:
        return False
    value = int.from_bytes(signature)
    if len(signature) != size or value >= numbers.n:
        return False
    block = pow(value, numbers.e, numbers.n).to_bytes(size)
    if block.startswith(b"\0\1" + b"\xff" * 8) and block[10:].lstrip(b"\xff")[:1] == b"\0":
        return True
    return _is_pss(block, hash_name, public.key_size)


def _is_pss(block: bytes, hash_name: str, bits: int) -> bool:
    """EMSA-PSS without the last step, which needs the message (RFC 8017 section 9.1.2)."""
    size = hashlib.new(hash_name).digest_size
    if bits % 8 == 1:
        block = block[1:]
    if block[-1:] != b"\xbc" or len(block) < 2 * size + 10:
        return False
    masked, seed = block[: -size - 1], block[-size - 1 : -1]
    rounds = -(-len(masked) // size)
    mask = b"".join(
        hashlib.new(hash_name, seed + number.to_bytes(4)).digest() for number in range(rounds)
    )
    plain = bytearray(a ^ b for a, b in zip(masked, mask[: len(masked)], strict=True))
    plain[0] &= 0xFF >> (8 * len(block) - (bits - 1))
    padding = bytes(plain).lstrip(b"\0")
    # A salt as long as it can be leaves no zeros to recognise it by.
    return padding[:1] == b"\1" and len(plain) - len(padding) >= 6


def _ecdsa(public: object, signature: bytes, digest: bytes, hash_name: str) -> Outcome:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    assert isinstance(public, ec.EllipticCurvePublicKey)
    scheme = ec.ECDSA(utils.Prehashed(_algorithm(hash_name)))
    half = (public.key_size + 7) // 8
    forms = [signature]
    if len(signature) == 2 * half:
        r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
        forms.append(utils.encode_dss_signature(r, s))
    for form in forms:
        try:
            public.verify(form, digest, scheme)
        except (InvalidSignature, ValueError):
            continue
        return Outcome.FITS
    return Outcome.NOT_MADE


def _algorithm(hash_name: str) -> "hashes.HashAlgorithm":
    from cryptography.hazmat.primitives import hashes

    made: hashes.HashAlgorithm = getattr(hashes, hash_name.upper())()
    return made


def judged(
    keys: Iterable[PublicKey], ask: Callable[[PublicKey], Outcome], signer: str = ""
) -> Verdict:
    """The verdict of ``keys``; ``signer``: what the image says of the one who signed."""
    keys = tuple(keys)
    outcomes = [(ask(key), key) for key in keys]
    for outcome, key in outcomes:
        if outcome is Outcome.FITS:
            return Verdict(
                Signing.VERIFIED, f"the signature was verified with {key.name or 'its key'}", key
            )
    for outcome, key in outcomes:
        if outcome is Outcome.OTHER_CONTENT:
            said = f"{key.name or 'the key'} made the signature, but over other content than this"
            return Verdict(Signing.TAMPERED, said, key)
    by = f"signed by {signer}" if signer else "signed by a key that is not named"
    if keys:
        return Verdict(Signing.NOT_VERIFIED, f"{by}; none of the keys that were given fits")
    return Verdict(Signing.NOT_VERIFIED, f"{by}; no key was given to verify it with")


def described(key: PublicKey) -> tuple[str, int | None]:
    """Kind (``RSA``, ``EC``, ``Ed25519`` …) and size in bits."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    public = load(key)
    if isinstance(public, rsa.RSAPublicKey):
        return "RSA", public.key_size
    if isinstance(public, ec.EllipticCurvePublicKey):
        return "EC", public.key_size
    if isinstance(public, lms.HssPublicKey):
        return public.name, None
    from firmware_checks.curves import CurveKey

    if isinstance(public, CurveKey):
        return "EC", public.key_size
    return type(public).__name__.lstrip("_").removesuffix("PublicKey"), None


def key_id(key: PublicKey | None) -> str:
    """SHA-256 of the key, empty without one."""
    return fingerprint(key.der) if key else ""


def blank(signature: bytes) -> bool:
    """Whether what stands in a signature's place is none: too short for every scheme, or all of one byte."""
    return len(signature) < SHORTEST or len(set(signature)) == 1


def weak_hash(name: str) -> str:
    """Why a signature over this hash is too weak; empty when it is not (NIST SP 800-131A)."""
    if name in WEAK_HASHES:
        return f"{NAMES[name]} can be made to fit other content"
    return ""
