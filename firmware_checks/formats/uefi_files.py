"""Volumes of UEFI firmware and the files in them, file systems 1 to 3, one behind the other.

Sources: UEFI Platform Initialization specification 1.8, volume 3, sections 3.2.1 (volume), 3.2.2 (extended header) and
3.2.3 (files); for file system 1 Intel's Firmware File System Specification 0.9, where files may have a tail and volumes
no extended header. An erased bit may be 0 or 1, and the bits of a file's state are set against it.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from firmware_checks.budget import Budget
from firmware_checks.formats.uefi_sections import PADDING, Sections, entry
from firmware_checks.reading import Entry
from firmware_checks.view import Malformed, View

MAGIC = b"_FVH"
FFS1 = UUID("7a9354d9-0468-444a-81ce-0bf617d890df")
FFS = {
    UUID("8c8ce578-8a3d-4f1c-9935-896185c32dd3"): "file system 2",
    UUID("5473c07a-3dcb-4dca-bd6f-1e9689e7349a"): "file system 3",
    FFS1: "file system 1",
    UUID("04adeead-61ff-4d31-b6ba-64f8bf901f5a"): "file system 2 (Apple, immutable)",
    UUID("bd001b8c-6a71-487b-a14f-0c2a2dcf7a5d"): "file system 2 (Apple, authentication)",
    UUID("ad3fffff-d28b-44c4-9f13-9ea98a97f9f0"): "file system 2 (Intel)",
    UUID("d6a1cd70-4b33-4994-a6ea-375f2ccc5437"): "file system 2 (Intel, second)",
    UUID("4f494156-aed6-4d64-a537-b8a5557bceec"): "file system 2 (Sony)",
}
"""Those of makers differ from file system 2 in their GUID only."""
ERASED_IS_ONE = 0x800
HEAD, LARGE_HEAD = 24, 32
RAW, PAD = 0x01, 0xF0
SECTIONED = range(0x02, 0x10)
LARGE_FILE, TAIL, CHECKSUM = 0x01, 0x01, 0x40
"""The first bit was a tail's before version 2."""
TAIL_SIZE = 2
FIXED = (0xAA, 0x5A)
"""What stands for the checksum of a file that has none; the second before version 2."""
VALID, UPDATED, DELETED = 0x04, 0x08, 0x10
LITTLE = 64
LARGEST_EXTENSION = 1 << 16
MOST_FILES = 50_000
"""Of one volume; firmware of computers has some hundreds."""


@dataclass(frozen=True, slots=True)
class Volume:
    """The header of a volume, whose checksum holds."""

    kind: UUID
    size: int
    header: int
    revision: int
    erased: int
    """The byte of erased flash, 0x00 or 0xFF."""
    extension: int
    """Where the extended header stands; 0 without one."""

    @property
    def has_tails(self) -> bool:
        """A file may end with two bytes that show that it was written to its end."""
        return self.kind == FFS1 or self.revision < 2


@dataclass(frozen=True, slots=True)
class File:
    """What stands at one place of a volume. ``kind`` None: bytes that belong to no file."""

    at: int
    size: int
    body: View
    kind: int | None = None
    name: str = ""
    deleted: bool = False
    problem: str = ""
    checksum: int | None = None
    """What makes the sum of its bytes zero; None for a file that has none."""

    @property
    def fault(self) -> str:
        """Why it may not be what was put there; empty when nothing shows that."""
        if self.problem or self.checksum is None:
            return self.problem
        # Adler's sum of so few bytes is their sum and one: quicker by far than adding them here.
        total = sum(zlib.adler32(piece) - 1 & 0xFFFF for piece in self.body.windows(256))
        return "" if not total + self.checksum & 0xFF else "the checksum of the file does not hold"


def volume(view: View) -> Volume | None:
    """The header at the beginning; None when there is none. Raises Malformed when it is cut short."""
    size, header = view.u64(32), view.u16(48)
    if not view.starts_with(MAGIC, 40) or not 56 <= header <= 4096 or header % 2 or size <= header:
        return None
    if sum(view.unpack(f"<{header // 2}H", 0)) & 0xFFFF:
        return None
    return Volume(
        kind=UUID(bytes_le=view.read(16, 16)),
        size=size,
        header=header,
        revision=view.u8(55),
        erased=0xFF if view.u32(44) & ERASED_IS_ONE else 0x00,
        extension=view.u16(52) if view.u8(55) >= 2 else 0,
    )


def is_volume(view: View) -> bool:
    """Whether a volume begins here."""
    try:
        return volume(view) is not None
    except Malformed:
        return False


def name(body: View, head: Volume) -> str:
    """What the volume is called in its extended header; empty without one."""
    if head.extension < head.header or head.extension + 20 > len(body):
        return ""
    return str(UUID(bytes_le=body.read(head.extension, 16)))


