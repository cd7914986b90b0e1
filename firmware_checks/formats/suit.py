"""SUIT envelopes: a manifest in CBOR, its digest, and COSE signatures over the digest.

Source: draft-ietf-suit-manifest (sections 8 and "SUIT_Envelope"), RFC 9052 section 4.4 for COSE_Sign1.
Keys of the envelope: 2 authentication, 3 manifest; of the manifest: 1 version, 2 sequence number, 3 common.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from firmware_checks.formats.suit_signature import (
    FOREIGN,
    HASHES,
    Authentication,
    authentication,
    byte_string,
    got,
    loaded,
    severed,
    with_parts,
)
from firmware_checks.reading import Context, Format, Part, Protection, Reading, unread
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

RANK = 30
ENVELOPE_TAG = 107
DELEGATION, AUTHENTICATION, MANIFEST = 1, 2, 3
OWN = (DELEGATION, AUTHENTICATION, MANIFEST)
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
LARGEST_MANIFEST, MOST_NODES, MOST_MEMBERS, LONGEST_NAME = 1 << 18, 20_000, 256, 1024
NUMBER, BYTES, TEXT, MAP, TAG, BREAK = 0, 2, 3, 5, 6, 0xFF


@dataclass(frozen=True, slots=True)
class Member:
    """One part of the envelope: its key, where the value stands, and the value without its head."""

    key: int | str
    at: int
    value: View


class Suit(Format):
    """The format. Without its tag an envelope begins as many maps do, so both parts must be there."""

    name = "SUIT envelope"
    anchors = (
        (b"\xd8\x6b", 0),
        *((bytes([0xA0 | n, 2, head]), 0) for n in range(2, 8) for head in (0x58, 0x59)),
    )

    def read(self, view: View, context: Context) -> Reading | None:
        members, size, problem = _members(view)
        first: dict[int | str, Member] = {}
        for member in members:
            first.setdefault(member.key, member)
        if not {AUTHENTICATION, MANIFEST} <= set(first):
            return None
        manifest_bytes, wrapper = (first[n].value.read() for n in (MANIFEST, AUTHENTICATION))
        if max(len(manifest_bytes), len(wrapper)) > LARGEST_MANIFEST:
            return unread(self.name, LayerKind.UPDATE, size, "a manifest of more than 256 KiB")
        manifest = loaded(manifest_bytes)[0]
        if got(manifest, VERSION) != 1:
            return None
        context.budget.take(size)
        if len(first) < len(members):
            problem = "a part of the envelope is there twice, and nobody knows which one is taken"
        cut = [m for m in members if isinstance(m.key, int) and m.key not in OWN]
        changed = [m for m in cut if not severed(manifest, int(m.key), m.value)]
        left = [MOST_NODES]
        try:
            pairs = list(_pairs(manifest, left))
            for one in cut:
                # What the manifest's digest fits counts like the manifest itself.
                if one not in changed and len(one.value) <= LARGEST_MANIFEST:
                    pairs += _pairs(one.value.read(), left)
        except Malformed as error:
            pairs, problem = [], str(error)
        sequence = got(manifest, SEQUENCE)
        steps = [text for key, text in STEPS.items() if got(manifest, key) is not None]
        details = [("steps", ", ".join(steps))]
        details += [
            ("fetches", uri)
            for uri in sorted({v for k, v in pairs if k == URI and isinstance(v, str)})[:8]
        ]
        encrypted = any(k == ENCRYPTION and v for k, v in pairs)
        payloads = [m for m in members if isinstance(m.key, str)]
        digests = Digests.of(pairs)
        found = authentication(wrapper, manifest_bytes, context.keys.keys)
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=size,
            version=str(sequence) if isinstance(sequence, int) else "",
            details=tuple(details),
            protection=_protection(
                with_parts(
                    found,
                    manifest,
                    {int(m.key): STEPS.get(int(m.key), f"part {m.key}") for m in changed},
                ),
                sequence,
                payloads,
                digests,
                encrypted=encrypted,
                problem=problem,
                bound=not changed,
            ),
            problem=problem,
            parts=tuple(
                Part(
                    name=str(m.key),
                    view=m.value,
                    offset=m.at,
                    hidden="encrypted" if encrypted else "",
                )
                for m in payloads[:64]
            ),
        )


FORMAT = Suit()


# --- CBOR as far as the envelope needs it -----------------------------------------------------------


def _head(view: View, at: int) -> tuple[int, int, int]:
    """Major type, argument (-1: of no said length), and where the contents begin (RFC 8949 section 3)."""
    first = view.u8(at)
    major, short = first >> 5, first & 0x1F
    if short < 24:
        return major, short, at + 1
    if short == 31:
        return major, -1, at + 1
    if short > 27:
        raise Malformed("no CBOR")
    width = 1 << (short - 24)
    return major, int.from_bytes(view.read(at + 1, width)), at + 1 + width


def _members(view: View) -> tuple[list[Member], int, str]:
    """The parts of the envelope, where it ends, and what is wrong with it. Raises Malformed.

    Not by the library: the envelope holds the payloads, and a byte of a hostile one becomes 70 in memory.
    """
    major, value, at = _head(view, 0)
    if major == TAG and value == ENVELOPE_TAG:
        major, value, at = _head(view, at)
    if major != MAP or value > MOST_MEMBERS:
        raise Malformed("no envelope")
    found: list[Member] = []
    while len(found) < (value if value >= 0 else MOST_MEMBERS):
        if value < 0 and view.u8(at) == BREAK:
            at += 1
            break
        major, key, at = _head(view, at)
        name: int | str = key
        if major == TEXT and 0 <= key <= LONGEST_NAME:
            name, at = view.read(at, key).decode("utf-8", "replace"), at + key
        elif major != NUMBER:
            raise Malformed("a part of an envelope without number or name")
        major, size, at = _head(view, at)
        if major != BYTES or size < 0:
            raise Malformed("a part of an envelope that is no byte string")
        found.append(Member(name, at, view.part(at, size)))
        at += size
    return found, at, "the envelope does not say how many parts it has" if value < 0 else ""


def _pairs(value: Any, left: list[int], depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Key and value of all maps, and (None, list) for lists, in sequences that are CBOR inside byte strings.

    ``left``: how many may be visited; lists may hold themselves. Raises Malformed when there are more.
    """
    left[0] -= 1
    if left[0] < 0:
        raise Malformed("the manifest holds more than is read of one")
    if depth > DEEPEST:
        return
    if isinstance(value, bytes):
        try:
            value = loaded(value)[0]
        except Malformed:
            return
    if hasattr(value, "items"):
        for key, inner in value.items():
            yield key, inner
            yield from _pairs(inner, left, depth + 1)
    elif isinstance(value, list | tuple):
        yield None, value
        for inner in value:
            yield from _pairs(inner, left, depth + 1)


