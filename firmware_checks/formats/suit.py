"""SUIT envelopes: a manifest in CBOR, its digest, and COSE signatures over the digest.

Source: draft-ietf-suit-manifest (sections 8 and "SUIT_Envelope"), RFC 9052 section 4.4 for COSE_Sign1.
Keys of the envelope: 2 authentication, 3 manifest; of the manifest: 1 version, 2 sequence number, 3 common.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from firmware_checks.keys import weakness
from firmware_checks.reading import Context, Part, Protection, PublicKey, Reading
from firmware_checks.signatures import Outcome, Verdict, check, described, judged, key_id
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

RANK = 30
ENVELOPE_TAG, SIGN1_TAG = 107, 18
LARGEST = 64 << 20
AUTHENTICATION, MANIFEST = 2, 3
VERSION, SEQUENCE, COMMON, URI = 1, 2, 3, 21
SHA256 = -16
HASHES = {-16: "sha256", -43: "sha384", -44: "sha512"}
SIGNATURES = {-7: ("ES256", "sha256"), -35: ("ES384", "sha384"), -36: ("ES512", "sha512")}
SIGNATURES |= {-8: ("EdDSA", "sha512"), -37: ("PS256", "sha256"), -257: ("RS256", "sha256")}
STEPS = {
    7: "validate",
    8: "load",
    9: "invoke",
    16: "payload fetch",
    17: "install",
    20: "install",
    23: "text",
}
DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Suit:
    """The format. Without its tag an envelope begins as many maps do, so both parts must be there."""

    name: str = "SUIT envelope"
    anchors: tuple[tuple[bytes, int], ...] = (
        (b"\xd8\x6b", 0),
        *((bytes([0xA0 | n, 2, head]), 0) for n in range(2, 8) for head in (0x58, 0x59)),
    )
    at_end: bool = False
    searched: bool = False

    def read(self, view: View, context: Context) -> Reading | None:
        if len(view) > LARGEST:
            return None
        context.budget.take(len(view))
        envelope, size = loaded(view.read())
        if getattr(envelope, "tag", None) == ENVELOPE_TAG:
            envelope = envelope.value
        manifest_bytes = _get(envelope, MANIFEST)
        wrapper = _get(envelope, AUTHENTICATION)
        if not isinstance(manifest_bytes, bytes) or not isinstance(wrapper, bytes):
            return None
        manifest = loaded(manifest_bytes)[0]
        if _get(manifest, VERSION) != 1:
            return None
        sequence = _get(manifest, SEQUENCE)
        steps = [text for key, text in STEPS.items() if _get(manifest, key) is not None]
        details = [("steps", ", ".join(steps))]
        details += [("fetches", uri) for uri in sorted(set(_uris(manifest)))[:8]]
        payloads = {
            str(k): View(v)
            for k, v in envelope.items()
            if isinstance(k, str) and isinstance(v, bytes)
        }
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=size,
            version=str(sequence) if isinstance(sequence, int) else "",
            details=tuple(details),
            protection=_protection(manifest_bytes, wrapper, sequence, payloads, manifest, context),
            parts=tuple(Part(name=k, view=v) for k, v in list(payloads.items())[:64]),
        )


FORMAT = Suit()


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


def _get(value: object, key: int) -> Any:
    return value.get(key) if hasattr(value, "get") and hasattr(value, "items") else None


def _uris(value: Any, depth: int = 0) -> Iterator[str]:
    """Texts under parameter 21, in sequences that are CBOR inside byte strings."""
    if depth > DEEPEST:
        return
    if isinstance(value, bytes):
        try:
            value = loaded(value)[0]
        except Malformed:
            return
    if hasattr(value, "items"):
        for key, inner in list(value.items())[:256]:
            if key == URI and isinstance(inner, str):
                yield inner
            else:
                yield from _uris(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value[:256]:
            yield from _uris(inner, depth + 1)


def _digests(value: Any, depth: int = 0) -> Iterator[bytes]:
    """SHA-256 digests anywhere in the manifest: ``[-16, bytes]`` inside byte strings."""
    if depth > DEEPEST:
        return
    if isinstance(value, bytes):
        try:
            value = loaded(value)[0]
        except Malformed:
            return
    if isinstance(value, list | tuple):
        if len(value) == 2 and value[0] == SHA256 and isinstance(value[1], bytes):
            yield value[1]
        else:
            for inner in value[:256]:
                yield from _digests(inner, depth + 1)
    elif hasattr(value, "items"):
        for inner in list(value.values())[:256]:
            yield from _digests(inner, depth + 1)


def _protection(
    manifest_bytes: bytes,
    wrapper: bytes,
    sequence: object,
    payloads: dict[str, View],
    manifest: Any,
    context: Context,
) -> Protection:
    blocks = loaded(wrapper)[0]
    blocks = [b for b in blocks if isinstance(b, bytes)] if isinstance(blocks, list | tuple) else []
    digest_bytes = blocks[0] if blocks else b""
    holds = _digest_holds(digest_bytes, manifest_bytes)
    judgements = [
        j for j in (_signature(b, digest_bytes, context.keys.keys) for b in blocks[1:9]) if j
    ]
    order = (Signing.VERIFIED, Signing.TAMPERED, Signing.NOT_VERIFIED)
    best = min(judgements, key=lambda j: order.index(j[0].signing), default=None)
    known = set(_digests(manifest))
    loose = [n for n, v in payloads.items() if hashlib.sha256(v.raw).digest() not in known]
    signing, detail = Signing.UNSIGNED, "there is a digest, and no signature over it"
    scheme, bits, kind, identity = "", None, "", ""
    if best is not None:
        verdict, scheme, identity = best
        signing, detail = verdict.signing, verdict.detail
        if verdict.key is not None:
            kind, bits = described(verdict.key)
            identity = key_id(verdict.key)
    if holds is False:
        signing, detail = Signing.TAMPERED, "the digest is not that of the manifest"
    elif loose:
        detail += f"; no digest of the manifest fits {', '.join(loose[:4])}"
        if best is not None and known:
            signing = Signing.TAMPERED
    rollback, value = Rollback.NONE, None
    if isinstance(sequence, int) and 0 <= sequence < 1 << 64:
        rollback = Rollback.COUNTER if best is not None else Rollback.UNSIGNED_COUNTER
        value = sequence
    return Protection(
        signing=signing,
        detail=detail,
        covers="the manifest, by its digest, and payloads by the manifest's digests"
        if best
        else "",
        binds_payload=bool(known) if best is not None else None,
        scheme=scheme,
        key_bits=bits,
        key_id=identity,
        weak=weakness(kind, bits) if kind else "",
        rollback=rollback,
        rollback_value=value,
        integrity="" if holds is None else f"digest {'holds' if holds else 'does not hold'}",
    )


def _digest_holds(digest_bytes: bytes, manifest_bytes: bytes) -> bool | None:
    """Whether the digest is that of the manifest as a byte string, head and all."""
    import cbor2

    digest = loaded(digest_bytes)[0] if digest_bytes else None
    if not isinstance(digest, list | tuple) or len(digest) < 2 or not isinstance(digest[0], int):
        return None
    if digest[0] not in HASHES:
        return None
    return bool(hashlib.new(HASHES[digest[0]], cbor2.dumps(manifest_bytes)).digest() == digest[1])


def _signature(
    block: bytes, payload: bytes, keys: tuple[PublicKey, ...]
) -> tuple[Verdict, str, str] | None:
    """One COSE_Sign1 over the digest (detached, or inside); None for other kinds (MAC, encryption)."""
    import cbor2

    value = loaded(block)[0]
    if getattr(value, "tag", None) != SIGN1_TAG:
        return None
    parts = value.value
    if not isinstance(parts, list | tuple) or len(parts) != 4:
        return None
    protected, unprotected, inside, signature = parts
    if not isinstance(protected, bytes) or not isinstance(signature, bytes):
        return None
    header = loaded(protected)[0] if protected else {}
    algorithm, name = _get(header, 1), _get(header, 4) or _get(unprotected, 4)
    identity = name.hex() if isinstance(name, bytes) else ""
    if not isinstance(algorithm, int) or algorithm not in SIGNATURES:
        said = f"COSE algorithm {algorithm} is not verified here"
        return Verdict(Signing.NOT_VERIFIED, said), f"COSE algorithm {algorithm}", identity
    scheme, hash_name = SIGNATURES[algorithm]
    covered = inside if isinstance(inside, bytes) else payload
    signed = cbor2.dumps(["Signature1", protected, b"", covered])

    def ask(key: PublicKey) -> Outcome:
        return check(key, signature, signed, hash_name)

    if isinstance(inside, bytes) and inside != payload:
        return Verdict(Signing.TAMPERED, "the signature is over another digest"), scheme, identity
    return judged(keys, ask, f"the key {identity}" if identity else ""), f"COSE {scheme}", identity
