"""The authentication of a SUIT envelope: the digest of the manifest, and what was signed over it.

Source: draft-ietf-suit-manifest section 8.2, RFC 9052 section 4.4 for COSE_Sign1, RFC 8778 for HSS-LMS in COSE.
"""

import hashlib
import io
from dataclasses import dataclass, replace
from typing import Any

from firmware_checks.keys import weakness
from firmware_checks.reading import PublicKey
from firmware_checks.signatures import Outcome, Verdict, blank, check, described, judged, key_id
from firmware_checks.view import Malformed, View
from probe.model.firmware import Signing

BYTES = 2
"""CBOR's kind of byte strings."""
SIGN1_TAG, SIGN_TAG, MACS = 18, 98, (17, 97)
MOST_BLOCKS = 9
HASHES = {-16: "sha256", -43: "sha384", -44: "sha512"}
FOREIGN = (-14, -15, -17, -18, -45)
"""Other hashes of COSE (RFC 9054), which nothing here makes."""
SIGNATURES = {
    -7: ("ES256", "sha256", 256),
    -9: ("ESP256", "sha256", 256),
    -35: ("ES384", "sha384", 384),
    -51: ("ESP384", "sha384", 384),
    -36: ("ES512", "sha512", 521),
    -52: ("ESP512", "sha512", 521),
    -8: ("EdDSA", "sha512", 256),
    -19: ("Ed25519", "sha512", 256),
    -37: ("PS256", "sha256", None),
    -257: ("RS256", "sha256", None),
    -46: ("HSS-LMS", "sha256", None),
}
"""COSE algorithm to its name, hash, and bits of the key where the name says them (RFC 9053, 9864, 8778)."""


def loaded(data: bytes) -> tuple[Any, int]:
    """One CBOR item and how many bytes it took. Raises Malformed."""
    import cbor2

    stream = io.BytesIO(data)
    try:
        value = cbor2.CBORDecoder(stream).decode()
    except (cbor2.CBORDecodeError, ValueError, TypeError, OverflowError, RecursionError, EOFError):
        raise Malformed("no CBOR") from None
    except MemoryError:
        raise Malformed("CBOR that promises more than there is") from None
    return value, stream.tell()


def got(value: object, key: int) -> Any:
    return value.get(key) if hasattr(value, "get") and hasattr(value, "items") else None


@dataclass(frozen=True, slots=True)
class Authentication:
    """What all blocks together say. ``holds``: the digest is the manifest's; None when that cannot be told."""

    signing: Signing
    detail: str
    holds: bool | None
    signed: bool = False
    scheme: str = ""
    key_id: str = ""
    bits: int | None = None
    weak: str = ""


def authentication(wrapper: bytes, manifest: bytes, keys: tuple[PublicKey, ...]) -> Authentication:
    """Judge the blocks: the first is the digest, those after it are COSE objects. Raises Malformed."""
    blocks = loaded(wrapper)[0]
    blocks = list(blocks[:MOST_BLOCKS]) if isinstance(blocks, list | tuple) else []
    digest = blocks[0] if blocks and isinstance(blocks[0], bytes) else b""
    holds = _digest_holds(digest, manifest)
    others = [b for b in blocks[1:] if isinstance(b, bytes)]
    found = [j for b in others for j in _signatures(b, digest, keys)]
    if not found:
        tags = [getattr(loaded(b)[0], "tag", None) for b in others]
        if any(tag in MACS for tag in tags):
            said = "it is authenticated with a key that sender and device share"
            said += ", which nobody else can verify"
            return Authentication(Signing.NOT_VERIFIED, said, holds)
        if any(tag != SIGN1_TAG for tag in tags):
            said = "there is a block of authentication of a kind that is not read here"
            return Authentication(Signing.NOT_VERIFIED, said, holds)
        said = "there is a digest, and no signature over it"
        return Authentication(Signing.UNSIGNED, said, holds)
    order = (Signing.VERIFIED, Signing.TAMPERED, Signing.NOT_VERIFIED)
    best = min(found, key=lambda j: order.index(j.verdict.signing))
    signing, detail = best.verdict.signing, best.verdict.detail
    identity, bits, weak = best.key_id, best.bits, ""
    if best.verdict.key is not None:
        kind, size = described(best.verdict.key)
        bits, identity, weak = size or bits, key_id(best.verdict.key), weakness(kind, size)
    if len(found) > 1:
        good = sum(j.verdict.signing is Signing.VERIFIED for j in found)
        detail += f" ({good} of {len(found)} signatures verified)"
    return Authentication(signing, detail, holds, True, best.scheme, identity, bits, weak)


