"""Images of whole disks and memory cards: the partitions of an MBR or a GPT, each a layer of its own.

Sources: UEFI 2.10, chapter 5 (GPT and protective MBR); the MBR as PC firmware has read it since 1983.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.reading import Context, Format, Part, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

RANK = 67
"""After FAT, whose first sector ends like an MBR."""
SIGNATURE, GPT_MAGIC = b"\x55\xaa", b"EFI PART"
SECTOR, TABLE, ROW = 512, 446, 16
EXTENDED = (0x05, 0x0F, 0x85)
PROTECTIVE = 0xEE
MOST = 128
"""Partitions of one disk; GPT reserves room for as many."""


@dataclass(frozen=True, slots=True)
class Partition:
    """Where it stands, in bytes."""

    name: str
    start: int
    size: int


class Disk(Format):
    """The format."""

    name = "partitioned disk"
    anchors = ((SIGNATURE, 510), (GPT_MAGIC, SECTOR))

    def read(self, view: View, context: Context) -> Reading | None:
        wide = view.starts_with(GPT_MAGIC, SECTOR)
        found = sorted(gpt(view) if wide else mbr(view), key=lambda p: p.start)
        if not found:
            return None
        parts, problems, end = [], [], SECTOR
        for number, one in enumerate(found):
            if one.start < end and number and one.start < found[number - 1].start + 1:
                problems.append(f"{one.name} stands where another partition does")
                continue
            size = max(0, min(one.size, len(view) - one.start))
            if size < one.size:
                problems.append(f"{one.name} is cut short: {size} of {one.size} bytes are there")
            if size:
                parts.append(Part(name=one.name, view=view.part(one.start, size), offset=one.start))
            end = one.start + size
        return Reading(
            format=f"{'GPT' if wide else 'MBR'} disk",
            kind=LayerKind.FLASH,
            size=len(view),
            details=tuple((p.name, f"{p.size} bytes at {p.start}") for p in found),
            problem="; ".join(problems),
            parts=tuple(parts),
        )


FORMAT = Disk()


def mbr(view: View) -> list[Partition]:
    """The partitions of an MBR, those of extended partitions too; none when it is no MBR."""
    found: list[Partition] = []
    for number, (status, kind, start, size) in enumerate(_rows(view, 0), 1):
        if status not in (0, 0x80):
            return []
        if not kind or not size:
            continue
        if not start or start * SECTOR >= len(view) or kind == PROTECTIVE:
            return []
        if kind in EXTENDED:
            found += _logical(view, start)
        else:
            name = f"partition {number}, kind {kind:#04x}"
            found.append(Partition(name, start * SECTOR, size * SECTOR))
    return found


def _rows(view: View, at: int) -> Iterator[tuple[int, int, int, int]]:
    """Status, kind, first sector, sectors."""
    for number in range(4):
        status, kind, start, size = view.unpack("<B3xB3xII", at + TABLE + ROW * number)
        yield status, kind, start, size


def _logical(view: View, first: int) -> list[Partition]:
    """The chain of an extended partition, each link a sector with the next one's place."""
    found: list[Partition] = []
    at, seen = first, set[int]()
    while at not in seen and len(found) < MOST:
        seen.add(at)
        try:
            if not view.starts_with(SIGNATURE, at * SECTOR + 510):
                break
            (_, kind, start, size), (_, following, offset, _), *_ = _rows(view, at * SECTOR)
        except Malformed:
            break
        if kind and size:
            name = f"partition {5 + len(found)}, kind {kind:#04x}"
            found.append(Partition(name, (at + start) * SECTOR, size * SECTOR))
        if following not in EXTENDED:
            break
        at = first + offset
    return found


def gpt(view: View) -> list[Partition]:
    """The partitions of a GPT. Raises Malformed when the checksum of its header does not hold."""
    size, crc = view.unpack("<II", SECTOR + 12)
    if not 92 <= size <= SECTOR:
        raise Malformed("GPT: no such header")
    head = view.read(SECTOR, size)
    if zlib.crc32(head[:16] + bytes(4) + head[20:]) != crc:
        raise Malformed("GPT: the checksum of the header does not hold")
    table, number, row = view.unpack("<QII", SECTOR + 72)
    if not 128 <= row <= 4096:
        raise Malformed("GPT: no such rows")
    found: list[Partition] = []
    for position in range(min(number, MOST)):
        at = table * SECTOR + position * row
        if view.part(at, 16).is_filled_with(0):
            continue
        first, last = view.unpack("<QQ", at + 32)
        if first * SECTOR >= len(view) or last < first:
            continue
        name = view.read(at + 56, 72).decode("utf-16-le", "replace").split("\0", 1)[0]
        title = f"partition {position + 1}" + (f", {name}" if name else "")
        found.append(Partition(title, first * SECTOR, (last - first + 1) * SECTOR))
    return found
