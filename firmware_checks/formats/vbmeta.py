"""Android Verified Boot: vbmeta images, which sign the digests of partitions.

Source: AOSP ``external/avb`` (README.md, ``avb_vbmeta_image.h`` and the descriptors' headers). Big endian. The
signature is over header and auxiliary block, and the key stands in the image; the boot loader must know it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.keys import spki, weakness
from firmware_checks.reading import Context, Format, Protection, PublicKey, Reading, unread
from firmware_checks.signatures import NAMES, Outcome, check, key_id, weak_hash
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing
from probe.model.text import clean

MAGIC = b"AVB0"
HEADER = 256
ALGORITHMS = {1: ("sha256", 2048), 2: ("sha256", 4096), 3: ("sha256", 8192)}
ALGORITHMS |= {4: ("sha512", 2048), 5: ("sha512", 4096), 6: ("sha512", 8192)}
HASHTREE_DISABLED, VERIFICATION_DISABLED = 1, 2
PROPERTY, HASHTREE, HASH, CMDLINE, CHAIN = range(5)
MOST_DESCRIPTORS = 512
LARGEST = 1 << 20
RELEASE, MADE_BY = 128, b"avbtool "
"""Where the image says which tool made it."""
PUBLIC_KEYS = {
    "cdbb77177f731920bbe0a0f94f84d9038ae0617d": "AOSP testkey_rsa2048",
    "2597c218aae470a130f61162feaae70afd97f011": "AOSP testkey_rsa4096",
    "5227b569de003adc7f8ec3fc03e05dfbd969abad": "AOSP testkey_rsa8192",
}
"""SHA-1 of the key block, as ``avbtool info_image`` prints it, of keys whose private halves are in AOSP."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A hash descriptor: what a partition's bytes must give."""

    partition: str
    hash_name: str
    size: int
    salt: bytes
    digest: bytes
    tree: bool = False
    block: int = 4096
    """Bytes of a block of the hash tree."""


@dataclass(frozen=True, slots=True)
class Vbmeta:
    """A vbmeta image, read."""

    size: int
    algorithm: int
    signed: bytes
    digest: bytes
    signature: bytes
    key_block: bytes
    rollback: int
    location: int
    flags: int
    release: str
    descriptors: tuple[tuple[str, str], ...]
    digests: tuple[Digest, ...]


