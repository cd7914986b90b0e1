"""Motorola S-records: lines of hexadecimal text that carry bytes to addresses.

Source: Motorola, M68000 family reference manual, appendix "S-record output format". Nothing in it can be signed.
"""

import re
from collections.abc import Iterator

from firmware_checks.memory import Pieces, carried, hex_lines
from firmware_checks.reading import Context, Format, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

LINE = re.compile(rb"S([0-9])([0-9A-Fa-f]{6,512})\s*\Z")
ADDRESS = {0: 2, 1: 2, 2: 3, 3: 4, 5: 2, 6: 3, 7: 4, 8: 3, 9: 2}
"""Bytes of the address by record type."""
HEADER, COUNTS, STARTS = 0, (5, 6), (7, 8, 9)


class SRecord(Format):
    """The format."""

    name = "Motorola S-record"
    anchors = ((b"S0", 0), (b"S1", 0), (b"S2", 0), (b"S3", 0))

    def read(self, view: View, context: Context) -> Reading | None:
        if not LINE.match(view.read(0, min(len(view), 600)).split(b"\n")[0]):
            return None
        pieces = Pieces(len(view), context.budget)
        title, start, problem = "", None, ""
        number = counted = 0
        try:
            for kind, address, data in _records(view):
                if kind == HEADER:
                    title = title or data.split(b"\0", 1)[0].decode("ascii", "replace")
                elif kind in STARTS:
                    start = address
                elif kind in COUNTS:
                    counted = address
                else:
                    pieces.put(address, data)
                    number += 1
        except Malformed as error:
            problem = str(error)
            if not pieces.blocks:
                return None
        if not problem and start is None and counted != number:
            # The last record may be missing when the one that counts the others is there.
            problem = "the image is cut short: the record that ends it is not there"
        return carried(
            self.name,
            LayerKind.TRANSPORT,
            pieces,
            size=len(view),
            title=title,
            details=[("start address", f"{start:#x}")] if start else [],
            problem=problem,
            integrity="" if problem else "the checksum of every line holds",
        )


FORMAT = SRecord()
RANK = 70


def _records(view: View) -> Iterator[tuple[int, int, bytes]]:
    """Type, address and data of each line. Raises Malformed."""
    for number, line, raw in hex_lines(view, lead=2):
        kind = line[1] - ord("0") if line.startswith(b"S") and len(line) > 2 else -1
        width = ADDRESS.get(kind, 0)
        if not width or len(raw) < width + 2 or raw[0] != len(raw) - 1:
            raise Malformed(f"line {number} is of another type or length than it says")
        if sum(raw) & 0xFF != 0xFF:
            raise Malformed(f"the checksum of line {number} does not hold")
        yield kind, int.from_bytes(raw[1 : 1 + width]), raw[1 + width : -1]
