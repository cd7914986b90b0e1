"""Bytes that a transport carries to addresses, put together as they stand in the chip's memory."""

from collections.abc import Iterator

from firmware_checks.budget import MIB, Budget, OutOfBudget
from firmware_checks.reading import Part, Protection, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

LARGEST = 32 * MIB
"""Flash of a microcontroller, and what hangs at it."""
GAP = 64 * 1024
"""A gap up to this is erased flash inside one program; beyond it another region begins (fuses, settings)."""
MOST_REGIONS = 64
LONGEST_LINE = 600


class Pieces:
    """Pieces with addresses. Raises Malformed when they are more than a chip holds."""

    def __init__(self, source: int, budget: Budget) -> None:
        self.blocks: list[tuple[int, bytearray]] = []
        self._total, self._most, self._budget = 0, min(LARGEST, source + MIB), budget

    def put(self, address: int, data: bytes) -> None:
        """One piece. Raises Malformed or OutOfBudget."""
        self._budget.check_time()
        self._total += len(data)
        if self._total > self._most:
            raise Malformed(f"it carries more than {self._most} bytes")
        if self.blocks and self.blocks[-1][0] + len(self.blocks[-1][1]) == address:
            # Grown in one buffer: a file has 50 000 lines of 16 bytes that follow each other.
            last = self.blocks[-1][1]
            last += data
        else:
            self.blocks.append((address, bytearray(data)))

    def regions(self) -> list[tuple[int, View]]:
        """What belongs together, each from its address; gaps are filled with 0xFF. Raises OutOfBudget."""
        found: list[tuple[int, bytearray]] = []
        total = 0
        for address, data in sorted(self.blocks, key=lambda block: block[0]):
            begin, region = found[-1] if found else (0, bytearray())
            gap = address - begin - len(region)
            if found and gap < 0:
                # Written twice: the later line wins, as it does in a programmer.
                at = address - begin
                region[at : at + len(data)] = data
                continue
            near = bool(found) and gap <= GAP
            total += len(data) + (gap if near else 0)
            if total > LARGEST:
                raise OutOfBudget("more than 32 MiB of memory with its gaps")
            self._budget.take(len(data) + (gap if near else 0))
            if near:
                region += b"\xff" * gap + data
            else:
                found.append((address, bytearray(data)))
        return [(address, View(bytes(region))) for address, region in found]


def lines(view: View) -> Iterator[bytes]:
    """The lines of a text, read in windows. Raises Malformed for one that is too long."""
    rest = b""
    for window in view.windows(MIB):
        found = (rest + bytes(window)).split(b"\n")
        rest = found.pop()
        if len(rest) > LONGEST_LINE:
            raise Malformed("a line that is too long")
        yield from found
    yield rest


def hex_lines(view: View, lead: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, text and bytes of each line that is not empty; the hexadecimal part begins after ``lead``
    characters, and is empty bytes where it is none. Raises Malformed."""
    for number, line in enumerate(lines(view), 1):
        if not line.strip():
            continue
        try:
            raw = bytes.fromhex(line[lead:].decode("ascii"))
        except ValueError:
            raw = b""
        yield number, line, raw


def carried(
    name: str,
    kind: LayerKind,
    pieces: Pieces,
    *,
    size: int,
    title: str = "",
    details: list[tuple[str, str]] | None = None,
    problem: str = "",
    integrity: str = "",
) -> Reading:
    """The Reading of a transport: what it carries as parts. Raises OutOfBudget."""
    regions = pieces.regions()
    said = [(f"{len(view)} bytes", f"at {address:#010x}") for address, view in regions]
    if len(regions) > MOST_REGIONS:
        problem = problem or f"of its {len(regions)} regions of memory {MOST_REGIONS} were read"
    return Reading(
        format=name,
        kind=kind,
        size=size,
        title=title,
        details=tuple((details or []) + said),
        problem=problem,
        protection=unsigned(integrity, problem),
        parts=tuple(
            Part(name=f"memory at {address:#010x}", view=view)
            for address, view in regions[:MOST_REGIONS]
        ),
    )


def unsigned(integrity: str, problem: str = "") -> Protection:
    """Of a format that has no place for a signature: what it carries has to bring its own."""
    return Protection(
        signing=Signing.UNSIGNED,
        detail="this format only carries bytes and has no place for a signature",
        can_be_signed=False,
        binds_payload=False,
        rollback=Rollback.NONE,
        integrity=integrity or (problem and "damaged"),
    )
