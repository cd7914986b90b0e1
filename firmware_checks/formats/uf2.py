"""UF2: blocks of 512 bytes that a chip takes as if it were a memory stick.

Source: Microsoft, "USB Flashing Format (UF2)". Nothing in it can be signed. A file may carry programs for
several chips, told apart by their family.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field

from firmware_checks.budget import Budget
from firmware_checks.memory import MOST_REGIONS, Pieces, unsigned
from firmware_checks.reading import Context, Format, Part, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

BLOCK, DATA_AT, LARGEST_DATA = 512, 32, 476
MAGIC = b"UF2\n\x57\x51\x5d\x9e"
LAST = b"\x30\x6f\xb1\x0a"
NOT_FLASH, CONTAINER, FAMILY, MD5, TAGS = 0x1, 0x1000, 0x2000, 0x4000, 0x8000
MOST_BLOCKS = 1 << 18
MOST_FAMILIES = 16
MOST_SUMS, SUM = 4096, 24
MOST_SUMMED = 4
"""Bytes under sums for each that is carried: the sum of a part stands in each of its blocks, and is computed once."""
FAMILIES = {
    0xE48BFF56: "RP2040",
    0xE48BFF57: "RP2350, any place",
    0xE48BFF58: "RP2350, data",
    0xE48BFF59: "RP2350 (Arm, secure)",
    0xE48BFF5A: "RP2350 (RISC-V)",
    0xE48BFF5B: "RP2350 (Arm, not secure)",
    0xADA52840: "nRF52840",
    0x1C5F21B0: "ESP32",
    0xBFDD4EEE: "ESP32-S2",
    0xC47E5767: "ESP32-S3",
    0xD42BA06C: "ESP32-C3",
    0x540DDF62: "ESP32-C6",
    0x68ED2B88: "SAMD21",
    0x55114460: "SAMD51",
    0x57755A57: "STM32F4",
    0x5EE21072: "STM32F1",
    0x6B846188: "STM32F3",
    0x53B80F00: "STM32F7",
}
VERSION, DESCRIPTION = 0x9FC7BC, 0x650D9D


@dataclass(slots=True)
class Family:
    """The blocks of one chip."""

    pieces: Pieces
    said: int = 0
    numbers: set[int] = field(default_factory=set)
    skipped: int = 0
    sums: dict[tuple[int, int, bytes], None] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)


class Uf2(Format):
    """The format."""

    name = "UF2"
    anchors = ((MAGIC, 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        families: dict[int, Family] = defaultdict(lambda: Family(Pieces(len(view), context.budget)))
        at, problem = 0, ""
        while view.starts_with(MAGIC, at) and at < MOST_BLOCKS * BLOCK:
            try:
                _block(view.part(at, BLOCK), families)
            except Malformed as error:
                problem = f"block {at // BLOCK}: {error}"
                break
            at += BLOCK
        if not at:
            return None
        problem = problem or _missing(families)
        parts, details, sums = [], [], list[bool | None]()
        for number, family in families.items():
            name = FAMILIES.get(number, f"family {number:#010x}" if number else "no family named")
            every = family.pieces.regions()
            regions = every[:MOST_REGIONS]
            if len(every) > MOST_REGIONS:
                problem = problem or (
                    f"of {len(every)} regions of memory for {name} {MOST_REGIONS} were read"
                )
            details.append((name, f"{len(family.numbers)} blocks"))
            details += [(f"{len(r)} bytes", f"at {a:#010x}") for a, r in regions]
            parts += [Part(name=f"{name}, memory at {a:#010x}", view=r) for a, r in regions]
            sums += _sums(family, regions, context.budget)
            if None in sums:
                problem = (
                    problem
                    or "its MD5 sums are too many or overlap too much, and were not all computed"
                )
        tags = {tag: text for family in families.values() for tag, text in family.tags.items()}
        integrity = ""
        if sums:
            integrity = "MD5 does not hold" if False in sums else "MD5 holds" if all(sums) else ""
        return Reading(
            format=self.name,
            kind=LayerKind.TRANSPORT,
            size=at,
            title=tags.get(DESCRIPTION, ""),
            version=tags.get(VERSION, ""),
            details=tuple(details),
            problem=problem,
            protection=unsigned(integrity, problem),
            parts=tuple(parts),
        )


FORMAT = Uf2()


def _block(block: View, families: dict[int, Family]) -> None:
    """One block into its family. Raises Malformed."""
    flags, address, size, number, total, family = block.unpack("<IIIIII", 8)
    if not block.starts_with(LAST, BLOCK - 4) or size > LARGEST_DATA or number >= total:
        raise Malformed("it is damaged")
    key = family if flags & FAMILY else 0
    if key not in families and len(families) >= MOST_FAMILIES:
        raise Malformed("there are more families than any file has")
    one = families[key]
    one.said = max(one.said, total)
    one.numbers.add(number)
    if flags & (NOT_FLASH | CONTAINER):
        one.skipped += 1
        return
    one.pieces.put(address, block.read(DATA_AT, size))
    # One more than are computed, so that it is told that there are more.
    if flags & MD5 and size <= LARGEST_DATA - SUM and len(one.sums) <= MOST_SUMS:
        # At the end of the data field; esptool puts it behind the data, which differs in the last block.
        at = BLOCK - 4 - SUM
        if block.unpack("<II", DATA_AT + size) == (address, size):
            at = DATA_AT + size
        start, length, said = block.unpack("<II16s", at)
        one.sums.setdefault((start, length, said))
    if flags & TAGS and not one.tags:
        one.tags = _tags(block, DATA_AT + (size + 3) // 4 * 4)


def _tags(block: View, at: int) -> dict[int, str]:
    found: dict[int, str] = {}
    while at + 4 < BLOCK - 4:
        head = block.u32(at)
        size, tag = head & 0xFF, head >> 8
        if size < 4:
            break
        if tag in (VERSION, DESCRIPTION):
            found[tag] = block.text(at + 4, size - 4)
        at += (size + 3) // 4 * 4
    return found


def _missing(families: dict[int, Family]) -> str:
    for number, family in families.items():
        name = FAMILIES.get(number, f"family {number:#x}")
        if len(family.numbers) < family.said:
            gone = family.said - len(family.numbers)
            return f"{gone} of {family.said} blocks for {name} are not there"
        if family.skipped:
            return f"{family.skipped} blocks for {name} are files and not memory, and were not read"
    return ""


def _sums(family: Family, regions: list[tuple[int, View]], budget: Budget) -> list[bool | None]:
    """Whether each sum holds; None for those that were not computed. They may overlap, and cost what they are over."""
    digests: dict[tuple[int, int], bytes] = {}
    left = MOST_SUMMED * sum(len(view) for _, view in regions)
    found = list[bool | None]()
    for start, length, said in family.sums:
        if (start, length) not in digests:
            left -= length
            if left < 0 or len(found) >= MOST_SUMS:
                found.append(None)
                continue
            budget.take(length)
            digests[start, length] = _digest(regions, start, length)
        found.append(digests[start, length] == said)
    return found


def _digest(regions: list[tuple[int, View]], start: int, length: int) -> bytes:
    """MD5 of the bytes at an address; none when they are not all carried."""
    for address, view in regions:
        if address <= start and start + length <= address + len(view):
            data = view.part(start - address, length)
            return hashlib.md5(data.raw, usedforsecurity=False).digest()
    return b""
