"""Intel HEX: lines of hexadecimal text that carry bytes to addresses.

Source: Intel, "Hexadecimal Object File Format Specification", revision A. Nothing in it can be signed; what it
carries is read as a layer of its own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.memory import Pieces, carried, hex_lines
from firmware_checks.reading import Context, Format, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

DATA, END, SEGMENT, START_SEGMENT, LINEAR, START_LINEAR = range(6)
LINE = re.compile(rb":([0-9A-Fa-f]{10,522})\s*\Z")
BOARDS = (0x0A, 0x0B, 0x0C, 0x0D, 0x0E)
"""Record types of micro:bit's universal HEX, which carries programs for two boards in one file."""


@dataclass(slots=True)
class Found:
    """What the records said so far."""

    pieces: Pieces
    base: int = 0
    start: int | None = None
    ended: bool = False
    universal: bool = False

    def take(self, kind: int, address: int, data: bytes) -> None:
        """The next record. Raises Malformed."""
        if self.ended:
            raise Malformed("there are records after the last one")
        if kind == DATA:
            self.pieces.put(self.base + address, data)
        elif kind == END:
            self.ended = True
        elif kind in (SEGMENT, LINEAR) and len(data) == 2:
            self.base = int.from_bytes(data) << (4 if kind == SEGMENT else 16)
        elif kind in (START_SEGMENT, START_LINEAR) and len(data) == 4:
            self.start = int.from_bytes(data)
        elif kind in BOARDS:
            self.universal = True
        else:
            raise Malformed(f"a record of the unknown type {kind}")


class IntelHex(Format):
    """The format."""

    name = "Intel HEX"
    anchors = ((b":", 0),)

    def read(self, view: View, context: Context) -> Reading | None:
        if not LINE.match(view.read(0, min(len(view), 600)).split(b"\n")[0]):
            return None
        found = Found(Pieces(len(view), context.budget))
        problem = ""
        try:
            for record in _records(view):
                found.take(*record)
        except Malformed as error:
            problem = str(error)
            if not found.pieces.blocks:
                return None
        if not problem and not found.ended:
            problem = "the image is cut short: the record that ends it is not there"
        if found.universal and not problem:
            problem = "it holds programs for several boards, of which one was read"
        start = [("start address", f"{found.start:#x}")] if found.start is not None else []
        return carried(
            self.name,
            LayerKind.TRANSPORT,
            found.pieces,
            size=len(view),
            details=start,
            problem=problem,
            integrity="" if problem else "the checksum of every line holds",
        )


FORMAT = IntelHex()
RANK = 70


def _records(view: View) -> Iterator[tuple[int, int, bytes]]:
    """Type, address and data of each line. Raises Malformed."""
    for number, line, raw in hex_lines(view, lead=1):
        if len(raw) < 5 or not line.startswith(b":"):
            raise Malformed(f"line {number} is no record")
        if raw[0] != len(raw) - 5:
            raise Malformed(f"line {number} has another length than it says")
        if sum(raw) & 0xFF:
            raise Malformed(f"the checksum of line {number} does not hold")
        yield raw[3], int.from_bytes(raw[1:3]), raw[4:-1]
