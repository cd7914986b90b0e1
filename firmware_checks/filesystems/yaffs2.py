"""YAFFS2 with its tags in the spare bytes behind each page, as images for flashing and dumps have it.

Source: the structures in the project's ``yaffs_guts.h`` and ``yaffs_packedtags2.h``. Nothing says how large page
and spare are: the first sizes with which tags and headers fit each other are taken. Of two pages for one
place the one with the higher sequence number counts, else the later one.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_checks.budget import Budget
from firmware_checks.filesystems.descent import target
from firmware_checks.filesystems.inodes import Inode, NumberedTree
from firmware_checks.reading import Context, Format, Kind, Passage, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

FILE, LINK, FOLDER, HARD_LINK, SPECIAL = range(1, 6)
ROOT, UNLINKED, DELETED = 1, 3, 4
NAMED = b"\xff\xff"
"""The sum of the name, which is no longer used, stands before the name."""
PAGES = (2048, 4096, 8192, 16384, 1024, 512)
SPARES = (64, 128, 32, 16, 224, 218, 256, 448, 512, 436, 640, 744, 1024, 1280)
TAGS_AT = (0, 2, 1, 4, 40)
"""Where in the spare the tags begin; the markers of bad blocks are before them."""
FIRST_SEQUENCE, LAST_SEQUENCE = 0x1000, 0xEFFFFF00
EXTRA = 0x80000000
NUMBER = 0x0FFFFFFF
HEADER = 512
MODE, SHOWN = 268, 32
"""Where in the header of an object its mode stands, and how much from there on says whose it is and since when."""
CONTROL = [bytes([value]) for value in range(1, 32)]
LARGEST_NUMBER = 1 << 18
"""Of an object."""
ENOUGH = 4
"""Pages that have to fit before sizes are believed."""
KINDS = {FILE: Kind.FILE, LINK: Kind.LINK, FOLDER: Kind.DIRECTORY}


def _anchors() -> Iterator[tuple[bytes, int]]:
    for kind in range(FILE, SPECIAL + 1):
        for order in "<>":
            yield struct.pack(order + "II", kind, ROOT) + NAMED, 0


class Yaffs2(Format):
    """The format."""

    name = "YAFFS2"
    anchors = tuple(_anchors())
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        shape = fitting(view)
        if shape is None:
            return None
        objects = Objects(view, shape)
        size = objects.scan(context.budget)
        unread = f"{objects.damaged} pages are damaged" if objects.damaged else ""
        return Reading(
            format=self.name,
            kind=LayerKind.FILE_SYSTEM,
            size=size,
            details=(
                ("page", str(shape.page)),
                ("spare", str(shape.spare)),
                ("byte order", "big endian" if shape.order == ">" else "little endian"),
                ("objects", str(len(objects.headers))),
            ),
            tree=NumberedTree(objects, ROOT, unread),
        )


FORMAT = Yaffs2()


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of page and spare, and where in the spare the tags begin."""

    page: int
    spare: int
    tags: int
    order: str


@dataclass(frozen=True, slots=True)
class Tags:
    """What the spare says of its page. ``chunk`` 0: the header of ``number``."""

    sequence: int
    number: int
    chunk: int
    size: int


def fitting(view: View) -> Shape | None:
    """The first sizes with which the first pages fit."""
    order = "<" if view.u8(0) else ">"
    for page in PAGES:
        for spare in SPARES:
            if not page // 64 <= spare <= page // 4:
                continue
            for tags in TAGS_AT:
                shape = Shape(page, spare, tags, order)
                if tags + 16 <= spare and _fits(view, shape):
                    return shape
    return None


