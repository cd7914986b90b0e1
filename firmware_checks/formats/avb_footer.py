"""Partitions with a footer of Android Verified Boot: the image, its vbmeta data, and where they stand.

Source: AOSP ``external/avb``, ``avb_footer.h``. Without a signature of its own the partition is protected only
by the digest that a signed vbmeta image elsewhere holds of it.
"""

import hashlib
from dataclasses import replace

from firmware_checks.budget import Budget
from firmware_checks.formats import vbmeta
from firmware_checks.reading import Context, Format, Part, Reading
from firmware_checks.view import View
from probe.model.firmware import LayerKind, Signing

MAGIC = b"AVBf"
FOOTER = 64
Answers = list[tuple[vbmeta.Digest, bool | None]]
"""Each digest, and whether it is that of the image."""


class AvbFooter(Format):
    """The format."""

    name = "Android partition with AVB footer"
    anchors = ((MAGIC, -FOOTER),)
    at_end = True

    def read(self, view: View, context: Context) -> Reading | None:
        if len(view) < FOOTER or not view.starts_with(MAGIC, len(view) - FOOTER):
            return None
        size, at, meta_size = view.unpack(">QQQ", len(view) - FOOTER + 12)
        one = vbmeta.parsed(view.part(at, meta_size))
        # The footer is not signed, and the boot loader takes what the descriptors say: no more may be hidden.
        size = max(size, min(max((d.size for d in one.digests), default=0), len(view)))
        body = view.part(0, size)
        protection = vbmeta.judged(one, context.keys.keys)
        answers = [(d, _fits(view, d, context.budget)) for d in one.digests if d.digest]
        own = _own(answers)
        holds = _holds(own)
        if holds is not None:
            protection = replace(
                protection, integrity=f"digest {'holds' if holds else 'does not hold'}"
            )
        if holds is False:
            said = "the digest in its vbmeta data is not that of the image"
            protection = replace(protection, signing=Signing.TAMPERED, detail=said)
        if holds is None and protection.signing in (Signing.VERIFIED, Signing.NOT_VERIFIED):
            said = f"{protection.detail}; no digest in it could be compared with the image"
            protection = replace(protection, detail=said, binds_payload=False)
        covered = min((d.size for d, _ in own), default=0)
        if protection.binds_payload and covered < size:
            said = f"{protection.detail}; the digest covers {covered} of {size} bytes"
            protection = replace(protection, detail=said, binds_payload=False)
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=len(view),
            title=next((d.partition for d in one.digests), ""),
            details=vbmeta.details(one),
            protection=protection,
            parts=(Part(name="image", view=body, offset=0),),
        )


FORMAT = AvbFooter()


def _own(answers: Answers) -> Answers:
    """Those of this partition: vbmeta data may describe others too, and only the digests tell which it is."""
    names = {digest.partition for digest, fits in answers if fits}
    return [row for row in answers if not names or row[0].partition in names]


def _holds(own: Answers) -> bool | None:
    """Whether every descriptor fits; None when one has a digest that cannot be compared, or none has any."""
    answers = [fits for _, fits in own]
    if any(answer is False for answer in answers):
        return False
    return True if answers and all(answers) else None


def _fits(view: View, one: vbmeta.Digest, budget: Budget) -> bool | None:
    if one.hash_name not in ("sha1", "sha256", "sha512"):
        # avbtool knows BLAKE2 for hash trees too.
        return None
    if one.size > len(view):
        return False
    budget.take(one.size)
    covered = view.part(0, one.size)
    if not one.tree:
        found = hashlib.new(one.hash_name, one.salt)
        found.update(covered.raw)
        return found.digest() == one.digest
    if not 512 <= one.block <= 65_536 or one.block & (one.block - 1):
        return None
    return tree_root(covered, one.hash_name, one.salt, one.block) == one.digest


def tree_root(data: View, name: str, salt: bytes, block: int) -> bytes:
    """Root of dm-verity's tree as avbtool builds it: digests padded to a power of two, blocks filled with zeros."""
    seed = hashlib.new(name, salt)
    width = 1 << (seed.digest_size - 1).bit_length()

    def level(view: View) -> list[bytes]:
        found = []
        for window in view.windows(block):
            one = seed.copy()
            one.update(window)
            if len(window) < block:
                one.update(bytes(block - len(window)))
            found.append(one.digest())
        return found

    hashes = level(data)
    while len(hashes) > 1:
        hashes = level(View(b"".join(h.ljust(width, b"\0") for h in hashes)))
    return hashes[0] if hashes else b""
