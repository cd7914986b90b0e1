"""UBI: raw flash as erase blocks, each saying to which volume and which place in it its bytes belong.

Source: the layout in the Linux kernel's ``drivers/mtd/ubi/ubi-media.h``. Of two blocks for one place the one
with the higher sequence number counts, when its checksum holds. Blocks with damaged headers are told.
"""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

from firmware_checks.budget import MIB, Budget
from firmware_checks.filesystems.inodes import crc_not_inverted
from firmware_checks.reading import Context, Format, Part, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

COUNTED, BELONGS = b"UBI#", b"UBI!"
HEADER = 64
TABLE = 0x7FFFEFFF
"""Number of the volume that holds the table of volumes."""
ROW, ROWS = 172, 128
STATIC = 2
SMALLEST, LARGEST = 4096, 16 * MIB
"""Of an erase block."""
LARGEST_VOLUME = 224 * MIB
"""It is put together in memory, and no decoder works beside it."""
MOST_BLOCKS = 1 << 20
MOST_TRIED = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One erase block that belongs to a volume."""

    at: int
    """Where its bytes begin."""
    number: int
    """Its place in the volume."""
    sequence: int
    copied: bool
    static: bool
    size: int
    padding: int
    crc: int


@dataclass(slots=True)
class Flash:
    """What the headers of all blocks say."""

    block_size: int
    end: int = 0
    blocks: int = 0
    damaged: int = 0
    volumes: dict[int, dict[int, list[Block]]] = field(default_factory=dict)


class Ubi(Format):
    """The format."""

    name = "UBI"
    anchors = ((COUNTED + b"\x01\0\0\0", 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        first = counted(view, 0)
        if first is None:
            return None
        flash = Flash(block_size(view, first[2], context.budget))
        scan(view, flash, first, context.budget)
        rows = table(view, flash)
        parts = [
            Part(
                name=rows[number][0] if number in rows else f"volume {number}",
                make=partial(volume, view, flash, number),
            )
            for number in sorted(flash.volumes)
            if number != TABLE
        ]
        if flash.damaged:
            text = f"{flash.damaged} erase blocks have damaged headers"
            parts.append(Part(name="damaged erase blocks", make=partial(_unreadable, text)))
        if not rows:
            text = "it is not there, or damaged"
            parts.append(Part(name="table of volumes", make=partial(_unreadable, text)))
        empty = [name for number, (name, _) in rows.items() if number not in flash.volumes]
        details = [("erase block", str(flash.block_size)), ("erase blocks", str(flash.blocks))]
        details += [("volume", f"{name}, {kind}") for name, kind in rows.values()]
        details += [("empty volume", name) for name in empty]
        return Reading(
            format=self.name,
            kind=LayerKind.FLASH,
            size=flash.end,
            details=tuple(details),
            parts=tuple(parts),
        )


FORMAT = Ubi()


def _unreadable(text: str, budget: Budget) -> View:
    """A piece that is told as not read; the rest is as good as without it."""
    raise Malformed(text)


def counted(view: View, at: int) -> tuple[int, int, int] | None:
    """Of a block's first header: where the second is, where the bytes are, and the number of the image."""
    if not view.starts_with(COUNTED, at) or at + HEADER > len(view):
        return None
    second, data, image = view.unpack(">III", at + 16)
    if crc_not_inverted(view.part(at, 60).raw) != view.u32(at + 60, ">"):
        return None
    return (second, data, image) if second >= HEADER and second + HEADER <= data else None


def block_size(view: View, image: int, budget: Budget) -> int:
    """The distance of headers that is seen most often. Raises OutOfBudget."""
    places, at = [0], 0
    for _ in range(MOST_TRIED):
        if len(places) == 64:
            break
        at = view.find(COUNTED, at + 4, at + 4 + LARGEST)
        if at < 0:
            break
        budget.check_time()
        header = counted(view, at)
        if header is not None and header[2] == image and at % SMALLEST == 0:
            places.append(at)
    seen = Counter(b - a for a, b in pairwise(places))
    return max(seen, key=lambda size: (seen[size], -size)) if seen else len(view)


