"""A dump of the whole flash of an ESP32, or its partition table alone.

Source: ESP-IDF programming guide, "Partition Tables" and "Bootloader". The boot loader stands at 0x0, 0x1000 or
0x2000, the table wherever the project put it, 0x8000 unless it says otherwise.
"""

import hashlib
import zlib
from dataclasses import dataclass

from firmware_checks.reading import Context, Facts, Format, Part, Quote, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageSecret, LayerKind
from probe.model.text import clean

ENTRY, MOST_ENTRIES = 32, 95
BEGINS, CLOSES, BLANK = b"\xaa\x50", b"\xeb\xeb", b"\xff\xff"
PLACES = (0x8000, 0x9000, 0xA000, 0xB000, 0xC000, 0xD000, 0xE000, 0xF000, 0x10000, 0x0)
BOOT_LOADERS = (0x0, 0x1000, 0x2000)
APP, DATA = 0, 1
KINDS = {
    (APP, 0x00): "factory application",
    (APP, 0x20): "test application",
    (DATA, 0x00): "choice of the application",
    (DATA, 0x01): "radio calibration",
    (DATA, 0x02): "settings (NVS)",
    (DATA, 0x03): "core dump",
    (DATA, 0x04): "keys of the settings",
    (DATA, 0x05): "emulated fuses",
    (DATA, 0x81): "FAT file system",
    (DATA, 0x82): "SPIFFS file system",
    (DATA, 0x83): "LittleFS file system",
}
NOT_LOOKED_INTO = {
    (DATA, 0x00): "numbers of the boot loader",
    (DATA, 0x01): "calibration values",
    (DATA, 0x04): "keys, which are looked at here",
}
ENCRYPTED, READ_ONLY = 1, 2


@dataclass(frozen=True, slots=True)
class Partition:
    """One row of the table."""

    kind: int
    subtype: int
    offset: int
    size: int
    label: str
    flags: int
    at: int
    """Where the row stands."""

    @property
    def role(self) -> str:
        if self.kind == APP and 0x10 <= self.subtype < 0x20:
            return f"application of update slot {self.subtype - 0x10}"
        return KINDS.get((self.kind, self.subtype), f"type {self.kind} subtype {self.subtype:#x}")

    def said(self) -> str:
        flags = [
            name
            for bit, name in ((ENCRYPTED, "encrypted"), (READ_ONLY, "read only"))
            if self.flags & bit
        ]
        return ", ".join([self.role, f"{self.size:#x} bytes at {self.offset:#x}", *flags])


class EspFlash(Format):
    """The format."""

    name = "ESP32 flash"
    anchors = tuple((BEGINS, at) for at in PLACES)

    def read(self, view: View, context: Context) -> Reading | None:
        for at in PLACES:
            if view.starts_with(BEGINS, at):
                try:
                    rows, checked = table(view, at)
                except Malformed:
                    continue
                return _alone(view, rows, checked) if at == 0 else _whole(view, at, rows, checked)
        return None


FORMAT = EspFlash()
RANK = 40


def table(view: View, at: int) -> tuple[list[Partition], bool]:
    """The rows, and whether the MD5 that closes them is there. Raises Malformed."""
    rows: list[Partition] = []
    for number in range(MOST_ENTRIES + 1):
        entry = view.part(at + number * ENTRY, ENTRY)
        magic = entry.read(0, 2)
        if magic == BEGINS:
            kind, subtype, offset, size = entry.unpack("<BBII", 2)
            if offset % 0x1000 or not 0 < size <= 1 << 30:
                raise Malformed("a partition that cannot be")
            label = clean(entry.text(12, 16), 16)
            here = at + number * ENTRY
            rows.append(Partition(kind, subtype, offset, size, label, entry.u32(28), here))
        elif magic == CLOSES and rows:
            said = hashlib.md5(view.raw[at : at + number * ENTRY], usedforsecurity=False).digest()
            if said != entry.read(16, 16):
                raise Malformed("the MD5 of the table does not hold")
            return rows, True
        elif magic == BLANK and rows and entry.is_filled_with(0xFF):
            return rows, False
        else:
            break
    raise Malformed("no partition table")


def _details(rows: list[Partition], *, checked: bool) -> list[tuple[str, str]]:
    details = [("partition table", "MD5 holds" if checked else "without MD5")]
    return details + [(f"partition {row.label}", row.said()) for row in rows]


