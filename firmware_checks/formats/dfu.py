"""The suffix that USB DFU tools put behind a file: which device it is for, and a checksum.

Source: USB Device Class Specification for Device Firmware Upgrade 1.1, appendix B; for version 1.1a of ST, UM0391.
"""

import zlib

from firmware_checks.memory import unsigned
from firmware_checks.reading import Context, Format, Part, Reading
from firmware_checks.view import View
from probe.model.firmware import LayerKind

MAGIC = b"UFD"
SHORTEST = 16
VERSIONS = {0x0100: "1.0", 0x0110: "1.1", 0x011A: "1.1a (ST)"}
ANY = 0xFFFF


class DfuSuffix(Format):
    """The format."""

    name = "DFU file"
    anchors = ((MAGIC, -8),)
    at_end = True

    def read(self, view: View, context: Context) -> Reading | None:
        if len(view) <= SHORTEST or not view.starts_with(MAGIC, len(view) - 8):
            return None
        at = len(view) - SHORTEST
        device, product, vendor, version = view.unpack("<HHHH", at)
        size, crc = view.u8(len(view) - 5), view.u32(len(view) - 4)
        if version not in VERSIONS or not SHORTEST <= size < len(view):
            return None
        # As the standard's own example computes it: the register as it is, not inverted at the end.
        holds = zlib.crc32(view.raw[:-4]) ^ 0xFFFFFFFF == crc
        ids = {"USB vendor": vendor, "USB product": product, "device version": device}
        return Reading(
            format=self.name,
            kind=LayerKind.TRANSPORT,
            size=len(view),
            details=(
                ("DFU version", VERSIONS[version]),
                *((k, "any" if v == ANY else f"{v:04x}") for k, v in ids.items()),
            ),
            problem="" if holds else "the checksum of the file does not hold: it is damaged",
            protection=unsigned(f"CRC-32 {'holds' if holds else 'does not hold'}"),
            parts=(Part(name="payload", view=view.part(0, len(view) - size), offset=0),),
        )


FORMAT = DfuSuffix()
