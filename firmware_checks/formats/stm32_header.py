"""The header that ST's chips want before what their ROM starts, and its signature.

Sources: ST's wiki, "STM32 header for binary files" (the signature is over everything from the header's version to the
image's last byte) and "KeyGen tool"; TF-A's ``boot_api.h`` for the extension headers of version 2; for the longer
header of version 2.3 (STM32MP21, STM32N6) U-Boot's and barebox's tools. All numbers are little endian.
"""

import hashlib
from dataclasses import dataclass

from firmware_checks.budget import Budget
from firmware_checks.curves import BRAINPOOL256T1, TOO_MANY, CurveKey, NotOnCurve, wrapped
from firmware_checks.keys import fingerprint, spki
from firmware_checks.reading import Protection, PublicKey
from firmware_checks.signatures import Outcome, check
from firmware_checks.view import Malformed, View
from probe.model.firmware import Rollback, Signing

Ranges = tuple[tuple[int, int], ...]
"""Where something begins and ends."""
MAGIC = b"STM2"
FIRST, SECOND, LONG = 0x00010000, (0x00020000, 0x00020100, 0x00020200), 0x00020300
FIRST_HEADER = 256
NOT_SIGNED = 1
SIGNED, ENCRYPTED = 1, 2
AUTHENTICATION = b"ST\x00\x02"
P256, BRAINPOOL = 1, 2
SCHEMES = {P256: "ECDSA P-256 SHA-256", BRAINPOOL: "ECDSA brainpoolP256t1 SHA-256"}
SCHEMES |= {3: "ECDSA P-384", 4: "ECDSA brainpoolP384t1"}
BITS = {P256: 256, BRAINPOOL: 256, 3: 384, 4: 384}
MOST_KEYS = 8
MOST_EXTENSIONS = 16
HALF, WHOLE = 32, 64
EVERYTHING = "the header from its version on, and the program"
LESS = (
    "the header from its version on but for its last 8 bytes before the extensions, and the program"
)
LARGEST = 64 << 20
"""More than any chip of the family loads in this way."""


@dataclass(frozen=True, slots=True)
class Image:
    """One header, and the key with which it says that it is signed."""

    version: int
    header: int
    """Its bytes with its extensions: where the program begins."""
    size: int
    number: int
    checksum: int
    claims: bool
    """It says that it is signed."""
    encrypted: bool
    signature: bytes
    algorithm: int
    key: bytes
    """X and Y."""
    covered: tuple[Ranges, ...]
    """Ranges that the signature is over; for version 2.3 two opinions."""
    details: tuple[tuple[str, str], ...]
    wrong: str = ""
    """Why the chip would refuse it before it asks about the signature."""


def read(view: View) -> Image | None:
    """The header; None for a version that is not known. Raises Malformed."""
    if view.u32(0x48) == FIRST:
        image = _first(view)
    elif view.u32(0x48) in SECOND:
        image = _second(view, 0x44, 128)
    elif view.u32(0x68) == LONG:
        image = _second(view, 0x64, 160)
    else:
        return None
    if image.size > LARGEST:
        raise Malformed(f"a program of {image.size} bytes")
    return image


def _first(view: View) -> Image:
    checksum, version, length, entry = view.unpack("<IIII", 0x44)
    number, flags, algorithm = view.unpack("<III", 0x60)
    key, size = view.read(0x6C, WHOLE), FIRST_HEADER + length
    return Image(
        version=version,
        header=FIRST_HEADER,
        size=size,
        number=number,
        checksum=checksum,
        claims=not flags & NOT_SIGNED,
        encrypted=False,
        signature=view.read(4, WHOLE),
        algorithm=algorithm,
        key=key,
        covered=(((0x48, size),),),
        details=_details(entry, number, "hash of the key (fuses)", key),
    )


def _second(view: View, at: int, base: int) -> Image:
    """``at`` is where the checksum stands behind the signature, ``base`` the length without extensions."""
    checksum, version, length, entry = view.unpack("<IIII", at)
    number, flags, extensions = view.unpack("<III", at + 28)
    header = base + extensions
    size = header + length
    covered: tuple[Ranges, ...] = (((at + 4, size),),)
    if version == LONG:
        # Other makers' tools leave out what the header says of a payload that is not secure.
        covered += (((at + 4, base - 8), (base, size)),)
    algorithm, key, hashes, wrong = 0, b"", b"", ""
    if flags & SIGNED:
        half = WHOLE if version != LONG else WHOLE + HALF
        try:
            algorithm, key, hashes, wrong = _authentication(view.part(base, extensions), half)
        except Malformed as error:
            wrong = str(error)
    return Image(
        version=version,
        header=header,
        size=size,
        number=number,
        checksum=checksum,
        claims=bool(flags & SIGNED),
        encrypted=bool(flags & ENCRYPTED),
        signature=view.read(4, at - 4),
        algorithm=algorithm,
        key=key[:WHOLE],
        covered=covered,
        details=_details(entry, number, "hash of the table of keys (fuses)", hashes),
        wrong=wrong,
    )