def files(body: View, head: Volume) -> Iterator[File]:
    """Every file of a volume, and the bytes between them that belong to none."""
    number = 0
    at = _aligned(head.header)
    if head.extension:
        at, problem = _behind_extension(body, head)
        begin = min(head.header, len(body))
        before = body.part(begin, max(at, begin) - begin)
        if problem or len(before) > LITTLE:
            yield File(begin, len(before), before, problem=problem)
    while at < len(body):
        rest = body.part(at)
        if len(rest) < HEAD or rest.is_filled_with(head.erased):
            return
        if rest.part(0, HEAD).is_filled_with(head.erased):
            yield File(at, len(rest), rest, problem="bytes in the free space, which no file has")
            return
        number += 1
        if number > MOST_FILES:
            yield File(at, len(rest), rest, problem=f"more than {MOST_FILES} files in one volume")
            return
        one = _file(rest, at, head)
        yield one
        at = _aligned(at + one.size)


def _aligned(at: int) -> int:
    """Files stand at multiples of eight bytes."""
    return (at + 7) // 8 * 8


def _behind_extension(body: View, head: Volume) -> tuple[int, str]:
    at, first = head.extension, min(_aligned(head.header), len(body))
    if not head.header <= at <= len(body) - 20:
        return first, "the extended header is not in the volume"
    size = body.u32(at + 16)
    if not 20 <= size <= min(LARGEST_EXTENSION, len(body) - at):
        return first, f"the extended header says {size} bytes"
    return min(_aligned(at + size), len(body)), ""


def _file(rest: View, at: int, head: Volume) -> File:
    """The file at the beginning of ``rest``; when its header is damaged, as much as nobody can tell."""
    attributes, kind = rest.u8(19), rest.u8(18)
    size, length = rest.u32(20) & 0xFFFFFF, HEAD
    if attributes & LARGE_FILE and not head.has_tails:
        size, length = (rest.u64(24) if len(rest) >= LARGE_HEAD else 0), LARGE_HEAD
    known = str(UUID(bytes_le=rest.read(0, 16)))
    if not length <= size <= len(rest):
        why = f"file {known} says {size} bytes of {len(rest)}; the rest of the volume was not read"
        return File(at, len(rest), rest, problem=why)
    raw = rest.read(0, length)
    if (sum(raw) - raw[17] - raw[23]) & 0xFF:
        why = f"the checksum of the header of file {known} does not hold"
        if not _goes_on(rest, _aligned(at + size) - at, head):
            return File(at, len(rest), rest, problem=f"{why}; the rest of the volume was not read")
        return File(at, size, rest.part(0, size), problem=why)
    tail = TAIL_SIZE if attributes & TAIL and head.has_tails else 0
    if size < length + tail:
        why = f"file {known} says {size} bytes, too few for its tail"
        return File(at, size, rest.part(0, size), problem=why)
    body = rest.part(length, size - length - tail)
    state = raw[23] ^ head.erased
    problem, checksum = "", raw[17] if attributes & CHECKSUM else None
    if checksum is None and raw[17] not in FIXED:
        problem = "what stands for a file's checksum is none"
    if tail and rest.u16(size - tail) != rest.u16(16) ^ 0xFFFF:
        problem = "the tail of the file is not that of its header"
    deleted = state >= DELETED
    if not deleted and not state & (VALID | UPDATED):
        problem = f"the file was not written to its end (state {state:#x})"
    return File(at, size, body, kind, known, deleted, problem, checksum)


def _goes_on(rest: View, at: int, head: Volume) -> bool:
    """Whether another file, or nothing more, stands where a damaged one says that it ends."""
    if at + HEAD > len(rest):
        return True
    raw = rest.read(at, HEAD)
    if raw == bytes([head.erased]) * HEAD:
        return True
    if raw[19] & LARGE_FILE and not head.has_tails and at + LARGE_HEAD <= len(rest):
        raw = rest.read(at, LARGE_HEAD)
    return not (sum(raw) - raw[17] - raw[23]) & 0xFF


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a volume as a tree: ``GUID/NAME.efi`` and what else a file has."""

    body: View
    head: Volume

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        """Each section of each file, and what belongs to none."""
        inside = Sections(budget, is_volume)
        for one in files(self.body, self.head):
            yield from self._file(one, inside)

    def _file(self, one: File, inside: Sections) -> Iterator[tuple[Entry, View]]:
        if one.kind is None:
            yield entry(f"at {one.at:#x}", one.body, problem=one.problem)
            return
        fault = one.fault
        path = f"deleted/{one.name}" if one.deleted else one.name
        if one.kind == PAD:
            if fault or not one.body.is_filled_with(*PADDING):
                yield entry(f"padding at {one.at:#x}", one.body, problem=fault)
            return
        if one.kind not in SECTIONED:
            yield entry(f"{path}.raw", one.body, problem=fault)
            return
        if fault:
            yield entry(path, View(b""), problem=fault)
        yield from inside.entries(one.body, path)
