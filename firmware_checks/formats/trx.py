"""TRX of Broadcom routers: a header with a CRC and the offsets of up to four parts. Never signed.

Source: OpenWrt's ``tools/firmware-utils`` (trx.c). Little endian; the CRC-32 begins with all ones and is not
inverted at the end.
"""

import zlib

from firmware_checks.reading import Context, Format, Part, Protection, Reading
from firmware_checks.view import View
from probe.model.firmware import LayerKind, Rollback, Signing

MAGIC = b"HDR0"
CRC_FROM = 12


class Trx(Format):
    """The format."""

    name = "TRX image"
    anchors = ((MAGIC, 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        size, checksum, flags, version = view.unpack("<IIHH", 4)
        if version not in (1, 2):
            return None
        number = 3 if version == 1 else 4
        header = 16 + 4 * number
        offsets = [o for o in view.unpack(f"<{number}I", 16) if o]
        if size < header or not offsets or any(not header <= o < size for o in offsets):
            return None
        short = size > len(view)
        body = view if short else view.part(0, size)
        context.budget.take(len(body))
        holds = not short and (zlib.crc32(body.part(CRC_FROM).raw) ^ 0xFFFFFFFF) == checksum
        problem = f"cut short: {len(view)} of {size} bytes are there" if short else ""
        ends = [*sorted(offsets)[1:], len(body)]
        parts = tuple(
            Part(name=f"part {n + 1}", view=body.part(at, end - at), offset=at)
            for n, (at, end) in enumerate(zip(sorted(offsets), ends, strict=True))
            if at < end <= len(body)
        )
        detail = "the format has no place for a signature, only a checksum"
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=len(body),
            details=(("version", str(version)), ("flags", f"{flags:#x}")),
            problem=problem,
            protection=Protection(
                signing=Signing.UNREADABLE if short else Signing.UNSIGNED,
                detail=f"{problem}; {detail}" if short else detail,
                can_be_signed=False,
                rollback=Rollback.NONE,
                integrity="" if short else f"CRC-32 {'holds' if holds else 'does not hold'}",
            ),
            parts=parts,
        )


FORMAT = Trx()
