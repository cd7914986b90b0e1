"""OpenWrt sysupgrade images: whatever the board needs, or a tar, with pieces appended by ``fwtool``.

Source: OpenWrt's fwtool (``fwimage.h``), usign, and the sysupgrade script. Each piece ends with 16 bytes, big
endian: ``FWx0``, a CRC-32, a type (0 signature, 1 metadata), 3 zero bytes, the size with these 16. The
signature is over everything before it. A device checks it only where its build sets REQUIRE_IMAGE_SIGNATURE.
"""

import json
import zlib
from dataclasses import dataclass
from typing import Any

from firmware_checks.filesystems import tar
from firmware_checks.formats import openwrt_ucert as ucert
from firmware_checks.reading import Context, Format, Part, Protection, PublicKey, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

TAR = b"sysupgrade-"
"""The folder in a tar of the format, the name of its first member."""
MAGIC = b"FWx0"
TRAILER = 16
SIGNATURE, METADATA = 0, 1
MOST_PIECES = 8
LARGEST_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """One appended piece: its bytes, and where it begins in the image."""

    kind: int
    data: bytes
    start: int
    holds: bool
    """Its checksum, over all that stands before its trailer."""


class Sysupgrade(Format):
    """The format."""

    name = "OpenWrt sysupgrade image"
    anchors = ((TAR, 0), (MAGIC, -TRAILER))
    at_end = True

    def read(self, view: View, context: Context) -> Reading | None:
        is_tar = view.starts_with(TAR) and view.starts_with(b"ustar", 257)
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
        context.budget.take(len(view) * max(len(pieces), 1))
        protection, rows = _protection(view, pieces, context.keys.keys)
        part = Part(name="image", view=body, offset=0)
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=len(view),
            title=str(version.get("board") or (boards or [""])[0]),
            version=f"{version.get('version', '')} {version.get('revision', '')}".strip(),
            details=(*details, *rows),
            protection=protection,
            parts=() if is_tar else (part,),
            tree=tar.TarTree(body) if is_tar else None,
        )


FORMAT = Sysupgrade()


def _pieces(view: View) -> list[Piece]:
    """The appended pieces, the last one first."""
    found: list[Piece] = []
    end = len(view)
    while end >= TRAILER and len(found) < MOST_PIECES:
        magic, checksum, kind, size = view.unpack(">4sIB3xI", end - TRAILER)
        if magic != MAGIC or not TRAILER <= size <= min(end, LARGEST_PIECE):
            break
        holds = zlib.crc32(view.part(0, end - TRAILER).raw) ^ 0xFFFFFFFF == checksum
        found.append(Piece(kind, view.read(end - size, size - TRAILER), end - size, holds))
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


def _protection(
    view: View, pieces: list[Piece], keys: tuple[PublicKey, ...]
) -> tuple[Protection, list[tuple[str, str]]]:
    """What the signature is worth, and its certificates."""
    signed = next((p for p in pieces if p.kind == SIGNATURE), None)
    broken = [p for p in pieces if not p.holds]
    integrity = f"CRC-32 {'does not hold' if broken else 'holds'}" if pieces else ""
    if signed is None:
        said = "there is no signature, and by default a device does not ask for one"
        unsigned = Protection(
            signing=Signing.UNSIGNED, detail=said, rollback=Rollback.NONE, integrity=integrity
        )
        return unsigned, []
    behind = pieces.index(signed)
    rows: list[tuple[str, str]] = []
    try:
        links = ucert.chain(signed.data)
        found = ucert.judged(links, view.part(0, signed.start), keys)
        rows = [(f"certificate of {one.named}", f"valid {one.days}") for one in links if one.named]
    except Malformed as error:
        found = ucert.Verdict(Signing.NOT_VERIFIED, str(error), "")
    signing, detail = found.signing, found.detail
    if behind:
        # fwtool looks for it as the last piece, so a device does not find it.
        detail += f"; {behind} pieces stand behind it, which nobody signed"
        signing = Signing.NOT_VERIFIED if signing is Signing.VERIFIED else signing
    protection = Protection(
        signing=signing,
        detail=detail,
        covers="everything before the signature",
        binds_payload=not behind,
        scheme="Ed25519",
        key_bits=256,
        key_id=found.key_id,
        rollback=Rollback.NONE,
        integrity=integrity,
    )
    return protection, rows
