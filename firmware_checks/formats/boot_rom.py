"""What the ROMs of systems on chip start first: the loader with a header of the chip's maker.

Sources: NXP's i.MX reference manuals, "Image Vector Table" and "HABv4 RM"; ST's wiki, "STM32 header for binary
files"; U-Boot's ``tools/{imximage,stm32image,sunxi_egon,rkcommon}.c`` for the layouts that makers do not publish.
"""

from itertools import cycle

from firmware_checks.reading import Context, Format, Part, Protection, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

IVT = b"\xd1\x00\x20"
IVT_VERSIONS = (0x40, 0x41, 0x42, 0x43)
CSF = 0xD4
STM32 = b"STM2"
STM32_HEADER, STM32_FIRST = 256, 0x10000
NOT_SIGNED = 1
EGON = b"eGON.BT0"
EGON_STAMP = 0x5F0A6C39
ROCKCHIP = bytes.fromhex("3b8cdcfcbe9f9d51eb3034ce24511f98")
"""The header's first bytes after its scrambling with RC4, whose key everybody has."""
ROCKCHIP_KEY = bytes.fromhex("7c4e0304550509072d2c7b38170d1711")
SECTOR = 512


class BootRom(Format):
    """The format: one of four."""

    name = "boot image of a chip"
    anchors = ((IVT, 0), (STM32, 0), (EGON, 4), (ROCKCHIP, 0))

    def read(self, view: View, context: Context) -> Reading | None:
        context.budget.take(min(len(view), SECTOR))
        if view.starts_with(IVT):
            return _imx(view)
        if view.starts_with(STM32):
            return _stm32(view)
        return _allwinner(view) if view.starts_with(EGON, 4) else _rockchip(view)


FORMAT = BootRom()
RANK = 45


def _reading(
    name: str,
    view: View,
    size: int,
    part: Part | None,
    details: tuple[tuple[str, str], ...],
    protection: Protection | None,
    title: str = "",
) -> Reading:
    problem = f"cut short: {len(view)} of {size} bytes are there" if size > len(view) else ""
    if problem:
        protection = Protection(signing=Signing.UNREADABLE, detail=problem)
    return Reading(
        format=name,
        kind=LayerKind.BOOT,
        size=min(size, len(view)),
        title=title,
        details=details,
        problem=problem,
        protection=protection,
        parts=(part,) if part is not None else (),
    )


def _imx(view: View) -> Reading | None:
    """Addresses in the header are those in memory; ``own`` is the header's."""
    if view.u8(3) not in IVT_VERSIONS:
        return None
    entry, _, dcd, data, own, csf, _ = view.unpack("<7I", 4)
    start, length, _ = view.unpack("<III", data - own) if own <= data else (own, 0, 0)
    size = length - (own - start)
    if not own or not own < entry < own + (64 << 20) or not STM32_HEADER < size < (64 << 20):
        return None
    at = csf - own
    there = csf > own and at + 4 <= min(size, len(view)) and view.u8(at) == CSF
    if there:
        signing = Signing.NOT_VERIFIED
        detail = "it has a command sequence file with a signature, which is not verified here"
    else:
        signing = Signing.UNSIGNED
        detail = "there is no command sequence file, so nothing is signed"
        if csf:
            detail = "the header has a place for a command sequence file, and there is none"
            size = min(size, at) if len(view) == at else size  # as mkimage leaves it
    protection = Protection(
        signing=signing,
        detail=detail,
        scheme="HAB" if there else "",
        rollback=Rollback.UNKNOWN if there else Rollback.NONE,
    )
    details = (
        ("entry address", f"{entry:#x}"),
        ("load address", f"{start:#x}"),
        ("device configuration", "there" if dcd else "none"),
    )
    where = entry - own
    inside = view.part(where, min(size, len(view)) - where) if where < min(size, len(view)) else None  # fmt: skip
    part = Part(name="program", view=inside, offset=where) if inside is not None else None
    return _reading("i.MX boot image", view, size, part, details, protection)


def _stm32(view: View) -> Reading | None:
    checksum, version, length, entry = view.unpack("<IIII", 0x44)
    number, flags, algorithm = view.unpack("<III", 0x60)
    if version != STM32_FIRST:
        if version >> 16 != 2:
            return None
        detail = "headers of version 2 are not read here"
        return Reading(
            format="STM32 boot image",
            kind=LayerKind.BOOT,
            size=len(view),
            problem=detail,
            protection=Protection(signing=Signing.UNREADABLE, detail=detail),
        )
    size = STM32_HEADER + length
    body = view.part(STM32_HEADER, min(length, len(view) - STM32_HEADER))
    holds = sum(body.read()) & 0xFFFFFFFF == checksum
    signed = not flags & NOT_SIGNED and not view.part(4, 64).is_filled_with(0)
    detail = "the header says that it is not signed" if flags & NOT_SIGNED else "there is no signature"  # fmt: skip
    protection = Protection(
        signing=Signing.NOT_VERIFIED if signed else Signing.UNSIGNED,
        detail="its signature is not verified here" if signed else detail,
        scheme={1: "ECDSA P-256", 2: "ECDSA brainpoolP256t1"}.get(algorithm, "") if signed else "",
        rollback=Rollback.COUNTER if signed else Rollback.UNSIGNED_COUNTER,
        rollback_value=number,
        integrity=f"the checksum {'holds' if holds else 'does not hold'}",
    )
    part = Part(name="program", view=body, offset=STM32_HEADER)
    details = (("entry address", f"{entry:#x}"), ("version number", str(number)))
    return _reading("STM32 boot image", view, size, part, details, protection)


def _allwinner(view: View) -> Reading | None:
    checksum, size = view.unpack("<II", 12)
    if not 64 <= size <= 1 << 20 or size % 4:
        return None
    holds = False
    if size <= len(view):
        words = sum(view.unpack(f"<{size // 4}I"))
        holds = (words - checksum + EGON_STAMP) & 0xFFFFFFFF == checksum
    name_at = view.u32(0x20) if view.starts_with(b"SPL", 0x14) else 0
    title = view.text(name_at, 64) if 0x24 <= name_at < 0x200 else ""
    protection = Protection(
        signing=Signing.UNSIGNED,
        detail="this header has no place for a signature; only images with the header TOC0 have",
        can_be_signed=False,
        rollback=Rollback.NONE,
        integrity=f"the checksum {'holds' if holds else 'does not hold'}",
    )
    details = (("device tree", title),) if title else ()
    return _reading("Allwinner boot image", view, size, None, details, protection)


def _rockchip(view: View) -> Reading | None:
    header = View(_rc4(view.read(0, SECTOR)))
    (plain,) = header.unpack("<I", 8)
    (first,) = header.unpack("<H", 12)
    size, whole = header.unpack("<HH", 506)
    if plain not in (0, 1) or not 1 <= first <= 64 or not size <= whole:
        raise Malformed("no header of Rockchip")
    at = first * SECTOR
    hidden = "" if plain else "its programs are scrambled with RC4, and are not read"
    part = None
    if at < len(view):
        part = Part(name="programs", view=view.part(at), offset=at, hidden=hidden)
    details = (("programs", "as they stand" if plain else "scrambled"),)
    # Whether its keys are burnt into the chip decides what is checked: nothing in the header tells.
    return _reading("Rockchip boot image", view, len(view), part, details, None)


def _rc4(data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i, key in zip(range(256), cycle(ROCKCHIP_KEY), strict=False):
        j = (j + state[i] + key) & 255
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) & 255
        j = (j + state[i]) & 255
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) & 255])
    return bytes(out)
