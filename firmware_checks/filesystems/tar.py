"""tar archives: ustar, GNU's long names, pax headers (POSIX.1-2017, pax, "ustar Interchange Format").

Not ``tarfile``: it loops on sizes below zero and copies every member, and both are easily had here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.budget import Budget
from firmware_checks.filesystems.descent import harmless, target
from firmware_checks.reading import Context, Entry, Format, Kind, Passage, Reading, Spot
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

RANK = 60
BLOCK = 512
LONGEST_EXTRA = 65_536
SHOWN = 157
NOTHING = View(b"")
FOLDER, LINK, HARD_LINK = b"5", b"2", b"1"
FILES = (b"0", b"\0", b"7")
LONG_NAME, LONG_LINK, PAX, PAX_ALL, SPARSE = b"L", b"K", b"x", b"g", b"S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One header, with what the headers before it said of it."""

    name: bytes
    link: bytes
    kind: bytes
    mode: int
    uid: int
    gid: int
    size: int
    modified: float
    at: int
    following: int
    head: int
    """Where the header stands."""


class Tar(Format):
    """The format."""

    name = "tar archive"
    anchors = ((b"ustar", 257),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        end, problem, number = 0, "", 0
        try:
            for number, member in enumerate(members(view), 1):
                end = member.following
                if number > context.budget.limits.files:
                    problem = f"more than {context.budget.limits.files} members"
                    break
        except Malformed as error:
            if not number and not _sum_holds(view.read(0, min(BLOCK, len(view)))):
                return None
            end, problem = len(view), f"the archive is cut short or damaged: {error}"
        while not problem and end + BLOCK <= len(view) and empty(view, end):
            end += BLOCK
        return Reading(
            format=self.name,
            kind=LayerKind.ARCHIVE,
            size=min(end, len(view)),
            problem=problem,
            tree=TarTree(view.part(0, min(end, len(view)))),
        )


FORMAT = Tar()


def empty(view: View, at: int) -> bool:
    return view.part(at, BLOCK).is_filled_with(0)


def number(raw: bytes) -> int:
    """A number in octal, or in base 256 when its first bit is set. Raises Malformed."""
    if raw[:1] >= b"\x80":
        value = int.from_bytes(raw, "big") & ((1 << (8 * len(raw) - 1)) - 1)
        if raw[0] & 0x40 or value >> 62:
            raise Malformed("tar: a number below zero or beyond all size")
        return value
    try:
        return int(raw.strip(b"\0 ") or b"0", 8)
    except ValueError:
        raise Malformed("tar: a field holds no number") from None


def _sum_holds(head: bytes) -> bool:
    return number(head[148:156]) == sum(head) - sum(head[148:156]) + 8 * 32


def members(view: View) -> Iterator[Member]:
    """Every member up to the empty block that ends them. Raises Malformed."""
    at = 0
    said: dict[str, bytes] = {}
    while at + BLOCK <= len(view) and not empty(view, at):
        head = view.read(at, BLOCK)
        if not _sum_holds(head):
            raise Malformed(f"tar: the checksum of the header at {at} does not hold")
        kind, size, body = head[156:157], number(head[124:136]), at + BLOCK
        if kind in (LONG_NAME, LONG_LINK, PAX, PAX_ALL):
            if size > LONGEST_EXTRA:
                raise Malformed("tar: a header larger than headers are")
            _extra(kind, view.read(body, size), said)
            at = body + size + -size % BLOCK
            continue
        size = _size(said, size) if kind in (*FILES, SPARSE) else 0
        view.part(body, size)
        following = min(body + size + -size % BLOCK, len(view))
        yield _member(head, kind, size, (at, body, following), said)
        at = following
        said = {}


def _extra(kind: bytes, body: bytes, said: dict[str, bytes]) -> None:
    """Remember what a long name or a pax header says of the next member."""
    if kind in (LONG_NAME, LONG_LINK):
        said["path" if kind == LONG_NAME else "linkpath"] = body.split(b"\0", 1)[0]
        return
    at = 0
    while kind == PAX and at < len(body):
        length, blank, _ = body[at : at + 12].partition(b" ")
        if not blank or not length.isdigit() or int(length) <= len(length) + 1:
            raise Malformed("tar: a pax header without length")
        record = body[at + len(length) + 1 : at + int(length) - 1]
        key, _, value = record.partition(b"=")
        if key in (b"path", b"linkpath", b"size"):
            said[key.decode()] = value
        at += int(length)


def _size(said: dict[str, bytes], size: int) -> int:
    text = said.get("size")
    if text is None:
        return size
    if not text.isdigit() or len(text) > 18:
        raise Malformed("tar: a pax size that is no number")
    return int(text)


def _member(
    head: bytes, kind: bytes, size: int, places: tuple[int, int, int], said: dict[str, bytes]
) -> Member:
    name = head[:100].split(b"\0", 1)[0]
    if head[257:263] == b"ustar\0" and (prefix := head[345:500].split(b"\0", 1)[0]):
        name = prefix + b"/" + name
    return Member(
        name=said.get("path", name),
        link=said.get("linkpath", head[157:257].split(b"\0", 1)[0]),
        kind=kind,
        mode=number(head[100:108]) & 0o7777,
        uid=number(head[108:116]),
        gid=number(head[116:124]),
        size=size,
        modified=float(number(head[136:148])),
        head=places[0],
        at=places[1],
        following=places[2],
    )


@dataclass(frozen=True, slots=True)
class TarTree:
    """Its members in their order."""

    view: View

    def passage(self, at: int) -> Passage:
        """The header up to the kind of the member: name, mode, owner, group, size, time, checksum."""
        return Passage(self.view.read(at, SHOWN), f"header at {at:#x}", (100, 107))

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        for member in members(self.view):
            kind, points_to, problem = Kind.OTHER, "", ""
            if member.kind in FILES:
                kind = Kind.DIRECTORY if member.name.endswith(b"/") else Kind.FILE
            elif member.kind == SPARSE:
                kind, problem = Kind.FILE, "a file with holes in GNU's own way: not read"
            elif member.kind == FOLDER:
                kind = Kind.DIRECTORY
            elif member.kind == LINK:
                kind, points_to = Kind.LINK, target(member.link)
            elif member.kind == HARD_LINK:
                kind, points_to = Kind.LINK, harmless(member.link)
            has_bytes = kind is Kind.FILE and not problem
            path = harmless(member.name)
            if not path:
                continue
            entry = Entry(
                path=path,
                kind=kind,
                mode=member.mode,
                uid=member.uid,
                gid=member.gid,
                size=member.size if kind is Kind.FILE else 0,
                target=points_to,
                modified=member.modified,
                problem=problem,
                spot=Spot(self, member.head),
            )
            budget.take(member.size if has_bytes else 0)
            yield entry, self.view.part(member.at, member.size) if has_bytes else NOTHING
