"""What the ROMs of systems on chip start first: the loader with a header of the chip's maker.

Sources: NXP's i.MX reference manuals, "Image Vector Table"; U-Boot's ``tools/{imximage,sunxi_egon,rkcommon}.c`` for
the layouts that makers do not publish. The signatures of i.MX and STM32 have files of their own.
"""

from itertools import cycle

from firmware_checks.formats import imx_hab, stm32_header
from firmware_checks.formats.imx_cover import Image
from firmware_checks.reading import Context, Format, Part, Protection, Reading, unread
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

IVT = b"\xd1\x00\x20"
IVT_VERSIONS = (0x40, 0x41, 0x42, 0x43)
IVT_SMALLEST = 256
CSF = 0xD4
EGON = b"eGON.BT0"
EGON_STAMP = 0x5F0A6C39
ROCKCHIP = bytes.fromhex("3b8cdcfcbe9f9d51eb3034ce24511f98")
"""The header's first bytes after its scrambling with RC4, whose key everybody has."""
ROCKCHIP_KEY = bytes.fromhex("7c4e0304550509072d2c7b38170d1711")
SECTOR = 512


class BootRom(Format):
    """The format: one of four."""

    name = "boot image of a chip"
    anchors = ((IVT, 0), (stm32_header.MAGIC, 0), (EGON, 4), (ROCKCHIP, 0))

    def read(self, view: View, context: Context) -> Reading | None:
        context.budget.take(min(len(view), SECTOR))
        if view.starts_with(IVT):
            return _imx(view, context)
        if view.starts_with(stm32_header.MAGIC):
            return _stm32(view, context)
        return _allwinner(view) if view.starts_with(EGON, 4) else _rockchip(view)


FORMAT = BootRom()
RANK = 45


def layer(
    name: str,
    view: View,
    size: int,
    part: Part | None,
    details: tuple[tuple[str, str], ...],
    protection: Protection | None,
    title: str = "",
) -> Reading:
    """The reading of an image of ``size`` bytes, which is unreadable when they are not all there."""
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


def _imx(view: View, context: Context) -> Reading | None:
    """Addresses in the header are those in memory; ``own`` is the header's."""
    if view.u8(3) not in IVT_VERSIONS:
        return None
    entry, blank, dcd, data, own, csf, last = view.unpack("<7I", 4)
    start, length, plugin = view.unpack("<III", data - own) if own <= data else (own, 0, 0)
    size = length - (own - start)
    if not own < entry < own + (64 << 20) or not IVT_SMALLEST < size < (64 << 20):
        if blank or last or not own or own % 4:
            return None
        said = "its header points to what is not in front of it, or to more than 64 MiB"
        return unread("i.MX boot image", LayerKind.BOOT, len(view), said)
    at = csf - own
    there = csf > own and at + 4 <= min(size, len(view)) and view.u8(at) == CSF
    details = [
        ("entry address", f"{entry:#x}"),
        ("load address", f"{start:#x}"),
        ("device configuration", "there" if dcd else "none"),
    ]
    if plugin & 1:
        details.append(("plugin", "it is called by the ROM, and loads the next image itself"))
    hidden = ""
    if there:
        image = Image(view, own, at, data - own, dcd - own if dcd else 0, entry - own, size)
        verdict = imx_hab.judged(image, context.keys.keys, context.budget)
        protection = verdict.protection
        details += verdict.details
        hidden = "encrypted" if protection.encrypted else ""
        if at < verdict.end <= len(view):
            size = min(
                size, len(view)
            )  # the room for the file's structures is not always filled up
    else:
        detail = "there is no command sequence file, so nothing is signed"
        if csf:
            detail = "the header has a place for a command sequence file, and there is none"
            size = min(size, at) if len(view) == at else size  # as mkimage leaves it
        protection = Protection(signing=Signing.UNSIGNED, detail=detail, rollback=Rollback.NONE)
    where, end = entry - own, min(size, len(view))
    part = None
    if where < end:
        inside = view.part(where, end - where)
        part = Part(name="program", view=inside, offset=where, hidden=hidden)
    return layer("i.MX boot image", view, size, part, tuple(details), protection)


def _stm32(view: View, context: Context) -> Reading:
    problem = "a header of a version that is not read here"
    try:
        image = stm32_header.read(view)
    except Malformed as error:
        image, problem = None, f"the header cannot be read: {error}"
    if image is None:
        return unread("STM32 boot image", LayerKind.BOOT, len(view), problem)
    end = min(image.size, len(view))
    part = None
    if image.header < end:
        inside = view.part(image.header, end - image.header)
        hidden = "encrypted" if image.encrypted else ""
        part = Part(name="program", view=inside, offset=image.header, hidden=hidden)
    protection = None
    if end == image.size:
        context.budget.take(end)
        protection = stm32_header.judged(image, view, context.keys.keys, context.budget)
    return layer("STM32 boot image", view, image.size, part, image.details, protection)


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
    return layer("Allwinner boot image", view, size, None, details, protection)


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
    return layer("Rockchip boot image", view, len(view), part, details, None)


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
