"""MCUboot images, Zephyr's among them: header, payload, and areas of tag, length and value.

Source: the project's design document and ``image.h``. The hash covers the header, the payload and the
protected area; of an encrypted image it covers the plaintext, so there nobody can call it tampered.
"""

import hashlib
from dataclasses import dataclass, field

from firmware_checks.keys import fingerprint, load, pkcs1, weakness
from firmware_checks.reading import Context, Part, Protection, PublicKey, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

MAGIC = b"\x3d\xb8\xf3\x96"
HEADER = 32
TLV_INFO, PROTECTED_INFO = 0x6907, 0x6908
KEYHASH, PUBKEY, SECURITY_COUNTER = 0x01, 0x02, 0x50
HASHES = {0x10: "sha256", 0x11: "sha384", 0x12: "sha512"}
SIGNATURES = {
    0x20: ("RSA-2048 PSS SHA-256", 2048),
    0x21: ("ECDSA P-224 SHA-256", 224),
    0x22: ("ECDSA SHA-256", None),
    0x23: ("RSA-3072 PSS SHA-256", 3072),
    0x24: ("Ed25519", 256),
}
ENCRYPTED = 0x4 | 0x8
WRAPPED_KEYS = range(0x30, 0x40)
PUBLIC_KEYS = {
    "fc5701dc6135e1323847bdc40f04d2e5bee5833b23c29f93593d00018cfa9994": "MCUboot root-rsa-2048",
    "449793fb65cd7698753d5b3f35fab15f1e3a45111ff24e1d46741de5ae12d59e": "MCUboot root-rsa-3072",
    "e30466f6b8470c1f29070b17f1e2d3e94d445e3f608087fdc711e4382bb538b6": "MCUboot root-ec-p256",
    "c1907fa4eac7fae3840a78902b6f0710b037e9968e5c6274a12a28790c7d4e3c": "MCUboot root-ed25519",
}
"""SHA-256 of the public keys whose private halves lie in MCUboot's public repository."""


@dataclass(slots=True)
class Areas:
    """The tagged values of both areas. ``end`` is where they stop."""

    protected: dict[int, list[bytes]] = field(default_factory=dict)
    open: dict[int, list[bytes]] = field(default_factory=dict)
    end: int = 0

    def first(self, tag: int) -> bytes | None:
        values = self.protected.get(tag, []) + self.open.get(tag, [])
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class McuBoot:
    """The format."""

    name: str = "MCUboot image"
    anchors: tuple[tuple[bytes, int], ...] = ((MAGIC, 0),)
    at_end: bool = False
    searched: bool = True

    def read(self, view: View, context: Context) -> Reading | None:
        header, protected_size, payload, flags = view.unpack("<HHII", 8)
        if header < HEADER or header > 0x10000 or payload == 0:
            return None
        major, minor, revision, build = view.unpack("<BBHI", 20)
        version = f"{major}.{minor}.{revision}" + (f"+{build}" if build else "")
        details = (("flags", f"{flags:#x}"), ("load address", f"{view.u32(4):#x}"))
        payload_end = header + payload
        try:
            areas = tagged(view, payload_end)
            covered = view.part(0, payload_end + protected_size)
            body = view.part(header, payload)
        except Malformed as error:
            problem = f"the image is cut short or damaged: {error}"
            unreadable = Protection(signing=Signing.UNREADABLE, detail=problem)
            return Reading(
                format=self.name,
                kind=LayerKind.UPDATE,
                size=len(view),
                version=version,
                details=details,
                problem=problem,
                protection=unreadable,
            )
        encrypted = bool(flags & ENCRYPTED) or any(areas.first(t) for t in WRAPPED_KEYS)
        opaque = "encrypted" if encrypted else ""
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=areas.end,
            version=version,
            details=details,
            protection=judged(covered, areas, context.keys.keys, encrypted=encrypted),
            parts=(Part(name="payload", view=body, offset=header, opaque=opaque),),
        )


FORMAT = McuBoot()


def tagged(view: View, at: int) -> Areas:
    """Both areas from ``at``. Raises Malformed when neither is there whole."""
    areas = Areas(end=at)
    for magic, values in ((PROTECTED_INFO, areas.protected), (TLV_INFO, areas.open)):
        if view.u16(areas.end) != magic:
            continue
        total = view.u16(areas.end + 2)
        area = view.part(areas.end, total)
        offset = 4
        while offset < total:
            tag, size = area.unpack("<HH", offset)
            values.setdefault(tag, []).append(area.read(offset + 4, size))
            offset += 4 + size
        areas.end += total
    if areas.end == at:
        raise Malformed("the area of hashes and signatures is not there")
    return areas


