"""File systems whose inodes have numbers: every name once, a file with several names read once.

For those that raw flash holds as a log of nodes (JFFS2, UBIFS, YAFFS2), and for EROFS.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from firmware_checks.budget import Budget
from firmware_checks.filesystems.descent import descend
from firmware_checks.reading import Entry, Kind, Passage, Spot
from firmware_checks.view import Buffer, Malformed, View

NOTHING = View(b"")
FORMATS = {0o04: Kind.DIRECTORY, 0o10: Kind.FILE, 0o12: Kind.LINK}
"""Kinds by the upper bits of a POSIX mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inode:
    """What an inode says of itself."""

    kind: Kind
    mode: int
    uid: int
    gid: int
    size: int
    modified: float | None = None
    target: str = ""
    problem: str = ""


class Inodes(Protocol):
    """One file system. All raise Malformed; ``names`` and ``contents`` raise OutOfBudget too."""

    def is_folder(self, number: int) -> bool: ...
    def names(self, folder: int) -> Iterator[tuple[bytes, int]]: ...
    def inode(self, number: int) -> Inode: ...
    def contents(self, number: int, budget: Budget) -> tuple[View, str]:
        """The bytes of a file, and why they are not all there."""
        ...

    def passage(self, number: int) -> Passage:
        """The record that holds the inode."""
        ...


@dataclass(frozen=True, slots=True)
class NumberedTree:
    """The files below ``root``. ``unread``: what is told at the end as not read."""

    inodes: Inodes
    root: int
    unread: str = ""

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        """Every name. Raises Malformed at the end when not all of the file system could be read."""
        first: dict[int, str] = {}
        for found in descend(self.root, self._folder, self.inodes.names, budget):
            yield self._entry(found.path, found.node, found.problem, first, budget)
        if self.unread:
            raise Malformed(self.unread)

    def _folder(self, number: int) -> int | None:
        return number if self.inodes.is_folder(number) else None

    def _entry(
        self, path: str, number: int, problem: str, first: dict[int, str], budget: Budget
    ) -> tuple[Entry, View]:
        try:
            one = self.inodes.inode(number)
        except Malformed as error:
            text = problem or f"its inode cannot be read: {error}"
            blank = Entry(path=path, kind=Kind.OTHER, mode=0, uid=0, gid=0, size=0, problem=text)
            return blank, NOTHING
        kind, size, points_to, view = one.kind, one.size, one.target, NOTHING
        problem = problem or one.problem
        if kind is Kind.FILE and first.setdefault(number, path) != path:
            kind, size, points_to = Kind.LINK, 0, first[number]
        elif kind is Kind.FILE and not problem:
            try:
                view, problem = self.inodes.contents(number, budget)
            except Malformed as error:
                problem = str(error)
        entry = Entry(
            path=path,
            kind=kind,
            mode=one.mode & 0o7777,
            uid=one.uid,
            gid=one.gid,
            size=size if kind is Kind.FILE else 0,
            target=points_to,
            modified=one.modified,
            problem=problem,
            spot=Spot(self.inodes, number),
        )
        return entry, view


def kind_of(mode: int) -> Kind:
    """By the upper bits of a POSIX mode."""
    return FORMATS.get(mode >> 12, Kind.OTHER)


def crc_from_zero(data: Buffer) -> int:
    """CRC-32 as Linux counts it from 0, without inverting at the end (JFFS2)."""
    return zlib.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF


def crc_not_inverted(data: Buffer) -> int:
    """CRC-32 from all ones, without inverting at the end (UBI, UBIFS)."""
    return zlib.crc32(data) ^ 0xFFFFFFFF