def _alone(view: View, rows: list[Partition], checked: bool) -> Reading | None:
    if not checked and not view.part(len(rows) * ENTRY).is_filled_with(0xFF):
        return None
    return Reading(
        format="ESP32 partition table",
        kind=LayerKind.FLASH,
        size=min(len(view), 0x1000),
        details=tuple(_details(rows, checked=checked)),
    )


def _whole(view: View, at: int, rows: list[Partition], checked: bool) -> Reading | None:
    if not checked and not any(view.starts_with(b"\xe9", boot) for boot in BOOT_LOADERS):
        return None
    details = _details(rows, checked=checked)
    parts, missing = [_boot_loader(view, at)], []
    for row in rows:
        end = min(row.offset + row.size, len(view))
        if row.offset >= end:
            missing.append(row.label)
            continue
        if end < row.offset + row.size:
            missing.append(f"the end of {row.label}")
        why = NOT_LOOKED_INTO.get((row.kind, row.subtype), "")
        window = view.part(row.offset, end - row.offset)
        name = f"{row.label}: {row.role}"
        parts.append(Part(name=name, view=window, offset=row.offset, opaque=why))
    # A factory image is written without the empty partitions behind the last one that has content.
    problem = ""
    if missing and any(row.kind == APP and row.offset >= len(view) for row in rows[:1]):
        problem = f"the dump ends before {', '.join(missing[:5])}"
    if missing:
        details.insert(1, ("not in the dump", ", ".join(missing)))
    if _keyed_digest(view):
        details.insert(0, ("secure boot v1", "the keyed digest of the boot loader stands at 0x0"))
    return Reading(
        format=FORMAT.name,
        kind=LayerKind.FLASH,
        size=len(view),
        details=tuple(details),
        problem=problem,
        parts=tuple(p for p in parts if p is not None),
        says=Keys(view, tuple(rows)).says,
    )


def _keyed_digest(view: View) -> bool:
    """128 bytes of chance and a digest of 64, then erased flash (guide, "Secure Boot v1")."""
    first = view.part(0, min(0x1000, len(view)))
    return len(set(first.read(0, 192))) > 64 and first.part(192).is_filled_with(0xFF)


@dataclass(frozen=True, slots=True)
class Keys:
    """The partitions that hold the keys of encrypted settings."""

    view: View
    rows: tuple[Partition, ...]

    def says(self, image: str, place: str) -> Facts:
        """Keys that stand in clear: two of 32 bytes and their checksum (guide, "NVS Encryption")."""
        for row in self.rows:
            if (row.kind, row.subtype) != (DATA, 4) or row.offset + 68 > len(self.view):
                continue
            keys = self.view.part(row.offset, 68)
            crc = zlib.crc32(keys.raw[:64], 0xFFFFFFFF)
            if keys.is_filled_with(0xFF) or crc != keys.u32(64):
                continue
            shown = f"partition {row.label}: the keys of the encrypted settings stand in clear"
            yield (
                ImageSecret(
                    image=image,
                    place=place,
                    path=row.label,
                    kind="encryption key in clear",
                    line=0,
                    excerpt=shown,
                ),
                self._quotes(row, place),
            )

    def _quotes(self, row: Partition, place: str) -> tuple[Quote, ...]:
        """The row, and the checksum that the keys fit: not the keys, which no report should carry."""
        end = row.offset + 64
        keys = f"the 64 bytes before it, from {row.offset:#x} on, are the keys, which are not shown"
        rows = f"row of the partition table at {row.at:#x} of layer {place}"
        checksum = f"their CRC-32 at {end:#x} of layer {place}: {keys}"
        return (
            Quote(row.label, 0, self.view.read(row.at, ENTRY), rows),
            Quote(row.label, 0, self.view.read(end, 4), checksum),
        )


def _boot_loader(view: View, table_at: int) -> Part | None:
    for at in BOOT_LOADERS:
        if view.raw[at] == 0xE9:
            return Part(name="boot loader", view=view.part(at, table_at - at), offset=at)
    first = view.part(0, table_at)
    if first.is_filled_with(0x00, 0xFF):
        return None
    return Part(name="before the partition table", view=first, offset=0)
