"""cpio archives of the new ASCII kinds (070701, 070702): initial RAM disks.

Source: Linux, ``Documentation/driver-api/early-userspace/buffer-format.rst``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.budget import Budget, OutOfBudget
from firmware_checks.filesystems.descent import harmless, target
from firmware_checks.filesystems.modes import kind_of
from firmware_checks.reading import Context, Entry, Format, Kind, Passage, Reading, Spot
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

RANK = 60
MAGICS = (b"070701", b"070702")
HEADER = 110
LAST = b"TRAILER!!!"
LONGEST_NAME = 4096
MOST_SHOWN = 160
NOTHING = View(b"")


@dataclass(frozen=True, slots=True)
class Member:
    """One header, with the place of its bytes."""

    name: bytes
    inode: tuple[int, int, int]
    mode: int
    uid: int
    gid: int
    links: int
    modified: int
    at: int
    size: int
    checksum: int
    head: int
    """Where the header stands."""


class Cpio(Format):
    """The format."""

    name = "cpio archive"
    anchors = tuple((magic, 0) for magic in MAGICS)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        end, problem = HEADER, ""
        next(members(view))
        try:
            for number, member in enumerate(members(view)):
                end = member.at + member.size + -(member.at + member.size) % 4
                if number > context.budget.limits.files:
                    problem = f"more than {context.budget.limits.files} members"
                    break
        except Malformed as error:
            end, problem = len(view), f"the archive is cut short or damaged: {error}"
        size = min(end, len(view))
        return Reading(
            format=self.name,
            kind=LayerKind.ARCHIVE,
            size=size,
            problem=problem,
            tree=CpioTree(view.part(0, size)),
        )


FORMAT = Cpio()


def members(view: View) -> Iterator[Member]:
    """Every member, the trailer the last. Raises Malformed where there is none."""
    at = 0
    while True:
        head = view.read(at, HEADER)
        if head[:6] not in MAGICS:
            raise Malformed(f"no member begins at {at}")
        try:
            fields = [int(head[6 + 8 * n : 14 + 8 * n], 16) for n in range(13)]
        except ValueError:
            raise Malformed(f"the header at {at} holds no numbers") from None
        inode, mode, uid, gid, links, modified, size, major, minor, _, _, length, check = fields
        if not 0 < length <= LONGEST_NAME:
            raise Malformed(f"the name at {at} is too long")
        name = view.read(at + HEADER, length).split(b"\0", 1)[0]
        body = at + HEADER + length
        body += -body % 4
        if name == LAST:
            yield Member(name, (0, 0, 0), 0, 0, 0, 0, 0, min(body, len(view)), 0, 0, at)
            return
        view.part(body, size)
        which = (major, minor, inode)
        yield Member(name, which, mode, uid, gid, links, modified, body, size, check, at)
        at = body + size + -(body + size) % 4


@dataclass(frozen=True, slots=True)
class CpioTree:
    """Its members in their order; of a file with several names the bytes come once."""

    view: View

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        with_bytes = self._shared(budget)
        for member in members(self.view):
            if member.name == LAST:
                return
            entry = self._entry(member, with_bytes)
            if entry.kind is Kind.FILE:
                budget.take(member.size)
                yield entry, self.view.part(member.at, member.size)
            else:
                yield entry, NOTHING

    def passage(self, at: int) -> Passage:
        """The header, in hexadecimal digits, and the beginning of the name."""
        data = self.view.read(at, min(MOST_SHOWN, len(self.view) - at)).split(b"\0", 1)[0]
        return Passage(data, f"header at {at:#x}", (14, 21))

    def _shared(self, budget: Budget) -> dict[tuple[int, int, int], bytes]:
        """Of files with several names, the name that has the bytes."""
        found: dict[tuple[int, int, int], bytes] = {}
        try:
            for number, member in enumerate(members(self.view)):
                if number > budget.limits.files:
                    raise OutOfBudget(f"more than {budget.limits.files} files")
                if member.links > 1 and member.size:
                    found[member.inode] = member.name
        except Malformed:
            pass  # said when the entries are read
        return found

    def _entry(self, member: Member, with_bytes: dict[tuple[int, int, int], bytes]) -> Entry:
        kind, points_to = kind_of(member.mode), ""
        if kind is Kind.LINK:
            points_to = target(self.view.read(member.at, min(member.size, 4096)))
        elif kind is Kind.FILE and not member.size and member.inode in with_bytes:
            kind, points_to = Kind.LINK, harmless(with_bytes[member.inode])
        return Entry(
            path=harmless(member.name),
            kind=kind,
            mode=member.mode & 0o7777,
            uid=member.uid,
            gid=member.gid,
            size=member.size if kind is Kind.FILE else 0,
            target=points_to,
            modified=float(member.modified),
            spot=Spot(self, member.head),
        )
