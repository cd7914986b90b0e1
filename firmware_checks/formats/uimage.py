"""U-Boot's legacy uImage: a header of 64 bytes with two CRCs, and no place for a signature.

Source: U-Boot's ``include/image.h``. Big endian.
"""

import zlib
from datetime import UTC, datetime

from firmware_checks.reading import Context, Format, Part, Protection, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

MAGIC = b"\x27\x05\x19\x56"
HEADER = 64
MULTI, SCRIPT = 4, 6
MOST_PARTS = 64
SYSTEMS = {
    1: "OpenBSD",
    2: "NetBSD",
    3: "FreeBSD",
    5: "Linux",
    9: "Artos",
    14: "VxWorks",
    17: "U-Boot",
}
SYSTEMS |= {20: "INTEGRITY", 24: "TEE", 25: "OpenSBI", 26: "EFI"}
TYPES = {1: "standalone", 2: "kernel", 3: "ramdisk", 4: "multi-file", 5: "firmware", 6: "script"}
TYPES |= {7: "file system", 8: "device tree", 14: "kernel, no load"}
COMPRESSIONS = {0: "none", 1: "gzip", 2: "bzip2", 3: "lzma", 4: "lzo", 5: "lz4", 6: "zstd"}


class UImage(Format):
    """The format."""

    name = "U-Boot legacy uImage"
    anchors = ((MAGIC, 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        header = bytearray(view.read(0, HEADER))
        checksum, stamp, size, load, entry, data_crc = view.unpack(">IIIIII", 4)
        header[4:8] = bytes(4)
        if zlib.crc32(header) != checksum:
            return None
        system, machine, kind, compression = view.unpack("4B", 28)
        short = HEADER + size > len(view)
        body = view.part(HEADER, None if short else size)
        context.budget.take(len(body))
        problem = f"cut short: {len(body)} of {size} bytes are there" if short else ""
        holds = not short and zlib.crc32(body.raw) == data_crc
        integrity = "CRC-32 of the header holds; that of the data "
        integrity += "cannot be told" if short else "holds" if holds else "does not hold"
        parts, said = _parts(body, kind)
        details = (
            ("type", TYPES.get(kind, str(kind))),
            ("system", SYSTEMS.get(system, str(system))),
            ("architecture", str(machine)),
            ("compression", COMPRESSIONS.get(compression, str(compression))),
            ("load address", f"{load:#x}"),
            ("entry point", f"{entry:#x}"),
        )
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=HEADER + len(body),
            title=view.text(32, 32),
            built=datetime.fromtimestamp(stamp, UTC).isoformat() if stamp else "",
            details=details,
            problem=problem or said,
            protection=_protection(problem, integrity, damaged=not short and not holds),
            parts=parts,
        )


FORMAT = UImage()


def _protection(problem: str, integrity: str, *, damaged: bool) -> Protection:
    signing, detail = Signing.UNSIGNED, "the format has no place for a signature, only checksums"
    if damaged:
        detail += "; the checksum of the data does not hold"
    if problem:
        signing, detail = Signing.UNREADABLE, f"{problem}; the format has no place for a signature"
    return Protection(
        signing=signing,
        detail=detail,
        can_be_signed=False,
        rollback=Rollback.NONE,
        integrity=integrity,
    )


def _parts(body: View, kind: int) -> tuple[tuple[Part, ...], str]:
    """The payload, or the files of a multi-file image: sizes up to a zero, then each file, aligned to 4."""
    if kind not in (MULTI, SCRIPT):
        return (Part(name=TYPES.get(kind, "payload"), view=body, offset=HEADER),), ""
    parts: list[Part] = []
    try:
        sizes: list[int] = []
        while size := body.u32(4 * len(sizes), ">"):
            sizes.append(size)
            if len(sizes) > MOST_PARTS:
                raise Malformed(f"more than {MOST_PARTS} files")
        at = 4 * (len(sizes) + 1)
        for number, size in enumerate(sizes):
            name = f"file {number + 1}" if kind == MULTI else "script"
            parts.append(Part(name=name, view=body.part(at, size), offset=HEADER + at))
            at += (size + 3) // 4 * 4
    except Malformed as error:
        return tuple(parts), f"the list of files is damaged: {error}"
    return tuple(parts), ""
