"""ELF: a program as its linker leaves it. As an image of its own it is a boot loader or a debug build.

Source: System V ABI, chapter 4 "Object files". Programs inside file systems are files and no layers.
"""

from firmware_checks.program import Pieces
from firmware_checks.reading import Context, Format, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

MAGIC = b"\x7fELF"
TYPES = {1: "object", 2: "program", 3: "shared object or program", 4: "core dump"}
MACHINES = {
    3: "x86",
    8: "MIPS",
    20: "PowerPC",
    21: "PowerPC 64",
    40: "Arm",
    42: "SuperH",
    62: "x86-64",
    83: "AVR",
    94: "Xtensa",
    105: "MSP430",
    183: "AArch64",
    195: "ARC",
    243: "RISC-V",
    252: "C-SKY",
    258: "LoongArch",
}
SYMBOLS = 2


class Elf(Format):
    """The format."""

    name = "ELF program"
    anchors = ((MAGIC, 0),)

    def read(self, view: View, context: Context) -> Reading | None:
        wide, order = view.u8(4), "<" if view.u8(5) == 1 else ">"
        if wide not in (1, 2) or view.u8(5) not in (1, 2) or view.u8(6) != 1:
            return None
        kind, machine = view.unpack(order + "HH", 16)
        if kind not in TYPES:
            return None
        entry = view.u64(24, order) if wide == 2 else view.u32(24, order)
        try:
            end, symbols = _end(view, order, wide=wide == 2)
        except Malformed:
            end, symbols = len(view) + 1, False
        problem = "" if end <= len(view) else "the program is cut short"
        size = min(end, len(view))
        return Reading(
            format=self.name,
            kind=LayerKind.BOOT,
            size=size,
            details=(
                ("kind", TYPES[kind]),
                ("machine", MACHINES.get(machine, f"number {machine}")),
                ("class", f"{32 * wide} bits, {'little' if order == '<' else 'big'} endian"),
                ("entry address", f"{entry:#x}"),
                ("symbols", "there" if symbols else "stripped"),
            ),
            problem=problem,
            # A program is never asked whether it is a layer, so the whole may be a piece.
            tree=Pieces((("program", view.part(0, size)),)),
        )


FORMAT = Elf()
RANK = 90


def _end(view: View, order: str, *, wide: bool) -> tuple[int, bool]:
    """Where segments and sections stop, and whether there is a symbol table. Raises Malformed."""
    layout, at = (order + "QQIHHHHHH", 32) if wide else (order + "IIIHHHHHH", 28)
    segments, sections, _, _, psize, pnum, ssize, snum, _ = view.unpack(layout, at)
    if psize * pnum + ssize * snum > len(view):
        raise Malformed("the tables are larger than the file")
    end, symbols = max(segments + psize * pnum, sections + ssize * snum), False
    for number in range(pnum):
        row = segments + number * psize
        where = (
            view.unpack(order + "QQQQ", row + 8) if wide else view.unpack(order + "IIII", row + 4)
        )
        end = max(end, where[0] + where[3])
    for number in range(snum):
        row = sections + number * ssize
        kind = view.u32(row + 4, order)
        where = view.unpack(order + "QQ", row + 24) if wide else view.unpack(order + "II", row + 16)
        symbols = symbols or kind == SYMBOLS
        if kind not in (0, 8):
            end = max(end, where[0] + where[1])
    return end, symbols