def scan(view: View, flash: Flash, first: tuple[int, int, int], budget: Budget) -> None:
    """Read the headers of all blocks. Raises OutOfBudget."""
    second, data, image = first
    missed = 0
    for at in range(0, min(len(view), flash.block_size * MOST_BLOCKS), flash.block_size):
        budget.check_time()
        size = min(flash.block_size, len(view) - at)
        header = counted(view, at) if size >= HEADER else None
        if header is None:
            # Blank flash is nothing; anything else may be a damaged block, or the end.
            missed += not view.part(at, size).is_filled_with(0x00, 0xFF)
            if missed > 16:
                break
            continue
        if header[2] != image:
            break
        flash.damaged, missed = flash.damaged + missed, 0
        flash.blocks += 1
        flash.end = at + size
        second, data, _ = header
        if data < size:
            _belongs(view, flash, at, second, data)


def _belongs(view: View, flash: Flash, at: int, second: int, data: int) -> None:
    if not view.starts_with(BELONGS, at + second):
        if not view.part(at + second, HEADER).is_filled_with(0xFF, 0x00):
            flash.damaged += 1
        return
    if crc_not_inverted(view.part(at + second, 60).raw) != view.u32(at + second + 60, ">"):
        flash.damaged += 1
        return
    kind, copied, _, volume_id, number = view.unpack(">BBBII", at + second + 5)
    size, _, padding, crc, _, sequence = view.unpack(">IIIIIQ", at + second + 20)
    block = Block(
        at=at + data,
        number=number,
        sequence=sequence,
        copied=bool(copied),
        static=kind == STATIC,
        size=size,
        padding=padding,
        crc=crc,
    )
    flash.volumes.setdefault(volume_id, {}).setdefault(number, []).append(block)


def table(view: View, flash: Flash) -> dict[int, tuple[str, str]]:
    """Number of a volume to its name and kind, of the first copy of the table that holds."""
    room = flash.block_size
    for blocks in flash.volumes.get(TABLE, {}).values():
        for block in sorted(blocks, key=lambda b: -b.sequence):
            rows: dict[int, tuple[str, str]] = {}
            for number in range(ROWS):
                at = block.at + number * ROW
                if at + ROW > min(len(view), block.at + room):
                    break
                if crc_not_inverted(view.part(at, ROW - 4).raw) != view.u32(at + ROW - 4, ">"):
                    break
                reserved, _, _, kind, _, length = view.unpack(">IIIBBH", at)
                if reserved:
                    name = view.text(at + 16, min(length, 128))
                    rows[number] = (name, "static" if kind == STATIC else "dynamic")
            if rows:
                return rows
    return {}


def volume(view: View, flash: Flash, number: int, budget: Budget) -> View:
    """The bytes of a volume, block by block; what is not there is blank. Raises Malformed, OutOfBudget."""
    blocks = flash.volumes[number]
    chosen = {place: _newest(view, flash, blocks[place]) for place in sorted(blocks)}
    lengths = [_length(view, flash, b) for b in chosen.values()]
    stride, last = max(lengths), max(chosen)
    if (last + 1) * stride > 4 * sum(lengths) + 16 * MIB:
        raise Malformed(f"a volume of {last + 1} blocks of which only {len(chosen)} are there")
    if (last + 1) * stride > max(LARGEST_VOLUME, budget.limits.one_layer):
        size = (last + 1) * stride // MIB
        raise Malformed(f"a volume of {size} MiB: more than is read of one")
    budget.take((last + 1) * stride)
    whole = bytearray()
    for place, block in chosen.items():
        if place * stride > len(whole):
            whole += b"\xff" * (place * stride - len(whole))
        length = _length(view, flash, block)
        whole += view.part(block.at, min(block.size, length) if block.static else length).raw
    return View(whole)


def _newest(view: View, flash: Flash, blocks: list[Block]) -> Block:
    ordered = sorted(blocks, key=lambda b: b.sequence, reverse=True)
    for block in ordered[:-1]:
        if not block.copied or _holds(view, flash, block):
            return block
    return ordered[-1]


def _holds(view: View, flash: Flash, block: Block) -> bool:
    size = min(block.size, _length(view, flash, block))
    return crc_not_inverted(view.part(block.at, size).raw) == block.crc


def _length(view: View, flash: Flash, block: Block) -> int:
    """Bytes of a volume in a block."""
    begin = block.at - block.at % flash.block_size
    there = min(begin + flash.block_size, len(view)) - block.at
    return max(0, there - block.padding)
