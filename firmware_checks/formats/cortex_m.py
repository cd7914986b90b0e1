"""A bare program for an Arm Cortex-M, known by its vector table alone.

Source: Armv7-M Architecture Reference Manual, section B1.5.3 "The vector table". There is no header and no place
for a signature: what protects such a program stands around it, or nowhere.
"""

from firmware_checks.program import Pieces
from firmware_checks.reading import Context, Format, Reading
from firmware_checks.view import View
from probe.model.firmware import LayerKind

VECTORS = 16
RAM = ((0x1000_0000, 0x1010_0000), (0x1FFE_0000, 0x3100_0000))
"""Where a stack may stand: core-coupled memory of LPC and STM32, and on-chip memory of all others."""
MUST = (1, 2, 3)
"""Reset, non-maskable interrupt, hard fault: always there."""
MAY = (4, 5, 6, 7, 11, 12, 14, 15)
FAR = 0x10000


class CortexM(Format):
    """The format."""

    name = "Cortex-M program"

    def read(self, view: View, context: Context) -> Reading | None:
        if len(view) < 256:
            return None
        words = view.unpack(f"<{VECTORS}I")
        stack, handlers = words[0], [words[n] for n in (*MUST, *MAY) if words[n]]
        if stack % 4 or not any(low < stack <= high for low, high in RAM):
            return None
        if not all(words[n] & 1 for n in MUST) or words[8] or words[9] or words[10]:
            return None
        # All handlers stand in this one program: odd (Thumb), and not further apart than it is long.
        odd = [h for h in handlers if h & 1 and h < 0xE000_0000]
        if len(odd) < len(handlers) - 1 or max(odd) - min(odd) > len(view) + FAR:
            return None
        return Reading(
            format=self.name,
            kind=LayerKind.BOOT,
            size=len(view),
            title="program without header",
            details=(("stack", f"{stack:#010x}"), ("reset handler", f"{words[1] & ~1:#010x}")),
            tree=Pieces((("program", view.part(4 * VECTORS)),)),
        )


FORMAT = CortexM()
RANK = 95
