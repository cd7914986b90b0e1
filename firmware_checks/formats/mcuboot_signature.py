"""What the tagged values behind an MCUboot image are worth: hash, signature, counter.

Source: MCUboot design document, "Image format", and ``image.h``. The signature is over the hash, with SIG_PURE over
the image itself; the key is named by the same kind of hash.
"""

import hashlib
from dataclasses import dataclass, field

from firmware_checks.keys import fingerprint, pkcs1, weakness
from firmware_checks.reading import Protection, PublicKey
from firmware_checks.signatures import Outcome, blank, check, described
from firmware_checks.view import View
from probe.model.firmware import Rollback, Signing

KEYHASH, PUBKEY, SIG_PURE, SECURITY_COUNTER = 0x01, 0x02, 0x25, 0x50
HASHES = {0x10: "sha256", 0x11: "sha384", 0x12: "sha512"}
RSA_2048, ECDSA_P224, ECDSA, RSA_3072, ED25519 = 0x20, 0x21, 0x22, 0x23, 0x24
SIGNATURES = {
    RSA_2048: ("RSA-2048 PSS", 2048),
    ECDSA_P224: ("ECDSA P-224", 224),
    ECDSA: ("ECDSA P-256", 256),
    RSA_3072: ("RSA-3072 PSS", 3072),
    ED25519: ("Ed25519", 256),
}
KINDS = {RSA_2048: "RSA", RSA_3072: "RSA", ED25519: "Ed25519"}
MOST_SIGNATURES = 8
RETIRED = "ECDSA with P-224, which MCUboot itself gave up"
PUBLIC_KEYS = {
    "fc5701dc6135e1323847bdc40f04d2e5bee5833b23c29f93593d00018cfa9994": "MCUboot root-rsa-2048",
    "449793fb65cd7698753d5b3f35fab15f1e3a45111ff24e1d46741de5ae12d59e": "MCUboot root-rsa-3072",
    "e30466f6b8470c1f29070b17f1e2d3e94d445e3f608087fdc711e4382bb538b6": "MCUboot root-ec-p256",
    "c1907fa4eac7fae3840a78902b6f0710b037e9968e5c6274a12a28790c7d4e3c": "MCUboot root-ed25519",
    "6bcd1e16d80e5fe13a5307e6f1de8344c7e50e537d9962ce35ef6db5e642fae8": "MCUboot root-ec-p384",
    "85b7bd5f5dff9a03a99927adaf6ca6febde822c1a480928324a8e60323715c57"
    "79461c496a95aee8c4f90b99779f848a": "MCUboot root-ec-p384",
}
"""Hashes of the public keys whose private halves lie in MCUboot's public repository."""


@dataclass(slots=True)
class Areas:
    """The tagged values of both areas. ``end`` is where they stop."""

    protected: dict[int, list[bytes]] = field(default_factory=dict)
    open: dict[int, list[bytes]] = field(default_factory=dict)
    end: int = 0

    def every(self, tag: int) -> list[bytes]:
        return self.protected.get(tag, []) + self.open.get(tag, [])

    def first(self, tag: int) -> bytes | None:
        values = self.every(tag)
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class Signature:
    """The signature of an image, and what it is over."""

    tag: int
    value: bytes
    hash_name: str
    pure: bool
    key_id: str
    """In hexadecimal, by which hash the image likes; empty when it names none."""

    @property
    def scheme(self) -> str:
        name, _ = SIGNATURES[self.tag]
        if self.tag in (RSA_2048, RSA_3072):
            # Not by the tag: the signature is as long as the key.
            name = f"RSA-{8 * len(self.value)} PSS"
        if self.tag == ECDSA and self.hash_name == "sha384":
            name = "ECDSA P-384"
        if self.tag == ED25519:
            return (
                f"{name} over the image" if self.pure else f"{name} over {_shown(self.hash_name)}"
            )
        return f"{name} {_shown(self.hash_name)}"

    @property
    def bits(self) -> int:
        if self.tag in (RSA_2048, RSA_3072):
            return 8 * len(self.value)
        return 384 if "P-384" in self.scheme else SIGNATURES[self.tag][1]

    @property
    def weak(self) -> str:
        kind = "RSA" if self.scheme.startswith("RSA") else "EC"
        return RETIRED if self.tag == ECDSA_P224 else weakness(kind, self.bits)

    def asked(self, key: PublicKey, covered: View) -> Outcome:
        """What ``key`` says of it; a key of another kind than the tag's is not asked by the boot loader."""
        if described(key)[0] != KINDS.get(self.tag, "EC"):
            return Outcome.NOT_MADE
        digest = hashlib.new(self.hash_name, covered.raw).digest()
        if self.tag == ED25519:
            return check(key, self.value, covered.raw if self.pure else digest, self.hash_name)
        return check(key, self.value, digest, self.hash_name, prehashed=True)

    def names(self, key: PublicKey) -> bool:
        """Whether the image names this key."""
        hashes = {hashlib.new(n, der).hexdigest() for n in HASHES.values() for der in _forms(key)}
        return self.key_id in hashes


def _forms(key: PublicKey) -> list[bytes]:
    return [der for der in (key.der, pkcs1(key)) if der]


def _shown(hash_name: str) -> str:
    return hash_name.upper().replace("SHA", "SHA-")