def _digest_holds(digest_bytes: bytes, manifest_bytes: bytes) -> bool | None:
    """Whether the digest is that of the manifest as a byte string, head and all."""
    import cbor2

    digest = loaded(digest_bytes)[0] if digest_bytes else None
    if not isinstance(digest, list | tuple) or len(digest) < 2 or not isinstance(digest[0], int):
        return None
    if digest[0] not in HASHES:
        return None
    return bool(hashlib.new(HASHES[digest[0]], cbor2.dumps(manifest_bytes)).digest() == digest[1])


@dataclass(frozen=True, slots=True)
class Judged:
    """One signature: what it is worth, its scheme, who made it, bits of the key as far as the scheme says."""

    verdict: Verdict
    scheme: str
    key_id: str
    bits: int | None


def _signatures(block: bytes, payload: bytes, keys: tuple[PublicKey, ...]) -> list[Judged]:
    """Those of one COSE_Sign1 or COSE_Sign; none of other kinds (MAC, encryption)."""
    value = loaded(block)[0]
    tag, parts = getattr(value, "tag", None), getattr(value, "value", None)
    if tag not in (SIGN1_TAG, SIGN_TAG) or not isinstance(parts, list | tuple) or len(parts) != 4:
        return []
    if tag == SIGN1_TAG:
        one = _signature(["Signature1", parts[0]], tuple(parts), payload, keys)
        return [one] if one else []
    body, _, inside, rows = parts
    rows = rows[:MOST_BLOCKS] if isinstance(rows, list | tuple) else ()
    # RFC 9052 section 4.4: what all of them share, then what is said of each.
    made = [
        _signature(["Signature", body, row[0]], (row[0], row[1], inside, row[2]), payload, keys)
        for row in rows
        if isinstance(row, list | tuple) and len(row) == 3
    ]
    return [one for one in made if one]


def _signature(
    context: list[object], parts: tuple[Any, ...], payload: bytes, keys: tuple[PublicKey, ...]
) -> Judged | None:
    """One signature over the digest (detached, or inside); None when there is none in its place."""
    import cbor2

    protected, unprotected, inside, signature = parts
    if not isinstance(protected, bytes) or not isinstance(signature, bytes) or blank(signature):
        return None
    header = loaded(protected)[0] if protected else {}
    algorithm, name = got(header, 1), got(header, 4) or got(unprotected, 4)
    identity = name.hex() if isinstance(name, bytes) else ""
    if not isinstance(algorithm, int) or algorithm not in SIGNATURES:
        said = f"COSE algorithm {algorithm} is not verified here"
        verdict = Verdict(Signing.NOT_VERIFIED, said)
        return Judged(verdict, f"COSE algorithm {algorithm}", identity, None)
    scheme, hash_name, bits = SIGNATURES[algorithm]
    covered = inside if isinstance(inside, bytes) else payload
    signed = cbor2.dumps([*context, b"", covered])

    def ask(key: PublicKey) -> Outcome:
        return check(key, signature, signed, hash_name)

    verdict = judged(keys, ask, f"the key {identity}" if identity else "")
    if isinstance(inside, bytes) and inside != payload:
        verdict = Verdict(Signing.TAMPERED, "the signature is over another digest")
    return Judged(verdict, f"COSE {scheme}", identity, bits)


# --- parts of the manifest that stand beside it ---------------------------------------------------------


def byte_string(size: int) -> bytes:
    """The head of a byte string in its shortest form."""
    if size < 24:
        return bytes([BYTES << 5 | size])
    width = next(n for n in range(4) if size < 1 << (8 << n))
    return bytes([BYTES << 5 | 24 + width]) + size.to_bytes(1 << width)


def severed(manifest: object, key: int, value: View) -> bool:
    """Whether a part that stands beside the manifest is the one whose digest stands in it (sections 5.5, 8.5)."""
    said = got(manifest, key)
    if isinstance(said, bytes):
        try:
            said = loaded(said)[0]
        except Malformed:
            return False
    if not isinstance(said, list | tuple) or len(said) != 2 or said[0] not in HASHES:
        return False
    # The digest is over the byte string with its head.
    name, head = HASHES[said[0]], byte_string(len(value))
    views = (head + value.read(), value.raw)
    return any(hashlib.new(name, view).digest() == said[1] for view in views)


def with_parts(found: Authentication, manifest: object, changed: dict[int, str]) -> Authentication:
    """The same, and what is to be said of parts beside the manifest, key and name, that no digest in it fits."""
    if not changed:
        return found
    names = ", ".join(list(changed.values())[:4])
    known = [key for key in changed if _digest_of(manifest, key)]
    if known and found.signed and found.signing is not Signing.UNSIGNED:
        said = f"the manifest's digest does not fit the {names} beside it"
        return replace(found, signing=Signing.TAMPERED, detail=said)
    return replace(found, detail=f"{found.detail}; not under the manifest: {names}")


def _digest_of(manifest: object, key: int) -> bool:
    """Whether the manifest has a digest that is known here in a part's place."""
    said = got(manifest, key)
    return isinstance(said, list | tuple) and len(said) == 2 and said[0] in HASHES