def _fits(view: View, shape: Shape) -> bool:
    """The first pages are headers and data of objects that were named before; an image may be shorter."""
    known, step = {ROOT}, shape.page + shape.spare
    number = min(ENOUGH, len(view) // step)
    if not number:
        return False
    for place in range(number):
        at = place * step
        tags = tagged(view, at, shape)
        if tags is None:
            # Blank from here on: the objects before it are all there is.
            return place > 1 and view.part(at, step).is_filled_with(0xFF)
        if tags.chunk == 0:
            if not plausible(view, at, shape.order) or not _named(view, at, tags.number):
                return False
            known.add(tags.number)
        elif tags.number not in known or tags.size > shape.page:
            return False
    return True


def tagged(view: View, at: int, shape: Shape) -> Tags | None:
    """The tags of the page at ``at``, None when they are none."""
    sequence, number, chunk, size = view.unpack(shape.order + "4I", at + shape.page + shape.tags)
    if not FIRST_SEQUENCE <= sequence <= LAST_SEQUENCE:
        return None
    if chunk & EXTRA:
        number, chunk = number & NUMBER, 0
    if not 0 < number <= LARGEST_NUMBER or chunk > 1 << 24:
        return None
    return Tags(sequence, number, chunk, size)


def plausible(view: View, at: int, order: str) -> bool:
    """Whether the header of an object stands at ``at``."""
    kind, parent = view.unpack(order + "II", at)
    return kind in range(FILE, SPECIAL + 1) and parent in range(1, LARGEST_NUMBER + 1)


def _named(view: View, at: int, number: int) -> bool:
    """Whether a name can stand in the header, as UTF-8 or another encoding of ASCII's kind."""
    name = view.read(at + 10, 255).split(b"\0", 1)[0]
    return (number == ROOT or bool(name)) and b"\xff" not in name and name[:1] not in CONTROL


@dataclass(slots=True)
class Objects:
    """The newest header of each object and the newest page of each place in a file."""

    view: View
    shape: Shape
    damaged: int = 0
    headers: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Object to sequence number and offset."""
    pages: dict[int, dict[int, tuple[int, int, int]]] = field(default_factory=dict)
    """Object to place to sequence number, offset and bytes."""
    children: dict[int, list[int]] = field(default_factory=dict)

    def scan(self, budget: Budget) -> int:
        """Read the tags of every page; returns where the last one ends. Raises OutOfBudget."""
        step, missed, end = self.shape.page + self.shape.spare, 0, 0
        for at in range(0, len(self.view) - step + 1, step):
            if at // step % 1024 == 0:
                budget.check_time()
            tags = tagged(self.view, at, self.shape)
            if tags is None:
                if not self.view.part(at, step).is_filled_with(0xFF, 0x00):
                    missed += 1
                if missed > 64:
                    break
                continue
            self.damaged, missed, end = self.damaged + missed, 0, at + step
            self._take(tags, at)
            if len(self.headers) > budget.limits.files:
                break
        for number, (_, at) in self.headers.items():
            parent = self.view.u32(at + 4, self.shape.order)
            if number != ROOT and parent not in (UNLINKED, DELETED):
                self.children.setdefault(parent, []).append(number)
        return end

    def _take(self, tags: Tags, at: int) -> None:
        if tags.chunk:
            pages = self.pages.setdefault(tags.number, {})
            if tags.chunk not in pages or pages[tags.chunk][0] <= tags.sequence:
                pages[tags.chunk] = (tags.sequence, at, min(tags.size, self.shape.page))
        elif not plausible(self.view, at, self.shape.order):
            self.damaged += 1
        elif tags.number not in self.headers or self.headers[tags.number][0] <= tags.sequence:
            self.headers[tags.number] = (tags.sequence, at)

    # --- as a tree -------------------------------------------------------------------------------

    def _same(self, number: int) -> int:
        """The object that a hard link is another name of."""
        if number in self.headers:
            at = self.headers[number][1]
            if self.view.u32(at, self.shape.order) == HARD_LINK:
                return self.view.u32(at + 296, self.shape.order)
        return number

    def is_folder(self, number: int) -> bool:
        if number not in self.headers:
            return number == ROOT
        return self.view.u32(self.headers[number][1], self.shape.order) == FOLDER

    def names(self, folder: int) -> Iterator[tuple[bytes, int]]:
        for number in self.children.get(folder, ()):
            name = self.view.read(self.headers[number][1] + 10, 255).split(b"\0", 1)[0]
            yield name, self._same(number)

    def inode(self, number: int) -> Inode:
        if number not in self.headers:
            raise Malformed("there is no header of it")
        at, order = self.headers[number][1], self.shape.order
        mode, uid, gid, _, modified, _, size = self.view.unpack(order + "7I", at + MODE)
        kind = KINDS.get(self.view.u32(at, order), Kind.OTHER)
        (high,) = self.view.unpack(order + "I", at + 496)
        return Inode(
            kind=kind,
            mode=mode,
            uid=uid,
            gid=gid,
            size=size if high in (0, 0xFFFFFFFF) else size | high << 32,
            modified=float(modified),
            target=target(self.view.read(at + 300, 160)) if kind is Kind.LINK else "",
        )

    def passage(self, number: int) -> Passage:
        """What follows the name in the newest header: mode, owner, group, times, size."""
        if number not in self.headers:
            raise Malformed("there is no header of it")
        at = self.headers[number][1]
        what = f"header of object {number}, from byte {MODE} on, at {at + MODE:#x}"
        return Passage(self.view.read(at + MODE, SHOWN), what, (0, 3))

    def contents(self, number: int, budget: Budget) -> tuple[View, str]:
        """Page by page; a page that is not there is a hole."""
        size, pages = self.inode(number).size, self.pages.get(number, {})
        if size > budget.room(len(pages) * self.shape.page):
            raise Malformed(
                f"a file of {size} bytes in {len(pages)} pages: more than is read of one"
            )
        budget.take(size)
        out = bytearray(size)
        for chunk, (_, at, length) in pages.items():
            begin = (chunk - 1) * self.shape.page
            if begin < size:
                data = self.view.part(at, min(length, size - begin)).raw
                out[begin : begin + len(data)] = data
        return View(out), ""
