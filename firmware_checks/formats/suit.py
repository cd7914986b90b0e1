"""SUIT envelopes: a manifest in CBOR, its digest, and COSE signatures over the digest.

Source: draft-ietf-suit-manifest (sections 8 and "SUIT_Envelope"), RFC 9052 section 4.4 for COSE_Sign1.
Keys of the envelope: 2 authentication, 3 manifest; of the manifest: 1 version, 2 sequence number, 3 common.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from firmware_checks.formats.suit_signature import (
    SHA256,
    Authentication,
    authentication,
    got,
    loaded,
)
from firmware_checks.reading import Context, Format, Part, Protection, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

RANK = 30
ENVELOPE_TAG = 107
LARGEST = 64 << 20
AUTHENTICATION, MANIFEST = 2, 3
VERSION, SEQUENCE, URI, ENCRYPTION = 1, 2, 21, 19
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


class Suit(Format):
    """The format. Without its tag an envelope begins as many maps do, so both parts must be there."""

    name = "SUIT envelope"
    anchors = (
        (b"\xd8\x6b", 0),
        *((bytes([0xA0 | n, 2, head]), 0) for n in range(2, 8) for head in (0x58, 0x59)),
    )

    def read(self, view: View, context: Context) -> Reading | None:
        if len(view) > LARGEST:
            return None
        context.budget.take(len(view))
        envelope, size = loaded(view.read())
        if getattr(envelope, "tag", None) == ENVELOPE_TAG:
            envelope = envelope.value
        twice = _twice(view, envelope)
        manifest_bytes = got(envelope, MANIFEST)
        wrapper = got(envelope, AUTHENTICATION)
        if not isinstance(manifest_bytes, bytes) or not isinstance(wrapper, bytes):
            return None
        manifest = loaded(manifest_bytes)[0]
        if got(manifest, VERSION) != 1:
            return None
        sequence = got(manifest, SEQUENCE)
        steps = [text for key, text in STEPS.items() if got(manifest, key) is not None]
        details = [("steps", ", ".join(steps))]
        details += [
            ("fetches", uri)
            for uri in sorted({u for u in _under(manifest, URI) if isinstance(u, str)})[:8]
        ]
        encrypted = any(_under(manifest, ENCRYPTION))
        hidden = "encrypted" if encrypted else ""
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
            protection=_protection(
                authentication(wrapper, manifest_bytes, context.keys.keys),
                sequence,
                payloads,
                manifest,
                encrypted=encrypted,
                twice=twice,
            ),
            problem=twice,
            parts=tuple(
                Part(name=k, view=v, hidden=hidden) for k, v in list(payloads.items())[:64]
            ),
        )


FORMAT = Suit()


def _twice(view: View, envelope: Any) -> str:
    """Whether the envelope has a key more than once: readers differ in which one they take."""
    at = 2 if view.starts_with(b"\xd8\x6b") else 0
    head = view.u8(at)
    if head >> 5 == 5 and head & 0x1F < 24 and hasattr(envelope, "items"):
        return "" if head & 0x1F == len(envelope) else "a part of the envelope is there twice"
    return "the envelope does not say how many parts it has"


def _under(value: Any, wanted: int, depth: int = 0) -> Iterator[Any]:
    """What stands under a parameter, in sequences that are CBOR inside byte strings."""
    if depth > DEEPEST:
        return
    if isinstance(value, bytes):
        try:
            value = loaded(value)[0]
        except Malformed:
            return
    if hasattr(value, "items"):
        for key, inner in list(value.items())[:256]:
            if key == wanted and isinstance(inner, str | bytes):
                yield inner
            else:
                yield from _under(inner, wanted, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value[:256]:
            yield from _under(inner, wanted, depth + 1)


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
    found: Authentication,
    sequence: object,
    payloads: dict[str, View],
    manifest: Any,
    *,
    encrypted: bool,
    twice: str,
) -> Protection:
    known = set(_digests(manifest))
    loose = [n for n, v in payloads.items() if hashlib.sha256(v.raw).digest() not in known]
    signing, detail = found.signing, found.detail
    if twice:
        signing, detail = Signing.UNREADABLE, f"{twice}, and nobody knows which one is taken"
    elif found.holds is False:
        signing, detail = Signing.TAMPERED, "the digest is not that of the manifest"
    elif found.holds is None and signing is not Signing.UNSIGNED:
        signing = Signing.NOT_VERIFIED
        detail = f"the digest that is signed cannot be compared with the manifest; {detail}"
    elif loose:
        signing, said = _loose(found, loose, some=bool(known), encrypted=encrypted)
        detail += f"; {said}"
    rollback, value = Rollback.NONE, None
    if isinstance(sequence, int) and 0 <= sequence < 1 << 64:
        rollback = Rollback.COUNTER if found.signed else Rollback.UNSIGNED_COUNTER
        value = sequence
    binds = bool(known) and found.holds is True
    return Protection(
        signing=signing,
        detail=detail,
        covers="the manifest, by its digest, and payloads by the manifest's digests"
        if found.signed
        else "",
        binds_payload=None if not found.signed or (loose and encrypted) else binds,
        scheme=found.scheme,
        key_bits=found.bits,
        key_id=found.key_id,
        weak=found.weak,
        rollback=rollback,
        rollback_value=value,
        encrypted=encrypted,
        integrity=""
        if found.holds is None
        else f"digest {'holds' if found.holds else 'does not hold'}",
    )


def _loose(
    found: Authentication, loose: list[str], *, some: bool, encrypted: bool
) -> tuple[Signing, str]:
    """Payloads that no digest of the manifest fits."""
    if encrypted:
        # Whether a digest is that of the plaintext is for the device to know: no claim of tampering.
        said = "the payload is encrypted, and no digest fits what is there"
        return (Signing.ENCRYPTED if found.signed else found.signing), said
    said = f"no digest of the manifest fits {', '.join(loose[:4])}"
    return (Signing.TAMPERED if found.signed and some else found.signing), said