@dataclass(frozen=True, slots=True)
class Digests:
    """The digests of a manifest: ``[-16, bytes]``, anywhere."""

    known: frozenset[tuple[int, bytes]]
    foreign: bool
    """There are some of an algorithm that is not known here."""

    @classmethod
    def of(cls, pairs: list[tuple[Any, Any]]) -> "Digests":
        rows = [v for k, v in pairs if k is None and len(v) == 2 and type(v[0]) is int]
        rows = [v for v in rows if v[0] < 0 and isinstance(v[1], bytes) and len(v[1]) >= 16]
        known = frozenset((v[0], v[1]) for v in rows if v[0] in HASHES)
        return cls(known, any(v[0] in FOREIGN for v in rows))

    def fit(self, payload: View) -> bool:
        """Whether one is that of the payload; of an envelope inside this one, that of its manifest."""
        views = [payload.raw]
        try:
            inner = next((m for m in _members(payload)[0] if m.key == MANIFEST), None)
        except Malformed:
            inner = None
        if inner is not None:
            # The digest is over the byte string with its head.
            size = len(byte_string(len(inner.value)))
            views.append(payload.part(inner.at - size, size + len(inner.value)).raw)
        kinds = {kind for kind, _ in self.known}
        return any(
            (kind, hashlib.new(HASHES[kind], view).digest()) in self.known
            for kind in kinds
            for view in views
        )


# --- what it is worth -------------------------------------------------------------------------------


def _protection(
    found: Authentication,
    sequence: object,
    payloads: list[Member],
    digests: Digests,
    *,
    encrypted: bool,
    problem: str,
    bound: bool,
) -> Protection:
    loose = [str(m.key) for m in payloads if not digests.fit(m.value)]
    signing, detail = found.signing, found.detail
    if problem:
        signing, detail = Signing.UNREADABLE, problem
    elif found.holds is False:
        signing, detail = Signing.TAMPERED, "the digest is not that of the manifest"
    elif found.holds is None and signing is not Signing.UNSIGNED:
        signing = Signing.NOT_VERIFIED
        detail = f"the digest that is signed cannot be compared with the manifest; {detail}"
    elif loose and bound:
        signing, said = _loose(found, loose, digests, encrypted=encrypted)
        detail += f"; {said}"
    rollback, value = Rollback.NONE, None
    if isinstance(sequence, int) and 0 <= sequence < 1 << 64:
        rollback = Rollback.COUNTER if found.signed else Rollback.UNSIGNED_COUNTER
        value = sequence
    binds = bool(digests.known) and found.holds is True and not loose and bound
    return Protection(
        signing=signing,
        detail=detail,
        covers="the manifest, by its digest, and payloads by the manifest's digests"
        if found.signed
        else "",
        binds_payload=None if not found.signed or (loose and encrypted and bound) else binds,
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
    found: Authentication, loose: list[str], digests: Digests, *, encrypted: bool
) -> tuple[Signing, str]:
    """Payloads that no digest of the manifest fits."""
    if encrypted:
        # Whether a digest is that of the plaintext is for the device to know: no claim of tampering.
        said = "the payload is encrypted, and no digest fits what is there"
        return (Signing.ENCRYPTED if found.signed else found.signing), said
    said = f"no digest of the manifest fits {', '.join(loose[:4])}"
    if digests.foreign:
        return found.signing, f"{said}, but some are of a hash that is not known here"
    return (Signing.TAMPERED if found.signed and digests.known else found.signing), said
