"""OpenWrt sysupgrade images: whatever the board needs, or a tar, with pieces appended by ``fwtool``.

Source: OpenWrt's fwtool (``fwimage.h``), usign, and the sysupgrade script. Each piece ends with 16 bytes, big
endian: ``FWx0``, a CRC-32, a type (0 signature, 1 metadata), 3 zero bytes, the size with these 16. The
signature is over everything before it. A device checks it only where its build sets REQUIRE_IMAGE_SIGNATURE.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from firmware_checks.filesystems import tar
from firmware_checks.keys import load
from firmware_checks.reading import Context, Part, Protection, PublicKey, Reading
from firmware_checks.signatures import Outcome, judged
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

MAGIC = b"FWx0"
TRAILER = 16
SIGNATURE, METADATA = 0, 1
MOST_PIECES = 8
LARGEST_PIECE = 1 << 20
USIGN = re.compile(rb"RW[A-Za-z0-9+/]{97}=?=?")
"""base64 of ``Ed``, 8 bytes that name the key, and 64 bytes of Ed25519 signature."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One appended piece: its bytes, and where it begins in the image."""

    kind: int
    data: bytes
    start: int


@dataclass(frozen=True, slots=True)
class Sysupgrade:
    """The format."""

    name: str = "OpenWrt sysupgrade image"
    anchors: tuple[tuple[bytes, int], ...] = ()
    at_end: bool = True
    searched: bool = False

    def read(self, view: View, context: Context) -> Reading | None:
        is_tar = view.starts_with(b"sysupgrade-") and view.starts_with(b"ustar", 257)
        pieces = _pieces(view)
        if not pieces and not is_tar:
            return None
        body = view.part(0, pieces[-1].start) if pieces else view
        about = _metadata(pieces)
        version = about.get("version")
        version = version if isinstance(version, dict) else {}
        boards = [str(b) for b in about.get("supported_devices") or ()][:16]
        details = [(f"version {k}", str(v)) for k, v in list(version.items())[:8]]
        details += [("supported device", board) for board in boards]
        part = Part(name="image", view=body, offset=0)
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=len(view),
            title=str(version.get("board") or (boards or [""])[0]),
            version=f"{version.get('version', '')} {version.get('revision', '')}".strip(),
            details=tuple(details),
            protection=_protection(view, pieces, context.keys.keys),
            parts=() if is_tar else (part,),
            tree=tar.TarTree(body) if is_tar else None,
        )


FORMAT = Sysupgrade()


def _pieces(view: View) -> list[Piece]:
    """The appended pieces, the last one first."""
    found: list[Piece] = []
    end = len(view)
    while end >= TRAILER and len(found) < MOST_PIECES:
        magic, _, kind, size = view.unpack(">4sIB3xI", end - TRAILER)
        if magic != MAGIC or not TRAILER <= size <= min(end, LARGEST_PIECE):
            break
        found.append(Piece(kind, view.read(end - size, size - TRAILER), end - size))
        end -= size
    return found


def _metadata(pieces: list[Piece]) -> dict[str, Any]:
    for piece in pieces:
        if piece.kind == METADATA:
            # A header of 8 bytes (version and flags) stands before the JSON in images of fwtool.
            text = piece.data[piece.data.find(b"{") :] if b"{" in piece.data[:16] else b""
            try:
                value = json.loads(text.rstrip(b"\0"))
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                devices = value.get("supported_devices")
                return {**value, "supported_devices": devices if isinstance(devices, list) else []}
    return {}


def signatures(data: bytes) -> list[tuple[str, bytes]]:
    """Every usign signature in a piece: the key's name in hexadecimal, and the 64 bytes."""
    found = []
    for hit in USIGN.finditer(data):
        text = hit.group(0)
        try:
            raw = base64.b64decode(text[: len(text) // 4 * 4])
        except (binascii.Error, ValueError):
            continue
        if len(raw) == 74:
            found.append((raw[2:10].hex(), raw[10:]))
    return found[:16]


def _protection(view: View, pieces: list[Piece], keys: tuple[PublicKey, ...]) -> Protection:
    signed = next((p for p in pieces if p.kind == SIGNATURE), None)
    if signed is None:
        said = "there is no signature, and by default a device does not ask for one"
        return Protection(signing=Signing.UNSIGNED, detail=said, rollback=Rollback.NONE)
    found = signatures(signed.data)
    body = view.part(0, signed.start)

    def ask(key: PublicKey) -> Outcome:
        return Outcome.FITS if any(_made(key, s, body) for _, s in found) else Outcome.NOT_MADE

    if not found:
        said = "the signature's piece holds no usign signature"
        return Protection(signing=Signing.NOT_VERIFIED, detail=said, rollback=Rollback.NONE)
    verdict = judged(keys, ask, f"the usign key {found[0][0]}")
    detail = verdict.detail
    if len(found) > 1:
        detail += "; certificates (ucert) come with it, which are not followed here"
    return Protection(
        signing=verdict.signing,
        detail=detail,
        covers="everything before the signature",
        binds_payload=True,
        scheme="Ed25519",
        key_bits=256,
        key_id=found[0][0],
        rollback=Rollback.NONE,
    )


def _made(key: PublicKey, signature: bytes, body: View) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public = load(key)
    if not isinstance(public, Ed25519PublicKey):
        return False
    try:
        public.verify(signature, body.read())
    except (InvalidSignature, Malformed):
        return False
    return True