def signatures_of(areas: Areas) -> list[Signature]:
    """Every signature; the boot loader starts an image for which one of them is good."""
    found = [(tag, value) for tag in SIGNATURES for value in areas.every(tag) if not blank(value)]
    hash_tag = next((t for t in HASHES if areas.first(t) is not None), None)
    names = [value.hex() for value in areas.every(KEYHASH)]
    if not names:
        names = [fingerprint(given) for given in areas.every(PUBKEY)]
    pure = (areas.first(SIG_PURE) or b"\0") != b"\0"
    hash_name = HASHES[hash_tag] if hash_tag is not None else "sha256"
    # Names stand before their signatures. Where numbers differ nobody knows which belongs to which.
    paired = names if len(names) == len(found) else [""] * len(found)
    if len({tag for tag, _ in found}) > 1:
        paired = [""] * len(found)
    return [
        Signature(tag, value, hash_name, pure, name)
        for (tag, value), name in zip(found[:MOST_SIGNATURES], paired, strict=False)
    ]


def judged(
    covered: View, areas: Areas, keys: tuple[PublicKey, ...], *, encrypted: bool
) -> Protection:
    """What the tagged values are worth."""
    signatures = signatures_of(areas)
    signature = signatures[0] if signatures else None
    counters = areas.protected.get(SECURITY_COUNTER) or areas.open.get(SECURITY_COUNTER) or [b""]
    value = int.from_bytes(counters[0], "little") if len(counters[0]) == 4 else None
    rollback = Rollback.NONE
    if value is not None:
        safe = signature is not None and SECURITY_COUNTER in areas.protected
        rollback = Rollback.COUNTER if safe else Rollback.UNSIGNED_COUNTER
    whole, integrity = _hash(covered, areas, encrypted=encrypted)
    order = (Signing.VERIFIED, Signing.TAMPERED, Signing.NOT_VERIFIED, Signing.ENCRYPTED)
    every = [_signing(covered, one, keys, whole, encrypted=encrypted) for one in signatures]
    if every:
        signing, detail = min(every, key=lambda row: order.index(row[0]))
        signature = signatures[every.index((signing, detail))]
    else:
        signing, detail = _signing(covered, None, keys, whole, encrypted=encrypted)
    if len(every) > 1:
        detail += f" ({len(every)} signatures)"
    known = PUBLIC_KEYS.get(signature.key_id, "") if signature else ""
    if signature and signing is Signing.VERIFIED and not signature.key_id:
        # The image names no key; the one that was given may be known to everybody.
        made = (k for k in keys if signature.asked(k, covered) is Outcome.FITS)
        known = next((PUBLIC_KEYS.get(fingerprint(f), "") for k in made for f in _forms(k)), "")
    covers = "header, payload and protected area"
    if signature and not signature.pure:
        covers += ", by their hash"
    return Protection(
        signing=signing,
        detail=detail,
        covers=covers if signature else "",
        binds_payload=True if signature else None,
        scheme=signature.scheme if signature else "",
        key_bits=signature.bits if signature else None,
        key_id=signature.key_id if signature else "",
        public_key=known,
        weak=signature.weak if signature else "",
        rollback=rollback,
        rollback_value=value,
        encrypted=encrypted,
        integrity=integrity,
    )


def holds(covered: View, areas: Areas) -> bool | None:
    """Whether every hash is that of the bytes as they are; None without one."""
    every = [(HASHES[tag], value) for tag in HASHES for value in areas.every(tag)]
    if not every:
        return None
    return all(hashlib.new(name, covered.raw).digest() == value for name, value in every[:8])


def _hash(covered: View, areas: Areas, *, encrypted: bool) -> tuple[bool | None, str]:
    """Whether the hash holds (None: cannot be told), and the sentence for it."""
    tag = next((t for t in HASHES if areas.first(t) is not None), None)
    if tag is None:
        return None, "no hash"
    name = _shown(HASHES[tag])
    if encrypted:
        return None, f"{name} of the plaintext, which is encrypted"
    whole = holds(covered, areas)
    return whole, f"{name} {'holds' if whole else 'does not hold'}"


def _signing(
    covered: View,
    signature: Signature | None,
    keys: tuple[PublicKey, ...],
    whole: bool | None,
    *,
    encrypted: bool,
) -> tuple[Signing, str]:
    if whole is False:
        return Signing.TAMPERED, "the hash in the image is not the hash of its header and payload"
    if signature is None:
        if whole is None and not encrypted:
            return Signing.UNSIGNED, "there is neither a signature nor a hash"
        return Signing.UNSIGNED, "there is no signature, only a hash that anybody can make anew"
    if encrypted:
        said = "the signature is over the plaintext, which nobody has without the key"
        return Signing.ENCRYPTED, said
    named = [key for key in keys if signature.key_id and signature.names(key)]
    if signature.key_id and not named:
        other = "; it names another key than those given" if keys else ""
        return Signing.NOT_VERIFIED, f"signed by the key {signature.key_id[:16]}{other}"
    for key in named or keys:
        outcome = signature.asked(key, covered)
        if outcome is Outcome.FITS:
            return Signing.VERIFIED, f"the signature was verified with {key.name}"
        if named or outcome is Outcome.OTHER_CONTENT:
            return Signing.TAMPERED, f"{key.name} made the signature over something else, or not it"
    why = "; none of the keys that were given fits" if keys else ""
    return Signing.NOT_VERIFIED, f"signed by a key that is not named{why}"
