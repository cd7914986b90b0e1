"""zip archives, by the standard library over the window, each member within the budget."""

import io
import lzma
import struct
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_checks.budget import MIB, Budget
from firmware_checks.filesystems.descent import harmless, target
from firmware_checks.filesystems.modes import kind_of
from firmware_checks.reading import Context, Entry, Format, Kind, Passage, Reading, Spot
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

RANK = 60
FIRST, DIRECTORY, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
ZIP64_END, ZIP64_SIZE = b"PK\x06\x06", 76
ROW = 46
"""Smallest entry of the directory."""
MOST_SHOWN = 160
MOST_ENDS = 10_000
"""Records that look like the end and are not: those of archives inside this one, stored as they are."""
UNIX = 3
ENCRYPTED, UTF8 = 0x1, 0x800
NOTHING = View(b"")
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    IndexError,
    struct.error,
)


class Window(io.RawIOBase):
    """A view as a file: what ``zipfile`` reads from."""

    def __init__(self, view: View) -> None:
        self._view, self._at = view, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._view)}[whence]
        if base + offset < 0:
            raise OSError("before the beginning")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._view.raw[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


class Zip(Format):
    """The format."""

    name = "zip archive"
    anchors = ((FIRST, 0), (END, 0))
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        if view.starts_with(END):
            return None  # an empty archive is nothing to look into
        if not _begins(view):
            return None
        try:
            size, directory = end(view)
        except Malformed as error:
            return self._cut(view, str(error))
        if directory > context.budget.limits.files * ROW:
            return self._cut(view, f"its directory has {directory} bytes, more than is read of one")
        try:
            whole = view.part(0, size)
            archive = zipfile.ZipFile(Window(whole))
        except DAMAGE as error:
            return self._cut(view, f"its directory is damaged: {error}")
        return Reading(
            format=self.name,
            kind=LayerKind.ARCHIVE,
            size=size,
            title=archive.comment[:200].decode("utf-8", "replace"),
            tree=ZipTree(archive, whole),
        )

    def _cut(self, view: View, why: str) -> Reading:
        return Reading(format=self.name, kind=LayerKind.ARCHIVE, size=len(view), problem=why)


FORMAT = Zip()


def _begins(view: View) -> bool:
    """A first member that is none means that these four bytes stand there by chance."""
    needs, _, method = view.unpack("<HHH", 4)
    (length,) = view.unpack("<H", 26)
    return bool(needs & 0xFF <= 100 and method <= 99 and 0 < length <= 4096)


def end(view: View) -> tuple[int, int]:
    """Where the archive ends, and the size of its directory: the first end record whose directory stands right before it."""
    at, tried = view.find(END), 0
    while at >= 0 and tried < MOST_ENDS:
        tried += 1
        try:
            rows, size, offset, comment = view.unpack("<HIIH", at + 10)
        except Malformed:
            break
        wide = at >= ZIP64_SIZE and view.starts_with(ZIP64_END, at - ZIP64_SIZE)
        if wide:
            rows, size, offset = view.unpack("<QQQ", at - ZIP64_SIZE + 32)
        if offset + size == at - (ZIP64_SIZE if wide else 0) and rows * ROW <= size:
            view.part(at, 22 + comment)
            return at + 22 + int(comment), int(size)
        at = view.find(END, at + 1)
    raise Malformed(
        "the archive is cut short: its directory, which stands at the end, is not there"
    )


@dataclass(frozen=True, slots=True)
class ZipTree:
    """Its members, in the order of their bytes."""

    archive: zipfile.ZipFile
    view: View
    rows: "array[int]" = field(default_factory=lambda: array("Q"))
    """Where the rows of the directory stand, once somebody asked: the library does not keep it."""

    def passage(self, number: int) -> Passage:
        """A row of the directory up to its name; the upper half of the external attributes is the mode."""
        if not self.rows:
            at = self.archive.start_dir
            while self.view.starts_with(DIRECTORY, at):
                self.rows.append(at)
                at += ROW + sum(self.view.unpack("<HHH", at + 28))
        if number >= len(self.rows):
            raise Malformed(f"row {number} of a directory of {len(self.rows)}")
        at = self.rows[number]
        size = min(ROW + self.view.u16(at + 28), MOST_SHOWN)
        return Passage(self.view.read(at, size), f"row of the directory at {at:#x}", (40, 41))

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        rows = enumerate(self.archive.filelist)
        for number, one in sorted(rows, key=lambda row: row[1].header_offset):
            mode = one.external_attr >> 16 if one.create_system == UNIX else 0
            kind = kind_of(mode) if mode & 0o170000 else Kind.FILE
            kind = Kind.DIRECTORY if one.filename.endswith("/") else kind
            path = harmless(_name(one).replace("\\", "/"))
            if not path:
                continue
            data, problem = b"", ""
            if kind in (Kind.FILE, Kind.LINK):
                data, problem = self._data(one, budget)
            entry = Entry(
                path=path,
                kind=kind,
                mode=mode & 0o7777,
                uid=0,
                gid=0,
                size=one.file_size if kind is Kind.FILE else 0,
                target=target(data) if kind is Kind.LINK else "",
                problem=problem,
                spot=Spot(self, number) if one.create_system == UNIX else None,
            )
            yield entry, View(data) if kind is Kind.FILE else NOTHING

    def _data(self, one: zipfile.ZipInfo, budget: Budget) -> tuple[bytes, str]:
        """A member's bytes, or why not. A member that becomes more than it says is damaged."""
        if one.flag_bits & ENCRYPTED:
            return b"", "it is encrypted with a password"
        if one.file_size > budget.room(one.compress_size):
            return b"", f"it grows to {one.file_size // MIB} MiB, more than is read of one"
        budget.take(one.file_size)
        try:
            with self.archive.open(one) as member:
                data = member.read(one.file_size + 1)
        except DAMAGE as error:
            return b"", f"it is damaged: {error}"
        if len(data) != one.file_size:
            return data, "it is not as long as the archive says"
        return data, ""


def _name(one: zipfile.ZipInfo) -> str:
    """Unix tools write UTF-8 and do not say so; the library takes what is not said for code page 437."""
    if one.flag_bits & UTF8:
        return one.filename
    try:
        return one.filename.encode("cp437").decode()
    except UnicodeError:
        return one.filename