def judged(
    covered: View, areas: Areas, keys: tuple[PublicKey, ...], *, encrypted: bool
) -> Protection:
    """What the tagged values are worth."""
    tag = next((t for t in SIGNATURES if areas.first(t) is not None), None)
    hash_tag = next((t for t in HASHES if areas.first(t) is not None), None)
    counter = (areas.protected.get(SECURITY_COUNTER) or areas.open.get(SECURITY_COUNTER) or [b""])[
        0
    ]
    value = int.from_bytes(counter, "little") if len(counter) == 4 else None
    rollback = Rollback.NONE
    if value is not None:
        signed = tag is not None and SECURITY_COUNTER in areas.protected
        rollback = Rollback.COUNTER if signed else Rollback.UNSIGNED_COUNTER
    key_id = (areas.first(KEYHASH) or b"").hex()
    given = areas.first(PUBKEY)
    if not key_id and given:
        key_id = fingerprint(given)
    whole, integrity = _hash(covered, areas, hash_tag, encrypted=encrypted)
    scheme, bits = SIGNATURES[tag] if tag is not None else ("", None)
    signing, detail = _signing(covered, areas, tag, keys, key_id, whole, encrypted=encrypted)
    return Protection(
        signing=signing,
        detail=detail,
        covers="header, payload and protected area, by their hash" if tag is not None else "",
        binds_payload=True if tag is not None else None,
        scheme=scheme,
        key_bits=bits,
        key_id=key_id,
        public_key=PUBLIC_KEYS.get(key_id, ""),
        weak=weakness("RSA" if scheme.startswith("RSA") else "EC", bits) if scheme else "",
        rollback=rollback,
        rollback_value=value,
        encrypted=encrypted,
        integrity=integrity,
    )


def _hash(
    covered: View, areas: Areas, tag: int | None, *, encrypted: bool
) -> tuple[bool | None, str]:
    """Whether the hash holds (None: cannot be told), and the sentence for it."""
    if tag is None:
        return None, "no hash"
    name = HASHES[tag].upper().replace("SHA", "SHA-")
    if encrypted:
        return None, f"{name} of the plaintext, which is encrypted"
    holds = hashlib.new(HASHES[tag], covered.raw).digest() == areas.first(tag)
    return holds, f"{name} {'holds' if holds else 'does not hold'}"


def _signing(
    covered: View,
    areas: Areas,
    tag: int | None,
    keys: tuple[PublicKey, ...],
    key_id: str,
    whole: bool | None,
    *,
    encrypted: bool,
) -> tuple[Signing, str]:
    if whole is False:
        return Signing.TAMPERED, "the hash in the image is not the hash of its header and payload"
    if tag is None:
        return Signing.UNSIGNED, "there is no signature, only a hash that anybody can make anew"
    if encrypted:
        return (
            Signing.ENCRYPTED,
            "the signature is over the plaintext, which nobody has without the key",
        )
    matching = [
        k for k in keys if not key_id or key_id in (fingerprint(k.der), fingerprint(pkcs1(k)))
    ]
    if not matching:
        other = "; it names another key than those given" if keys else ""
        return (
            Signing.NOT_VERIFIED,
            f"signed by the key {key_id[:16] or 'that is not named'}{other}",
        )
    signature = areas.first(tag) or b""
    for key in matching:
        if verifies(key, tag, signature, covered):
            return Signing.VERIFIED, f"the signature was verified with {key.name}"
    if key_id:
        return Signing.TAMPERED, "the key that the image names did not make this signature"
    return Signing.NOT_VERIFIED, "none of the keys that were given made the signature"


def verifies(key: PublicKey, tag: int, signature: bytes, covered: View) -> bool:
    """Whether ``key`` made ``signature`` over the hash of ``covered``."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

    digest = hashlib.sha256(covered.raw).digest()
    public = load(key)
    sha256 = utils.Prehashed(hashes.SHA256())
    try:
        if tag in (0x20, 0x23) and isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, digest, padding.PSS(padding.MGF1(hashes.SHA256()), 32), sha256)
        elif tag in (0x21, 0x22) and isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, digest, ec.ECDSA(sha256))
        elif tag == 0x24 and isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, digest)
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True
