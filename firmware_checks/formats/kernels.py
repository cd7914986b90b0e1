"""Linux kernels as they are started: zImage (ARM), Image (ARM 64, RISC-V) and bzImage (x86).

Source: the kernel's ``Documentation/arch/{arm,arm64,riscv,x86}/boot*``. What the kernel says of itself and
the compiler it was built with come from its banner; the kernel's bytes are given on as a file ``vmlinux``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.budget import MIB, Budget
from firmware_checks.filesystems import (
    bzip2_stream,
    gzip_stream,
    lz4_legacy,
    lzma_stream,
    lzop_stream,
    xz_stream,
    zstd_stream,
)
from firmware_checks.reading import Context, Entry, Format, Kind, Reading
from firmware_checks.streams import BlockFormat, StreamFormat
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

RANK = 40
BANNER = re.compile(rb"Linux version (\d+\.\d+[^ \0]{0,80}) (\([^\0\n]{0,300})")
ZIMAGE, ARM64, RISCV, BZIMAGE = b"\x18\x28\x6f\x01", b"ARM\x64", b"RSC\x05", b"HdrS"
STREAMS = (
    gzip_stream.FORMAT,
    xz_stream.FORMAT,
    lzma_stream.FORMAT,
    zstd_stream.FORMAT,
    lz4_legacy.FORMAT,
    lzop_stream.FORMAT,
    bzip2_stream.FORMAT,
)
MOST_TRIES = 24


@dataclass(frozen=True, slots=True)
class Vmlinux:
    """The kernel proper, as a tree of one file."""

    view: View

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        entry = Entry(path="vmlinux", kind=Kind.FILE, mode=0o644, uid=0, gid=0, size=len(self.view))
        yield entry, self.view


class Kernels(Format):
    """The formats; they differ in their headers only."""

    name = "Linux kernel"
    anchors = (
        (ZIMAGE, 36),
        (ARM64, 56),
        (RISCV, 56),
        (BZIMAGE, 514),
    )

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
    kernel, how = (plain, "") if plain is not None else _unpacked(body, context)
    banner = _banner(kernel) if kernel is not None else None
    version = banner[0] if banner else said.split(" ")[0]
    details = [("packed with", how)] if how else []
    if banner or said:
        details.append(("banner", banner[1] if banner else said))
    if kernel is None and not problem:
        problem = "its packed kernel was not unpacked"
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


def _unpacked(body: View, context: Context) -> tuple[View | None, str]:
    """The first packed stream in the image that unpacks to something with the size of a kernel."""
    hits: list[tuple[int, StreamFormat | BlockFormat]] = []
    for one in STREAMS:
        for magic, _ in one.anchors:
            at = body.find(magic)
            while at >= 0 and len(hits) < MOST_TRIES * len(STREAMS):
                hits.append((at, one))
                # A short magic is met by chance all over packed bytes: only near the beginning it counts.
                at = body.find(magic, at + 1, len(body) if len(magic) > 3 else MIB)
    for at, one in sorted(hits, key=lambda hit: hit[0])[:MOST_TRIES]:
        try:
            reading = one.read(body.part(at), context)
            if reading is None or not reading.parts:
                continue
            part = reading.parts[0]
            view = part.view if part.make is None else part.make(context.budget)
        except Malformed:
            continue
        if view is not None and len(view) > min(MIB, len(body)):
            return view, reading.format
    return None, ""