class VbmetaImage(Format):
    """The format."""

    name = "Android vbmeta"
    anchors = ((MAGIC, 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        try:
            one = parsed(view)
        except Malformed as error:
            if not view.starts_with(MADE_BY, RELEASE):
                raise
            said = f"damaged, or more than is read: {error}"
            return unread(self.name, LayerKind.UPDATE, len(view), said, is_sure=True)
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=one.size,
            version=_property(one, "os_version"),
            built=_property(one, "security_patch"),
            title=_property(one, "fingerprint"),
            details=details(one),
            protection=judged(one, context.keys.keys),
        )


FORMAT = VbmetaImage()


def parsed(view: View) -> Vbmeta:
    """The image at the beginning of ``view``. Raises Malformed."""
    major, _, authentication, auxiliary, algorithm = view.unpack(">IIQQI", 4)
    blocks = view.unpack(">8Q", 32)
    _, _, key_at, key_size, _, _, list_at, list_size = view.unpack(">8Q", 48)
    hash_at, hash_size, signature_at, signature_size = blocks[:4]
    rollback, flags, location = view.unpack(">QII", 112)
    if major != 1 or authentication > LARGEST or auxiliary > LARGEST or algorithm > 6:
        raise Malformed("no vbmeta image of version 1")
    header = view.read(0, HEADER)
    first = view.part(HEADER, authentication)
    second = view.part(HEADER + authentication, auxiliary)
    rows, digests = [], []
    for tag, body in _descriptors(second.part(list_at, list_size)):
        row, digest = _descriptor(tag, body)
        rows.append(row)
        if digest is not None:
            digests.append(digest)
    return Vbmeta(
        size=HEADER + authentication + auxiliary,
        algorithm=algorithm,
        signed=header + second.read(),
        digest=first.read(hash_at, hash_size),
        signature=first.read(signature_at, signature_size),
        key_block=second.read(key_at, key_size),
        rollback=rollback,
        location=location,
        flags=flags,
        release=view.text(RELEASE, 48),
        descriptors=tuple(rows),
        digests=tuple(digests),
    )


def _descriptors(view: View) -> Iterator[tuple[int, View]]:
    at = number = 0
    while at + 16 <= len(view) and number < MOST_DESCRIPTORS:
        tag, size = view.unpack(">QQ", at)
        yield tag, view.part(at + 16, size)
        at, number = at + 16 + size, number + 1


def _descriptor(tag: int, body: View) -> tuple[tuple[str, str], Digest | None]:
    if tag == PROPERTY:
        name_size, value_size = body.unpack(">QQ", 0)
        return (f"property {body.text(16, name_size)}", body.text(17 + name_size, value_size)), None
    if tag in (HASH, HASHTREE):
        return _digest(tag, body)
    if tag == CHAIN:
        location, name_size, key_size = body.unpack(">III", 0)
        key = hashlib.sha1(body.read(76 + name_size, key_size), usedforsecurity=False).hexdigest()
        said = f"signed by key {PUBLIC_KEYS.get(key, key)}, rollback location {location}"
        return (f"partition {body.text(76, name_size)}", said), None
    if tag == CMDLINE:
        _, size = body.unpack(">II", 0)
        return ("kernel command line", body.text(8, size)), None
    return ("descriptor", f"of the unknown kind {tag}"), None


def _digest(tag: int, body: View) -> tuple[tuple[str, str], Digest]:
    tree = tag == HASHTREE
    size = body.u64(4 if tree else 0, ">")
    at = 56 if tree else 8
    hash_name = body.text(at, 32)
    name_size, salt_size, digest_size, _ = body.unpack(">IIII", at + 32)
    at += 48 + 60
    name = body.text(at, name_size)
    salt = body.read(at + name_size, salt_size)
    digest = body.read(at + name_size + salt_size, digest_size)
    kind = "hash tree" if tree else "hash"
    said = f"{kind} {hash_name} over {size} bytes" + ("" if digest else ", no digest")
    block = body.u32(28, ">") if tree else 0
    return (f"partition {name}", said), Digest(name, hash_name, size, salt, digest, tree, block)


def _property(one: Vbmeta, ending: str) -> str:
    """A property of the build, of whatever partition."""
    rows = (v for k, v in one.descriptors if k.startswith("property ") and k.endswith(f".{ending}"))
    return next(rows, "")


def details(one: Vbmeta) -> tuple[tuple[str, str], ...]:
    """What it says, for the layer."""
    rows = [("made by", one.release), ("flags", f"{one.flags:#x}")]
    if one.key_block:
        sha1 = hashlib.sha1(one.key_block, usedforsecurity=False).hexdigest()
        rows.append(("key block SHA-1", sha1))
    return (*rows, *one.descriptors[:50])


def embedded(block: bytes) -> PublicKey | None:
    """The RSA key in the image: bits, an inverse, modulus, a square; the exponent is always 65537."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    bits = int.from_bytes(block[:4])
    if not 1024 <= bits <= 8192 or bits % 8 or len(block) != 8 + bits // 4:
        return None
    try:
        modulus = int.from_bytes(block[8 : 8 + bits // 8])
        return PublicKey(name="", der=spki(RSAPublicNumbers(65537, modulus).public_key()))
    except ValueError:
        return None


def judged(one: Vbmeta, keys: tuple[PublicKey, ...]) -> Protection:
    """What the signature is worth; of partitions only their digests are here."""
    off = one.flags & (HASHTREE_DISABLED | VERIFICATION_DISABLED)
    disabled = "its flags switch the verification of partitions off" if off else ""
    if one.algorithm == 0:
        said = "there is no signature; only another, signed vbmeta image can protect it"
        return Protection(
            signing=Signing.UNSIGNED,
            detail=f"{said}; {disabled}" if disabled else said,
            rollback=Rollback.UNSIGNED_COUNTER if one.rollback else Rollback.NONE,
            rollback_value=one.rollback,
        )
    hash_name, bits = ALGORITHMS[one.algorithm]
    key, sha1 = embedded(one.key_block), hashlib.sha1(one.key_block, usedforsecurity=False)
    size = int.from_bytes(one.key_block[:4])
    if key is not None and size != bits:
        detail = f"the key in the image has {size} bits, by the algorithm it would be {bits}"
        return Protection(signing=Signing.UNREADABLE, detail=detail, key_bits=size)
    signing, detail = _signing(one, hash_name, key, keys)
    loose = [d.partition for d in one.digests if not d.digest]
    if loose:
        detail += f"; no digest of {', '.join(clean(name, 40) for name in loose[:4])}"
    return Protection(
        signing=signing,
        detail=f"{detail}; {disabled}" if disabled else detail,
        covers="header, key and the digests of partitions",
        binds_payload=False if off or loose else bool(one.digests) or None,
        scheme=f"RSA-{bits} PKCS#1 v1.5 {hash_name.upper().replace('SHA', 'SHA-')}",
        key_bits=bits,
        key_id=key_id(key),
        public_key=PUBLIC_KEYS.get(sha1.hexdigest(), ""),
        weak=weakness("RSA", bits) or disabled or _weak_digest(one),
        rollback=Rollback.COUNTER if one.rollback else Rollback.NONE,
        rollback_value=one.rollback,
    )


def _weak_digest(one: Vbmeta) -> str:
    weak = [d for d in one.digests if d.digest and weak_hash(d.hash_name)]
    return f"a partition is bound by {NAMES[weak[0].hash_name]} only" if weak else ""


def _signing(
    one: Vbmeta, hash_name: str, key: PublicKey | None, keys: tuple[PublicKey, ...]
) -> tuple[Signing, str]:
    if hashlib.new(hash_name, one.signed).digest() != one.digest:
        return Signing.TAMPERED, "the hash in the image is not that of header and auxiliary block"
    if key is None:
        return Signing.NOT_VERIFIED, "the key in the image is none that can be read here"
    if check(key, one.signature, one.signed, hash_name) is not Outcome.FITS:
        return Signing.TAMPERED, "the key in the image did not make this signature"
    for given in keys:
        if given.der == key.der:
            return Signing.VERIFIED, f"the signature was verified with {given.name}"
    other = "; none of the keys that were given is that one" if keys else ""
    return Signing.NOT_VERIFIED, f"the signature fits the key inside{other}"
