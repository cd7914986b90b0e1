"""The files of a squashfs: every name first, then the bytes, block by block as they stand in the image."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from firmware_checks.budget import MIB, Budget, OutOfBudget
from firmware_checks.filesystems.descent import descend, target
from firmware_checks.filesystems.parallel import in_order
from firmware_checks.filesystems.squashfs_inodes import (
    FILE,
    FOLDER,
    LINK,
    NONE,
    Cursor,
    Inode,
    Metadata,
    Table,
    inode,
    names,
)
from firmware_checks.reading import Entry, Kind, Spot
from firmware_checks.view import Malformed, View

STORED = 1 << 24
FRAGMENTS_KEPT = 8
READ_AGAIN = 256 * MIB
"""Blocks that many files share are decompressed again for each; more than this of it is no real image."""
NOTHING = View(b"")
V = TypeVar("V")
KINDS = {FOLDER: Kind.DIRECTORY, FILE: Kind.FILE, LINK: Kind.LINK}


@dataclass(frozen=True, slots=True)
class Node:
    """What a name in a folder says: where the inode is and of what kind."""

    reference: int
    kind: int


@dataclass(slots=True)
class File:
    """A file whose bytes are still to be read: ``blocks`` as (start, bytes there, bytes it becomes)."""

    entry: Entry
    blocks: list[tuple[int, int, int]]
    fragment: int
    offset: int
    tail: int
    position: int


@dataclass(frozen=True, slots=True)
class Step:
    """A block to decompress (``packed`` not None), or the end of ``file``."""

    start: int = 0
    packed: int | None = None
    size: int = 0
    fragment: int | None = None
    file: File | None = None


class Files:
    """One pass over one file system."""

    def __init__(self, metadata: Metadata, budget: Budget) -> None:
        self.metadata, self.budget, self.top = metadata, budget, metadata.superblock
        self._row, size = ("QII", 16) if self.top.version > 2 else ("II", 8)
        self._table = Table(metadata, self.top.fragment_table, self.top.fragments, size)
        self._first: dict[int, str] = {}
        self._fragments: dict[int, tuple[int, int]] = {}
        self._started: set[int] = set()
        self._again = 0

    def entries(self) -> Iterator[tuple[Entry, View]]:
        """Folders, links and the like; then the files in the order of their first block."""
        waiting: list[File] = []
        root = Node(self.top.root, FOLDER)
        for found in descend(root, _folder, self._children, self.budget):
            file = self._named(found.path, found.node, found.problem)
            if isinstance(file, File):
                waiting.append(file)
            else:
                yield file, NOTHING
        waiting.sort(key=lambda f: (f.position, f.offset))
        yield from self._contents(waiting)

    def in_root(self, wanted: bytes) -> View | None:
        """The file of the root folder with this name, without a look at any other; None without one."""
        for name, node in self._children(Node(self.top.root, FOLDER)):
            if name == wanted:
                file = self._named(name.decode("utf-8", "replace"), node, "")
                if isinstance(file, File):
                    return next(view for _, view in self._contents([file]))
        return None

    # --- names -----------------------------------------------------------------------------------

    def _children(self, node: Node) -> Iterator[tuple[bytes, Node]]:
        folder = inode(self.metadata, node.reference)
        if folder.kind != FOLDER:
            raise Malformed("it is no folder")
        for name, reference, kind in names(self.metadata, folder):
            yield name, Node(reference, FOLDER if kind in (1, 8) else kind)

    def _named(self, path: str, node: Node, problem: str) -> "Entry | File":
        try:
            one = inode(self.metadata, node.reference)
        except Malformed as error:
            kind = KINDS.get(node.kind, Kind.OTHER)
            text = problem or f"the inode cannot be read: {error}"
            return Entry(path=path, kind=kind, mode=0, uid=0, gid=0, size=0, problem=text)
        first = self._first.setdefault(node.reference, path)
        if one.kind == FILE and first != path:
            return _entry(path, one, Kind.LINK, first, "")
        spot = Spot(self.metadata, node.reference)
        kind = KINDS.get(one.kind, Kind.OTHER)
        entry = _entry(path, one, kind, target(one.target), problem, spot)
        if one.kind != FILE or not one.size:
            return entry
        try:
            return self._file(entry, one)
        except Malformed as error:
            return _entry(path, one, Kind.FILE, "", str(error), spot)

    def _file(self, entry: Entry, one: Inode) -> File:
        """Where the bytes are. Raises Malformed when that cannot be, or is too much."""
        if one.size > self.budget.limits.one_layer:
            raise Malformed(f"a file of {one.size} bytes is more than is read of one")
        whole, tail = divmod(one.size, self.top.block_size)
        in_fragment = one.fragment != NONE and tail > 0
        number = whole + (1 if tail and not in_fragment else 0)
        assert one.blocks is not None
        at = one.blocks.copy()
        blocks, start, stored = [], one.start, 0
        for position in range(number):
            word = self._word(at)
            packed = word & (STORED - 1)
            size = self.top.block_size if position < whole else tail
            if word >> 25 or packed > self.top.block_size * 2:
                raise Malformed("a block larger than blocks may be")
            blocks.append((start, word, size))
            start, stored = start + packed, stored + packed
        if one.size > self.budget.room(stored):
            raise Malformed(f"a file of {one.size} bytes out of {stored}: more than is read of one")
        position = one.start if blocks else 0
        if in_fragment:
            position = position or self._fragment(one.fragment)[0]
        return File(
            entry=entry,
            blocks=blocks,
            fragment=one.fragment if in_fragment else NONE,
            offset=one.offset,
            tail=tail if in_fragment else 0,
            position=position,
        )

    def _word(self, at: Cursor) -> int:
        """Bytes that a block takes, and whether they are as they were; version 1 says it in 16 bits."""
        if self.top.version > 1:
            return at.unpack("I")[0]
        (word,) = at.unpack("H")
        return (word & 0x7FFF or 0x8000) | (STORED if word & 0x8000 else 0)

    def _fragment(self, number: int) -> tuple[int, int]:
        if number not in self._fragments:
            start, word, *_ = self._table.row(number).unpack(self._row)
            if word >> 25 or word & (STORED - 1) > self.top.block_size * 2:
                raise Malformed("a fragment larger than fragments may be")
            self._fragments[number] = (start, word)
        return self._fragments[number]

    # --- bytes -----------------------------------------------------------------------------------

    def _contents(self, files: list[File]) -> Iterator[tuple[Entry, View]]:
        pieces: list[bytes | Malformed] = []
        kept: OrderedDict[int, bytes | Malformed] = OrderedDict()
        last: tuple[File, str, View] | None = None
        for step, made in in_order(self._steps(files), self._made, lambda s: s.packed is not None):
            if step.file is not None:
                if last is None or not _same_bytes(step.file, last[0]):
                    last = (step.file, *self._whole(step.file, pieces, kept))
                    pieces = []
                entry = step.file.entry
                yield (replace(entry, problem=last[1]) if last[1] else entry), last[2]
            elif step.fragment is not None:
                assert made is not None
                _keep(kept, step.fragment, made)
            else:
                assert made is not None
                pieces.append(made)

    def _steps(self, files: list[File]) -> Iterator[Step]:
        """What has to be decompressed, in order. Keeps the same fragments in mind as who takes the steps."""
        kept: OrderedDict[int, bool] = OrderedDict()
        last: File | None = None
        for file in files:
            if last is not None and _same_bytes(file, last):
                yield Step(file=file)
                continue
            last = file
            for start, word, size in file.blocks:
                self._pay(start, size)
                yield Step(start, word, size)
            if file.fragment != NONE and file.fragment not in kept:
                start, word = self._fragment_or_nothing(file.fragment)
                self._pay(start, self.top.block_size)
                _keep(kept, file.fragment, True)
                yield Step(start, word, self.top.block_size, fragment=file.fragment)
            yield Step(file=file)

    def _fragment_or_nothing(self, number: int) -> tuple[int, int]:
        try:
            return self._fragment(number)
        except Malformed:
            return len(self.metadata.view), 1

    def _pay(self, start: int, size: int) -> None:
        self.budget.take(size)
        if start in self._started:
            self._again += size
            if self._again > READ_AGAIN:
                raise OutOfBudget("the same blocks are given to very many files")
        self._started.add(start)

    def _made(self, step: Step) -> bytes | Malformed:
        """In a thread: one block. A sparse one is no bytes in the image."""
        assert step.packed is not None
        size = step.packed & (STORED - 1)
        if size == 0:
            return bytes(step.size)
        try:
            packed = self.metadata.view.part(step.start, size).raw
            if step.packed & STORED:
                return bytes(packed[: step.size])
            return self.metadata.codec(packed, step.size)
        except Malformed as error:
            return error

    def _whole(
        self, file: File, pieces: list[bytes | Malformed], kept: OrderedDict[int, bytes | Malformed]
    ) -> tuple[str, View]:
        """Why it is not whole, and its bytes; blocks that cannot be read are zeros."""
        parts: list[bytes] = []
        problem = ""
        for piece, (_, _, size) in zip(pieces, file.blocks, strict=True):
            if isinstance(piece, Malformed) or len(piece) != size:
                problem = f"a block cannot be read: {piece if isinstance(piece, Malformed) else 'it is too short'}"
                parts.append(bytes(size))
            else:
                parts.append(piece)
        view = View(parts[0] if len(parts) == 1 else b"".join(parts))
        if file.tail:
            fragment = kept[file.fragment]
            if isinstance(fragment, Malformed) or len(fragment) < file.offset + file.tail:
                problem = f"its fragment cannot be read: {fragment if isinstance(fragment, Malformed) else 'too short'}"
            elif parts:
                parts.append(fragment[file.offset : file.offset + file.tail])
                view = View(b"".join(parts))
            else:
                view = View(fragment).part(file.offset, file.tail)
        return problem, view


def _same_bytes(one: File, other: File) -> bool:
    """Two files that the image holds once: they stand beside each other in the order of reading."""
    return (one.blocks, one.fragment, one.offset, one.tail) == (
        other.blocks,
        other.fragment,
        other.offset,
        other.tail,
    )


def _keep(kept: "OrderedDict[int, V]", number: int, value: V) -> None:
    kept[number] = value
    if len(kept) > FRAGMENTS_KEPT:
        kept.popitem(last=False)


def _folder(node: Node) -> int | None:
    return node.reference if node.kind == FOLDER else None


def _entry(
    path: str, one: Inode, kind: Kind, points_to: str, problem: str, spot: Spot | None = None
) -> Entry:
    return Entry(
        path=path,
        kind=kind,
        mode=one.mode,
        uid=one.uid,
        gid=one.gid,
        size=one.size if kind is Kind.FILE else 0,
        target=points_to,
        modified=float(one.modified),
        problem=problem,
        spot=spot,
    )