def _authentication(view: View, size: int) -> tuple[int, bytes, bytes, str]:
    """Algorithm, key, hashes of all keys, and why the key is none of them. Raises Malformed."""
    at = 0
    for _ in range(MOST_EXTENSIONS):
        length = view.u32(at + 4)
        if view.starts_with(AUTHENTICATION, at):
            which, count, algorithm = view.unpack("<III", at + 8)
            if count > MOST_KEYS:
                raise Malformed("more keys than a table has")
            key, hashes = view.read(at + 20, size), view.read(at + 20 + size, 32 * count)
            used = key[:WHOLE] if algorithm in (P256, BRAINPOOL) else key
            digest = hashlib.sha256(algorithm.to_bytes(4, "little") + used).digest()
            fits = which < count and hashes[32 * which :][:32] == digest
            return algorithm, key, hashes, "" if fits else "its key is not in its table of keys"
        if length < 8:
            break
        at += length
    raise Malformed("the header says that it is signed, and has no key")


def _details(entry: int, number: int, name: str, hashed: bytes) -> tuple[tuple[str, str], ...]:
    told = [("entry address", f"{entry:#x}"), ("version number", str(number))]
    if hashed.strip(b"\0"):
        told.append((name, hashlib.sha256(hashed).hexdigest()))
    return tuple(told)


def judged(image: Image, view: View, keys: tuple[PublicKey, ...], budget: Budget) -> Protection:
    """What the signature is worth; ``view`` holds the whole image."""
    there = bool(image.signature.strip(b"\0"))
    signing, detail, key = Signing.UNSIGNED, "the header says that it is not signed", None
    covers = EVERYTHING
    if image.claims and not image.key:
        signing, detail = Signing.UNREADABLE, image.wrong
    elif image.claims and not there:
        signing, detail = Signing.STRIPPED, "the header says that it is signed, and there is no signature"  # fmt: skip
    elif image.claims:
        signing, detail, key, covers = _signing(image, view, keys, budget)
    elif there:
        detail += ", so the signature that stands there is not asked about"
    holds = _sum(view.part(image.header, image.size - image.header)) == image.checksum
    signed = image.claims and there
    return Protection(
        signing=signing,
        detail=detail,
        covers=covers if signed else "",
        binds_payload=True if signed else None,
        scheme=SCHEMES.get(image.algorithm, "") if signed else "",
        key_bits=BITS.get(image.algorithm) if signed else None,
        key_id=fingerprint(key.der) if key else "",
        rollback=Rollback.COUNTER if signed else Rollback.UNSIGNED_COUNTER,
        rollback_value=image.number,
        encrypted=image.encrypted,
        integrity=f"the checksum {'holds' if holds else 'does not hold'}",
    )


def _sum(view: View) -> int:
    return sum(sum(window) for window in view.windows(1 << 20)) & 0xFFFFFFFF


def _signing(
    image: Image, view: View, keys: tuple[PublicKey, ...], budget: Budget
) -> tuple[Signing, str, PublicKey | None, str]:
    """The word, why, the key in the header, and what the signature is over."""
    if image.algorithm not in (P256, BRAINPOOL):
        return (
            Signing.NOT_VERIFIED,
            "signatures of its kind are not verified here",
            None,
            EVERYTHING,
        )
    slow = BRAINPOOL256T1.cost * len(image.covered)
    if image.algorithm == BRAINPOOL and not budget.may_reckon(slow):
        return Signing.NOT_VERIFIED, TOO_MANY, None, EVERYTHING
    key = _key(image)
    if key is None:
        return (
            Signing.UNREADABLE,
            "the key in its header is no point of its curve",
            None,
            EVERYTHING,
        )
    fitting = next((r for r in image.covered if _fits(view, r, key, image.signature)), None)
    covers = LESS if fitting and len(fitting) > 1 else EVERYTHING
    if fitting is None and image.encrypted:
        detail = "its program is encrypted, and the signature is not over the cipher text"
        return Signing.ENCRYPTED, detail, key, covers
    if fitting is None and len(image.covered) > 1:
        # No published text says which bytes it is over, so nothing says that they were changed.
        detail = "the key in its header fits the signature over none of the ranges that are known of this version"  # fmt: skip
        return Signing.NOT_VERIFIED, detail, key, ""
    if fitting is None:
        return Signing.TAMPERED, "the key in its header did not make this signature", key, covers
    if image.wrong:
        return Signing.NOT_VERIFIED, image.wrong, key, covers
    for given in keys:
        if given.der == key.der:
            detail = f"the signature was verified with {given.name or 'its key'}"
            return Signing.VERIFIED, detail, key, covers
    said = "the signature fits the key in the header"
    more = "; none of the keys that were given is it" if keys else "; no key was given to compare it with"  # fmt: skip
    return Signing.NOT_VERIFIED, said + more, key, covers


def _fits(view: View, ranges: Ranges, key: PublicKey, signature: bytes) -> bool:
    digest = hashlib.sha256()
    for start, end in ranges:
        digest.update(view.part(start, end - start).raw)
    return check(key, signature[:WHOLE], digest.digest(), "sha256", prehashed=True) is Outcome.FITS


def _key(image: Image) -> PublicKey | None:
    from cryptography.hazmat.primitives.asymmetric import ec

    octets = b"\x04" + image.key
    try:
        if image.algorithm == BRAINPOOL:
            point = BRAINPOOL256T1.point(octets)
            return PublicKey(name="", der=wrapped(CurveKey(BRAINPOOL256T1, point)))
        made = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets)
    except (ValueError, NotOnCurve):
        return None
    return PublicKey(name="", der=spki(made))
