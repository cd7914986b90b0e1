"""Linux kernels as they are started: zImage (ARM), Image (ARM 64, RISC-V) and bzImage (x86).

Source: the kernel's ``Documentation/arch/{arm,arm64,riscv,x86}/boot*``. What the kernel says of itself and
the compiler it was built with come from its banner; the kernel's bytes are given on as a file ``vmlinux``.
"""

import lzma
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.budget import MIB, Budget
from firmware_checks.reading import Context, Entry, Kind, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

RANK = 40
BANNER = re.compile(rb"Linux version (\d+\.\d+[^ \0]{0,80}) (\([^\0\n]{0,300})")
ZIMAGE, ARM64, RISCV, BZIMAGE = b"\x18\x28\x6f\x01", b"ARM\x64", b"RSC\x05", b"HdrS"
PACKED = {
    b"\x1f\x8b\x08": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"\x5d\0\0": "lzma",
    b"\x28\xb5\x2f\xfd": "zstd",
}
PACKED |= {b"\x89LZO\0\r\n\x1a\n": "lzo", b"\x02\x21\x4c\x18": "lz4"}
MOST_TRIES = 24


@dataclass(frozen=True, slots=True)
class Vmlinux:
    """The kernel proper, as a tree of one file."""

    view: View

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        entry = Entry(path="vmlinux", kind=Kind.FILE, mode=0o644, uid=0, gid=0, size=len(self.view))
        yield entry, self.view


@dataclass(frozen=True, slots=True)
class Kernels:
    """The formats; they differ in their headers only."""

    name: str = "Linux kernel"
    anchors: tuple[tuple[bytes, int], ...] = (
        (ZIMAGE, 36),
        (ARM64, 56),
        (RISCV, 56),
        (BZIMAGE, 514),
    )
    at_end: bool = False
    searched: bool = False

    def read(self, view: View, context: Context) -> Reading | None:
        if view.starts_with(ZIMAGE, 36):
            return _zimage(view, context)
        if view.starts_with(ARM64, 56) or view.starts_with(RISCV, 56):
            return _image(view, context)
        return _bzimage(view, context)


FORMAT = Kernels()


def _zimage(view: View, context: Context) -> Reading | None:
    start, end = view.unpack("<II", 40)
    size = end - start
    if not 0x100 < size <= 64 * MIB:
        return None
    short = size > len(view)
    body = view if short else view.part(0, size)
    problem = f"cut short: {len(view)} of {size} bytes are there" if short else ""
    return _reading("Linux kernel, ARM zImage", body, context, problem, None)


def _image(view: View, context: Context) -> Reading | None:
    arm = view.starts_with(ARM64, 56)
    (size,) = view.unpack("<Q", 16)
    if size > 1 << 30:
        return None
    name = "Linux kernel, ARM 64 Image" if arm else "Linux kernel, RISC-V Image"
    # The size in the header holds the zeroed memory behind the kernel too, so the file is mostly shorter.
    body = view if not 0x1000 <= size < len(view) else view.part(0, size)
    return _reading(name, body, context, "", body.part(64))


def _bzimage(view: View, context: Context) -> Reading | None:
    sectors, version, pointer = view.u8(0x1F1), view.u16(0x206), view.u16(0x20E)
    if not 0x200 <= version <= 0x2FF or view.u16(0x1FE) != 0xAA55:
        return None
    at = 0x200 + pointer
    said = view.text(at, min(200, len(view) - at)) if pointer and at < len(view) else ""
    paragraphs = view.u32(0x1F4)
    size = (sectors or 4) * 512 + 512 + paragraphs * 16
    short = size > len(view)
    body = view if short else view.part(0, size)
    problem = f"cut short: {len(view)} of {size} bytes are there" if short else ""
    return _reading("Linux kernel, x86 bzImage", body, context, problem, None, said)


def _reading(
    name: str, body: View, context: Context, problem: str, plain: View | None, said: str = ""
) -> Reading:
    kernel, how = (plain, "") if plain is not None else _unpacked(body, context.budget)
    banner = _banner(kernel) if kernel is not None else None
    version = banner[0] if banner else said.split(" ")[0]
    details = [("packed with", how)] if how else []
    if banner or said:
        details.append(("banner", banner[1] if banner else said))
    if kernel is None and not problem:
        problem = f"its {how or 'packed'} kernel was not unpacked"
    return Reading(
        format=name,
        kind=LayerKind.BOOT,
        size=len(body),
        title="Linux kernel",
        version=version,
        details=tuple(details),
        problem=problem,
        tree=Vmlinux(kernel) if kernel is not None else None,
    )


def _banner(view: View) -> tuple[str, str] | None:
    at = -1
    for _ in range(20):
        at = view.find(b"Linux version ", at + 1)
        if at < 0:
            return None
        hit = BANNER.match(view.read(at, min(400, len(view) - at)))
        if hit:
            return hit.group(1).decode("utf-8", "replace"), hit.group(0).decode("utf-8", "replace")
    return None


def _unpacked(body: View, budget: Budget) -> tuple[View | None, str]:
    """The first packed stream in the image that unpacks to something with the size of a kernel."""
    hits: list[tuple[int, str]] = []
    for magic, how in PACKED.items():
        at = body.find(magic)
        while at >= 0 and len(hits) < MOST_TRIES * len(PACKED):
            hits.append((at, how))
            at = body.find(magic, at + 1) if len(magic) > 3 else body.find(magic, at + 1, MIB)
    named = ""
    for at, how in sorted(hits)[:MOST_TRIES]:
        try:
            data = _unpack(body.part(at), how, budget)
        except Malformed:
            continue
        if data is None:
            named = named or how
        elif len(data) > min(MIB, len(body)):
            return View(data), how
    return None, named


def _unpack(view: View, how: str, budget: Budget) -> bytes | None:
    """The stream at the beginning of ``view``; None when its kind is not unpacked here. Raises Malformed."""
    room = budget.room(len(view))
    try:
        if how == "gzip":
            data = zlib.decompressobj(31).decompress(view.raw, room)
        elif how in ("xz", "lzma"):
            form = lzma.FORMAT_XZ if how == "xz" else lzma.FORMAT_ALONE
            data = lzma.LZMADecompressor(form, memlimit=budget.limits.one_layer).decompress(
                view.raw, room
            )
        elif how == "zstd":
            import zstandard

            try:
                data = zstandard.ZstdDecompressor().stream_reader(view.raw).read(room)
            except zstandard.ZstdError as error:
                raise Malformed(str(error)) from None
        else:
            return None
    except (zlib.error, lzma.LZMAError, EOFError, MemoryError) as error:
        raise Malformed(str(error)) from None
    budget.take(len(data))
    if len(data) >= room:
        raise Malformed("it grows beyond all measure")
    return data
