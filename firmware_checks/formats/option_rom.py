"""PCI option ROMs: the drivers that a card brings for BIOS and UEFI, one image after the other.

Source: PCI Firmware Specification 3.3, section 5; UEFI specification 2.10, section 14.4.2. The ROM itself has no
place for a signature; a driver for UEFI in it may have one of its own, and is judged as a program.
"""

from functools import partial

from firmware_checks.budget import Budget
from firmware_checks.efi_compression import EFI as EFI_CODING
from firmware_checks.efi_compression import expanded
from firmware_checks.reading import Context, Format, Part, Protection, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

MAGIC, PCIR = b"\x55\xaa", b"PCIR"
BIOS, EFI = 0, 3
CODES = {BIOS: "BIOS", 1: "Open Firmware", 2: "HP PA RISC", EFI: "UEFI"}
MOST_IMAGES = 16
LAST = 0x80
UNIT = 512
BY_EFI = 1
"""Compression of a driver: the one of chapter 19."""


class OptionRom(Format):
    """The format."""

    name = "PCI option ROM"
    anchors = ((MAGIC, 0),)

    def read(self, view: View, context: Context) -> Reading | None:
        at, details, parts, problem = 0, list[tuple[str, str]](), list[Part](), ""
        for _ in range(MOST_IMAGES):
            table = view.u16(at + 24) if at + 28 <= len(view) else 0
            if not view.starts_with(MAGIC, at) or not view.starts_with(PCIR, at + table):
                problem = "the image behind the first ones is not there"
                break
            vendor, device = view.unpack("<HH", at + table + 4)
            units, code, last = view.u16(at + table + 16), view.u8(at + table + 20), view.u8(at + table + 21)  # fmt: skip
            if not units:
                return None
            size = units * UNIT
            details.append((CODES.get(code, f"code {code}"), f"{vendor:04x}:{device:04x}, {size} bytes"))  # fmt: skip
            if at + size > len(view):
                problem = f"cut short: {len(view)} of {at + size} bytes are there"
            body = view.part(at, min(size, len(view) - at))
            parts.append(_part(body, code, at))
            at += len(body)
            if problem or last & LAST:
                break
        if not details:
            return None
        context.budget.take(at)
        # A driver for BIOS has nothing that could be signed, and a computer without Secure Boot starts it.
        legacy = any(name == CODES[BIOS] for name, _ in details)
        protection = Protection(
            signing=Signing.UNREADABLE if problem else Signing.UNSIGNED,
            detail=problem or "drivers for BIOS have no place for a signature",
            can_be_signed=False,
            rollback=Rollback.NONE,
        )
        return Reading(
            format=self.name,
            kind=LayerKind.BOOT,
            size=at,
            details=tuple(details),
            problem=problem,
            protection=protection if legacy or problem else None,
            parts=tuple(parts),
        )


FORMAT = OptionRom()
RANK = 60


def _part(body: View, code: int, at: int) -> Part:
    name = CODES.get(code, f"code {code}")
    if code == EFI and len(body) > 24:
        compressed, start = body.unpack("<H", 12)[0], body.unpack("<H", 22)[0]
        if compressed == BY_EFI and 24 <= start < len(body):
            return Part(name=name, make=partial(_expanded, body.part(start)))
        if compressed:
            why = f"the driver is compressed by an unknown coding ({compressed}), and is not read"
            return Part(name=name, view=body, offset=at, hidden=why)
        if 24 <= start < len(body):
            return Part(name=name, view=body.part(start), offset=at + start)
    # Without its first bytes, or it would be read as a ROM again.
    return Part(name=name, view=body.part(min(3, len(body))), offset=at + 3)


def _expanded(view: View, budget: Budget) -> View:
    stream = expanded(view, EFI_CODING, budget)
    if stream.problem:
        raise Malformed(stream.problem)
    return stream.data
