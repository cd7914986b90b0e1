"""FAT12, FAT16 and FAT32 with long names. It holds no owners and no modes.

Source: Microsoft, "FAT: General Overview of On-Disk Format", 1.03.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from firmware_checks.budget import Budget
from firmware_checks.filesystems.descent import Found, Item, checked_size, descend, in_disk_order
from firmware_checks.reading import Context, Entry, Format, Kind, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

RANK = 65
ROW = 32
READ_ONLY, HIDDEN, LABEL, FOLDER, LONG = 0x01, 0x02, 0x08, 0x10, 0x0F
DELETED, END = 0xE5, 0x00
ROW_COST = 16
"""Rows of folders cost more time than bytes of files do."""
LARGEST_FOLDER = 65_536 * ROW
"""The specification's own limit."""


@dataclass(frozen=True)
class Volume:
    """Where everything is, from the boot sector."""

    view: View
    sector: int
    cluster: int
    table: int
    table_size: int
    root: int
    root_size: int
    root_cluster: int
    data: int
    clusters: int
    size: int
    label: str

    @property
    def bits(self) -> int:
        """Of one row of the table. By the number of clusters alone, as the specification demands."""
        return 12 if self.clusters < 4085 else 16 if self.clusters < 65_525 else 32

    @cached_property
    def rows(self) -> View:
        return self.view.part(self.table, self.table_size)

    def following(self, cluster: int) -> int:
        """The next cluster of a chain; 0 at its end. Raises Malformed."""
        if self.bits == 12:
            word = self.rows.u16(cluster + cluster // 2)
            value = word >> 4 if cluster & 1 else word & 0xFFF
            return 0 if value >= 0xFF8 else value
        if self.bits == 16:
            value = self.rows.u16(cluster * 2)
            return 0 if value >= 0xFFF8 else value
        value = self.rows.u32(cluster * 4) & 0x0FFFFFFF
        return 0 if value >= 0x0FFFFFF8 else value

    def chain(self, cluster: int, size: int) -> Iterator[View]:
        """The bytes of a chain, at most ``size`` of them. Raises Malformed."""
        left, used = size, 0
        while left > 0 and cluster:
            used += 1
            if not 2 <= cluster < self.clusters + 2 or used > self.clusters:
                raise Malformed("its chain of clusters goes astray")
            first, run = cluster, 1
            cluster = self.following(cluster)
            while cluster == first + run and run * self.cluster < left and run < 4096:
                run, cluster = run + 1, self.following(cluster)
            used += run - 1
            piece = min(run * self.cluster, left)
            yield self.view.part(self.data + (first - 2) * self.cluster, piece)
            left -= piece


@dataclass(frozen=True, slots=True)
class Node:
    """One entry of a folder; cluster 0 with kind folder is the root of FAT12 and FAT16."""

    folder: bool
    cluster: int
    size: int
    modified: float | None = None


class Fat(Format):
    """The format."""

    name = "FAT"
    anchors = ((b"\x55\xaa", 510),)

    def read(self, view: View, context: Context) -> Reading | None:
        volume = boot_sector(view)
        if volume is None:
            return None
        problem = ""
        if volume.size > len(view):
            problem = f"the file system is cut short: {len(view)} of {volume.size} bytes are there"
        return Reading(
            format=f"FAT{volume.bits}",
            kind=LayerKind.FILE_SYSTEM,
            size=min(volume.size, len(view)),
            title=volume.label,
            details=(("cluster", str(volume.cluster)),),
            problem=problem,
            tree=FatTree(volume),
        )


FORMAT = Fat()


def boot_sector(view: View) -> Volume | None:
    """None when the numbers do not fit each other. Raises Malformed."""
    jump, sector, per_cluster, reserved, tables = view.unpack("<B10xHBHB", 0)
    rows, total, media, table, _, _, _, total_wide = view.unpack("<HHBHHHII", 17)
    wide = table == 0
    table, total = table or view.u32(36), total or total_wide
    fits = (
        jump in (0xEB, 0xE9)
        and sector in (512, 1024, 2048, 4096)
        and per_cluster in (1, 2, 4, 8, 16, 32, 64, 128)
        and reserved
        and tables in (1, 2)
        and media >= 0xF0
        and table
    )
    if not fits:
        return None
    root = (reserved + tables * table) * sector
    root_size = -(-rows * ROW // sector) * sector
    clusters = (total * sector - root - root_size) // (sector * per_cluster)
    if clusters <= 0:
        return None
    return Volume(
        view=view,
        sector=sector,
        cluster=sector * per_cluster,
        table=reserved * sector,
        table_size=min(table * sector, max(0, len(view) - reserved * sector)),
        root=root,
        root_size=root_size,
        root_cluster=view.u32(44) if wide else 0,
        data=root + root_size,
        clusters=clusters,
        size=total * sector,
        label=view.text(71 if wide else 43, 11).strip(),
    )


@dataclass(frozen=True, slots=True)
class FatTree:
    """Its files as they stand."""

    volume: Volume

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        root = Node(True, self.volume.root_cluster, 0)
        found = descend(root, _folder, lambda node: self._children(node, budget), budget)
        yield from in_disk_order(self._item(one, budget) for one in found)

    def _children(self, node: Node, budget: Budget) -> Iterator[tuple[bytes, Node]]:
        volume = self.volume
        if node.cluster:
            rows = b"".join(bytes(p.raw) for p in volume.chain(node.cluster, LARGEST_FOLDER))
        else:
            rows = volume.view.read(volume.root, volume.root_size)
        budget.take(len(rows) * ROW_COST)
        long: dict[int, bytes] = {}
        for at in range(0, len(rows) - ROW + 1, ROW):
            row = rows[at : at + ROW]
            if row[0] == END:
                return
            if row[0] == DELETED:
                long = {}
            elif row[11] & 0x3F == LONG:
                long[row[0] & 0x1F] = row[1:11] + row[14:26] + row[28:32]
            elif row[11] & LABEL:
                long = {}
            else:
                name = long_name(long) or short_name(row)
                long = {}
                if name not in (b".", b".."):
                    yield name, _node(row)

    def _item(self, found: Found[Node], budget: Budget) -> Item:
        node = found.node
        entry = Entry(
            path=found.path,
            kind=Kind.DIRECTORY if node.folder else Kind.FILE,
            mode=0,
            uid=0,
            gid=0,
            size=node.size,
            modified=node.modified,
            problem=found.problem,
        )
        if node.folder or not node.size:
            return Item(entry)
        return Item(entry, node.cluster, lambda: self._bytes(node, budget))

    def _bytes(self, node: Node, budget: Budget) -> View:
        checked_size(node.size, len(self.volume.view), budget)
        pieces = list(self.volume.chain(node.cluster, node.size))
        if sum(len(piece) for piece in pieces) != node.size:
            raise Malformed("its chain of clusters is too short")
        return pieces[0] if len(pieces) == 1 else View(b"".join(p.raw for p in pieces))


def _folder(node: Node) -> int | None:
    return node.cluster if node.folder else None


def _node(row: bytes) -> Node:
    cluster = int.from_bytes(row[26:28], "little") | int.from_bytes(row[20:22], "little") << 16
    size = int.from_bytes(row[28:32], "little")
    folder = bool(row[11] & FOLDER)
    return Node(folder, cluster, 0 if folder else size, _time(row))


def _time(row: bytes) -> float | None:
    """FAT keeps local time without its zone; it is taken for UTC."""
    clock, day = int.from_bytes(row[22:24], "little"), int.from_bytes(row[24:26], "little")
    try:
        return datetime(
            1980 + (day >> 9),
            day >> 5 & 15,
            day & 31,
            clock >> 11,
            clock >> 5 & 63,
            (clock & 31) * 2,
            tzinfo=UTC,
        ).timestamp()
    except ValueError:
        return None


def long_name(parts: dict[int, bytes]) -> bytes:
    """The pieces of a long name put together; empty when one is missing."""
    if not parts or sorted(parts) != list(range(1, len(parts) + 1)):
        return b""
    text = b"".join(parts[n] for n in sorted(parts)).decode("utf-16-le", "replace")
    return text.split("\0", 1)[0].rstrip("\uffff").encode("utf-8", "replace")


def short_name(row: bytes) -> bytes:
    """A name of eight and three, in lower case where the entry says so."""
    base, extension = row[:8].rstrip(b" "), row[8:11].rstrip(b" ")
    if base[:1] == b"\x05":
        base = b"\xe5" + base[1:]
    base = base.lower() if row[12] & 0x08 else base
    extension = extension.lower() if row[12] & 0x10 else extension
    name = base + b"." + extension if extension else base
    return name.decode("cp437").encode()
