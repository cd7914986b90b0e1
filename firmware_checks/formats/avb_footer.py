"""Partitions with a footer of Android Verified Boot: the image, its vbmeta data, and where they stand.

Source: AOSP ``external/avb``, ``avb_footer.h``. Without a signature of its own the partition is protected only
by the digest that a signed vbmeta image elsewhere holds of it.
"""

import hashlib
from dataclasses import dataclass, replace

from firmware_checks.formats import vbmeta
from firmware_checks.reading import Context, Part, Reading
from firmware_checks.view import View
from probe.model.firmware import LayerKind, Signing

MAGIC = b"AVBf"
FOOTER = 64


@dataclass(frozen=True, slots=True)
class AvbFooter:
    """The format."""

    name: str = "Android partition with AVB footer"
    anchors: tuple[tuple[bytes, int], ...] = ()
    at_end: bool = True
    searched: bool = False

    def read(self, view: View, context: Context) -> Reading | None:
        if len(view) < FOOTER or not view.starts_with(MAGIC, len(view) - FOOTER):
            return None
        size, at, meta_size = view.unpack(">QQQ", len(view) - FOOTER + 12)
        body = view.part(0, size)
        one = vbmeta.parsed(view.part(at, meta_size))
        context.budget.take(size)
        protection = vbmeta.judged(one, context.keys.keys)
        holds = _holds(body, one)
        if holds is not None:
            protection = replace(
                protection, integrity=f"digest {'holds' if holds else 'does not hold'}"
            )
        if holds is False:
            said = "the digest in its vbmeta data is not that of the image"
            protection = replace(protection, signing=Signing.TAMPERED, detail=said)
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


def _holds(body: View, one: vbmeta.Vbmeta) -> bool | None:
    """Whether the hash descriptor fits; None for hash trees and for what has no digest."""
    for descriptor in one.digests:
        if (
            descriptor.tree
            or not descriptor.digest
            or descriptor.hash_name not in ("sha256", "sha512")
        ):
            continue
        found = hashlib.new(descriptor.hash_name, descriptor.salt)
        found.update(body.part(0, descriptor.size).raw)
        return found.digest() == descriptor.digest
    return None
