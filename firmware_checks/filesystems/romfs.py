"""romfs. Source: Linux, ``Documentation/filesystems/romfs.rst``. It has no owners and no modes but "executable"."""

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.budget import Budget
from firmware_checks.filesystems.descent import Item, checked_size, descend, in_disk_order, target
from firmware_checks.reading import Context, Entry, Format, Kind, Passage, Reading, Spot
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

MAGIC = b"-rom1fs-"
HARD_LINK, FOLDER, FILE, LINK = 0, 1, 2, 3
EXECUTABLE = 8
SUMMED = 512
LONGEST_NAME = 1024
LAST = 0
MOST_SHOWN = 64


@dataclass(frozen=True, slots=True)
class Header:
    """A file header: ``at`` tells it from all others."""

    at: int
    name: bytes
    kind: int
    executable: bool
    special: int
    size: int
    body: int
    following: int


class Romfs(Format):
    """The format."""

    name = "romfs"
    anchors = ((MAGIC, 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        size = view.u32(8, ">")
        if size < 32 or size > len(view) * 64:
            return None
        name = _name(view, 16)
        problem, holds = "", sum_holds(view, min(size, SUMMED, len(view)))
        if size > len(view):
            problem = f"the file system is cut short: {len(view)} of {size} bytes are there"
        elif not holds:
            problem = "the checksum of the file system does not hold"
        return Reading(
            format=self.name,
            kind=LayerKind.FILE_SYSTEM,
            size=min(size, len(view)),
            title=name.decode("utf-8", "replace"),
            problem=problem,
            doubtful=not holds and not _begins(view, name),
            tree=RomTree(view.part(0, min(size, len(view)))),
        )


FORMAT = Romfs()


def _begins(view: View, name: bytes) -> bool:
    """Whether the first file's header stands where it should, with a checksum that holds."""
    at = 16 + (len(name) // 16 + 1) * 16
    try:
        return sum_holds(view.part(at), header(view, at).body - at)
    except Malformed:
        return False


def sum_holds(view: View, size: int) -> bool:
    """The 32-bit words of the first ``size`` bytes add up to nothing."""
    words = view.unpack(f">{size // 4}I", 0)
    return not sum(words) & 0xFFFFFFFF


def _name(view: View, at: int) -> bytes:
    """A name, padded to 16 bytes. Raises Malformed when it does not end."""
    raw = view.read(at, min(LONGEST_NAME, len(view) - at))
    name, end, _ = raw.partition(b"\0")
    if not end:
        raise Malformed(f"the name at {at} does not end")
    return name


def header(view: View, at: int) -> Header:
    """The file header at ``at``. Raises Malformed."""
    following, special, size, _ = view.unpack(">IIII", at)
    name = _name(view, at + 16)
    body = at + 16 + (len(name) // 16 + 1) * 16
    return Header(
        at=at,
        name=name,
        kind=following & 7,
        executable=bool(following & EXECUTABLE),
        special=special,
        size=size,
        body=body,
        following=following & ~0xF,
    )


@dataclass(frozen=True, slots=True)
class RomTree:
    """Its files as they stand."""

    view: View

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        first = 16 + (len(_name(self.view, 16)) // 16 + 1) * 16
        root = Header(0, b"", FOLDER, False, first, 0, 0, 0)
        found = descend(root, _folder, self._children, budget)
        yield from in_disk_order(self._item(f.path, f.node, f.problem, budget) for f in found)

    def passage(self, at: int) -> Passage:
        """The file header: of its first four bytes the lowest bits say kind and "executable"."""
        size = min(header(self.view, at).body - at, MOST_SHOWN)
        return Passage(self.view.read(at, size), f"file header at {at:#x}", (0, 3))

    def _children(self, folder: Header) -> Iterator[tuple[bytes, Header]]:
        at, seen = folder.special & ~0xF, set[int]()
        while at != LAST:
            if at in seen:
                raise Malformed("its list of names goes round")
            seen.add(at)
            one = header(self.view, at)
            if one.name not in (b".", b".."):
                yield one.name, one
            at = one.following

    def _item(self, path: str, one: Header, problem: str, budget: Budget) -> Item:
        kind = {FOLDER: Kind.DIRECTORY, FILE: Kind.FILE}.get(one.kind, Kind.OTHER)
        points_to = ""
        try:
            if one.kind == LINK:
                kind = Kind.LINK
                points_to = target(self.view.read(one.body, min(one.size, 4096)))
            elif one.kind == HARD_LINK:
                kind = Kind.LINK
                points_to = target(header(self.view, one.special & ~0xF).name)
        except Malformed as error:
            problem = problem or str(error)
        entry = Entry(
            path=path,
            kind=kind,
            mode=0o555 if one.executable or kind is Kind.DIRECTORY else 0o444,
            uid=0,
            gid=0,
            size=one.size if kind is Kind.FILE else 0,
            target=points_to,
            problem=problem,
            spot=Spot(self, one.at),
        )
        if kind is not Kind.FILE:
            return Item(entry)

        def read() -> View:
            body = self.view.part(one.body, one.size)
            checked_size(one.size, one.size, budget)
            return body

        return Item(entry, one.body, read)


def _folder(one: Header) -> int | None:
    return one.special & ~0xF if one.kind == FOLDER else None
