"""The sections that files of UEFI firmware are made of: programs, data, volumes, and sections in a coding.

Source: UEFI Platform Initialization specification 1.8, volume 3, sections 2.2.4 and 3.2.5. What a coded section becomes
is said in ``uefi_codings``.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from firmware_checks.budget import Budget
from firmware_checks.filesystems.descent import harmless
from firmware_checks.formats import pe, uefi_codings
from firmware_checks.formats.uefi_codings import CODINGS, CRC32, SIGNED, SIGNED_CERTIFICATE
from firmware_checks.reading import Entry, Kind, Seen
from firmware_checks.streams import Stream
from firmware_checks.view import Malformed, View

COMPRESSION, GUIDED, DISPOSABLE = 0x01, 0x02, 0x03
PE32, PIC, TE, VERSION, NAME, VOLUME, FREEFORM, RAW = 0x10, 0x11, 0x12, 0x14, 0x15, 0x17, 0x18, 0x19
NAMES = {
    PE32: ("program", "efi"),
    PIC: ("code", "pic"),
    TE: ("program", "te"),
    0x13: ("order", "dxe-depex"),
    VERSION: ("version", "version"),
    NAME: ("name", "name"),
    0x16: ("code", "compat16"),
    VOLUME: ("volume", "fv"),
    FREEFORM: ("data", "freeform"),
    RAW: ("data", "raw"),
    0x1B: ("order", "pei-depex"),
    0x1C: ("order", "mm-depex"),
}
"""What a section is called in a file without a name, and how that name ends."""
NOT_COMPRESSED, STANDARD, CUSTOM = 0, 1, 2
"""Kinds of compression of a section that has no GUID."""
PROCESSED = 0x01
"""Attribute of a section whose content has to be decoded before anything in it can be read."""
LARGE = 0xFFFFFF
MOST_SECTIONS, DEEPEST = 2_000, 12
LONGEST_NAME = 512
PADDING = (0x00, 0xFF)
LITTLE = 64
"""Fewer bytes behind a stream are its alignment."""
VZ = b"VZ"

IsVolume = Callable[[View], bool]


@dataclass(frozen=True, slots=True)
class Section:
    """One section: ``body`` is what stands behind its header of four or eight bytes."""

    kind: int
    whole: View
    body: View


def sections(view: View) -> Iterator[Section]:
    """The sections of a file or of one another. Raises Malformed behind the last that can be read."""
    at = 0
    while at + 4 <= len(view):
        word, head = view.u32(at), 4
        size, kind = word & 0xFFFFFF, word >> 24
        if size == LARGE and at + 8 <= len(view):
            size, head = view.u32(at + 4), 8
        if size < head or at + size > len(view):
            if view.part(at).is_filled_with(*PADDING):
                return
            raise Malformed(f"the section at byte {at} says {size} bytes of {len(view) - at}")
        whole = view.part(at, size)
        yield Section(kind, whole, whole.part(head))
        at += (size + 3) // 4 * 4


class Sections:
    """The leaves below the sections of one file. ``is_volume``: whether a volume begins in these bytes."""

    def __init__(self, budget: Budget, is_volume: IsVolume) -> None:
        self._budget, self._is_volume = budget, is_volume

    def entries(self, view: View, path: str, depth: int = 0) -> Iterator[tuple[Entry, View]]:
        """Every section that holds no further ones, and each that could not be opened, with the reason."""
        if depth > DEEPEST:
            yield entry(path, view, problem=f"more than {DEEPEST} sections inside each other")
            return
        found, end, problem = list[Section](), 0, ""
        try:
            for one in sections(view):
                if len(found) == MOST_SECTIONS:
                    raise Malformed(f"more than {MOST_SECTIONS} sections beside each other")
                found.append(one)
                end += (len(one.whole) + 3) // 4 * 4
        except Malformed as error:
            problem = str(error)
        title, used = _title(found), Counter[str]()
        for one in found:
            if one.kind == NAME and len(one.body) <= LONGEST_NAME:
                continue
            yield from self._one(one, path, _name(one, title, used), depth)
        if problem:
            yield entry(f"{path}/damaged", view.part(end), problem=problem)

    def _one(self, one: Section, path: str, name: str, depth: int) -> Iterator[tuple[Entry, View]]:
        self._budget.check_time()
        here = f"{path}/{name}"
        try:
            if one.kind == GUIDED:
                yield from self._guided(one, here, depth)
            elif one.kind == COMPRESSION:
                yield from self._compressed(one, here, depth)
            elif one.kind == DISPOSABLE:
                yield from self.entries(one.body, here, depth + 1)
            else:
                yield from self._leaf(one, here)
        except Malformed as error:
            yield entry(here, one.body, problem=str(error))

    def _leaf(self, one: Section, path: str) -> Iterator[tuple[Entry, View]]:
        body = one.body
        if one.kind == FREEFORM:
            path, body = f"{path}.{UUID(bytes_le=body.read(0, 16))}", body.part(16)
        if body.is_filled_with(*PADDING):
            return
        if one.kind == VOLUME:
            holds = self._is_volume(body)
            yield entry(
                path,
                body,
                seen=Seen.LAYER if holds else Seen.BOTH,
                problem="" if holds else "it is said to be a volume, and its header is damaged",
            )
        elif one.kind in (PE32, TE) and not _is_program(one.kind, body):
            why = "it is said to be a program, and its header is damaged"
            yield entry(path, body, problem="" if body.starts_with(b"MZ") else why)
        elif one.kind in (PE32, TE):
            yield entry(path, body, seen=Seen.FILE)
        elif one.kind in NAMES:
            yield entry(path, body)
        else:
            yield entry(path, body, problem=f"a section of type {one.kind:#x}, which is not known")

    def _compressed(self, one: Section, path: str, depth: int) -> Iterator[tuple[Entry, View]]:
        how, body = one.body.u8(4), one.body.part(5)
        if how == NOT_COMPRESSED:
            yield from self.entries(body, path, depth + 1)
        elif how == STANDARD:
            stream = uefi_codings.standard(body, self._budget, _are_sections)
            yield from self._stream(stream, body, path, depth)
        elif how == CUSTOM:
            stream = uefi_codings.custom(body, self._budget, _are_sections)
            yield from self._stream(stream, body, path, depth)
        else:
            why = f"compressed by a coding that is not known (type {how})"
            yield entry(path, View(b""), problem=f"{len(body)} bytes {why}")

    def _guided(self, one: Section, path: str, depth: int) -> Iterator[tuple[Entry, View]]:
        kind = UUID(bytes_le=one.body.read(0, 16))
        start, attributes = one.body.unpack("<HH", 16)
        head = len(one.whole) - len(one.body)
        if start < head + 20:
            raise Malformed("its content begins inside its header")
        body = one.whole.part(start)
        stream = uefi_codings.named(kind, body, self._budget, _are_sections)
        if stream is not None:
            yield from self._stream(stream, body, path, depth)
        elif kind in (SIGNED, SIGNED_CERTIFICATE):
            yield entry(path, one.whole, seen=Seen.LAYER)
        elif kind != CRC32 and attributes & PROCESSED:
            yield entry(
                path, body, problem=f"{len(body)} bytes in a coding that is not known, {kind}"
            )
        else:
            if kind == CRC32 and zlib.crc32(body.raw) != one.body.u32(20):
                yield entry(path, View(b""), problem="the CRC-32 of the section does not hold")
            yield from self.entries(body, path, depth + 1)

    def _stream(
        self, stream: Stream, body: View, path: str, depth: int
    ) -> Iterator[tuple[Entry, View]]:
        """What a stream became, what is wrong with it, and what stands behind it."""
        if stream.problem:
            yield entry(path, View(b""), problem=stream.problem)
        yield from self.entries(stream.data, path, depth + 1)
        rest = body.part(min(stream.used, len(body)))
        if len(rest) >= LITTLE and not rest.is_filled_with(*PADDING):
            yield entry(f"{path}/behind", rest, problem="bytes behind the end of the stream")


def entry(
    path: str, view: View, *, problem: str = "", seen: Seen = Seen.BOTH
) -> tuple[Entry, View]:
    """One leaf with its bytes; nothing in a volume has an owner, permissions or a folder."""
    name, size = harmless(path), len(view)
    made = Entry(
        path=name,
        kind=Kind.FILE,
        mode=0,
        uid=0,
        gid=0,
        size=size,
        problem=problem,
        seen=seen,
        is_named=False,
    )
    return made, view


def _are_sections(view: View) -> bool:
    """Whether nothing is wrong with the first sections that stand here."""
    try:
        for number, _ in enumerate(sections(view)):
            if number >= MOST_SECTIONS:
                break
    except Malformed:
        return False
    return True


def _title(found: list[Section]) -> str:
    """The name for people, which stands in a section of its own."""
    for one in found:
        if one.kind == NAME:
            raw = one.body.read(0, min(len(one.body), LONGEST_NAME) // 2 * 2)
            text = raw.decode("utf-16-le", "replace").split("\0", 1)[0]
            return text.replace("/", "_").replace("\\", "_").strip(". ")[:100]
    return ""


def _name(one: Section, title: str, used: Counter[str]) -> str:
    if one.kind in (COMPRESSION, GUIDED, DISPOSABLE):
        name, suffix = {COMPRESSION: "compressed", DISPOSABLE: "disposable"}.get(one.kind, ""), ""
        if one.kind == GUIDED:
            kind = UUID(bytes_le=one.body.read(0, 16)) if len(one.body) >= 16 else None
            name = (CODINGS.get(kind) or str(kind)) if kind else "coded"
    else:
        plain, suffix = NAMES.get(one.kind, ("section", f"{one.kind:02x}"))
        name, suffix = title or plain, f".{suffix}"
    used[name + suffix] += 1
    number = used[name + suffix]
    return f"{name}-{number}{suffix}" if number > 1 else f"{name}{suffix}"


def _is_program(kind: int, view: View) -> bool:
    """A program that needs no verdict of its own: whoever starts a volume starts what is in it, and a signature
    over the volume is over the program. One that has a signature of its own is read as a layer."""
    if kind == TE:
        if not view.starts_with(VZ) or len(view) < 40:
            return False
        return len(view) >= 40 + 40 * view.u8(4)
    try:
        one = pe.parsed(view)
    except Malformed:
        return False
    return one.end <= len(view) and not one.table_size
