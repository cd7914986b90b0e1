"""Who a MAC address block is assigned to, from the IEEE's public list of assignments.

The table beside this module: ``MAGIC``, then zlib of a line of JSON (date, number of blocks by width)
and, for each of 24, 28 and 36 bits, the differences of the sorted prefixes (64 bits each) and the
numbers of the names (32 bits each), both as byte planes, and last the names, one a line. 0.4 MB.
``oui_build`` writes it.
"""

import json
import sys
import zlib
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

MAGIC = b"SBDPOUI1"
TABLE = Path(__file__).with_name("oui.bin")
WIDTHS = (24, 28, 36)


@dataclass(frozen=True, slots=True)
class Table:
    """Sorted prefixes and the numbers of their names, by prefix length in bits."""

    date: str
    prefixes: dict[int, "array[int]"]
    numbers: dict[int, "array[int]"]
    names: list[str]

    def find(self, mac: str) -> str:
        """The organisation of the longest matching block, or an empty text."""
        value = int(mac.replace(":", ""), 16)
        for bits in reversed(WIDTHS):
            wanted, rows = value >> (48 - bits), self.prefixes[bits]
            at = bisect_left(rows, wanted)
            if at < len(rows) and rows[at] == wanted:
                return self.names[self.numbers[bits][at]]
        return ""


@cache
def table() -> Table:
    """The shipped table; read once, about 20 ms."""
    return unpack(TABLE.read_bytes())


def vendor(mac: str) -> str:
    """The organisation that the block of ``mac`` is assigned to; empty for none.

    It is the maker of the network interface, often of a radio module, not always the brand. Ask
    ``locally_administered`` first: such an address has no assignment.
    """
    return "" if locally_administered(mac) else table().find(mac)


def locally_administered(mac: str) -> bool:
    """Whether the U/L bit is set (IEEE 802 section 8.4): made up by software, often for privacy."""
    return bool(int(mac[:2], 16) & 2)


def pack(blocks: dict[int, list[tuple[int, str]]], date: str) -> bytes:
    """The table's bytes from ``{bits: [(prefix, name), …]}``."""
    names = sorted({name for rows in blocks.values() for _, name in rows})
    number = {name: n for n, name in enumerate(names)}
    counts = [len(blocks[bits]) for bits in WIDTHS]
    body = json.dumps({"date": date, "counts": counts}).encode() + b"\n"
    for bits in WIDTHS:
        rows = sorted(blocks[bits])
        steps = [p - q for (p, _), (q, _) in zip(rows, [(0, ""), *rows], strict=False)]
        body += _planes(array("Q", steps)) + _planes(array("I", [number[n] for _, n in rows]))
    return MAGIC + zlib.compress(body + "\n".join(names).encode(), 9)


def unpack(data: bytes) -> Table:
    """The table in ``data``; raises ValueError when it is not one."""
    if not data.startswith(MAGIC):
        raise ValueError("not a table of MAC address blocks")
    head, _, body = zlib.decompress(data[len(MAGIC) :]).partition(b"\n")
    facts = json.loads(head)
    prefixes, numbers = {}, {}
    for bits, count in zip(WIDTHS, facts["counts"], strict=True):
        steps, body = _unplaned(array("Q"), body, count)
        prefixes[bits] = array("Q", accumulate(steps))
        numbers[bits], body = _unplaned(array("I"), body, count)
    return Table(facts["date"], prefixes, numbers, body.decode().split("\n"))


def _planes(column: "array[int]") -> bytes:
    """All lowest bytes, then all second ones, and so on: sorted numbers pack well that way."""
    raw, size = _little(column).tobytes(), column.itemsize
    return b"".join(raw[plane::size] for plane in range(size))


def _unplaned(empty: "array[int]", body: bytes, count: int) -> tuple["array[int]", bytes]:
    size = empty.itemsize
    raw = bytearray(count * size)
    for plane in range(size):
        raw[plane::size] = body[plane * count : (plane + 1) * count]
    empty.frombytes(bytes(raw))
    return _little(empty), body[count * size :]


def _little(column: "array[int]") -> "array[int]":
    """``column`` in little-endian order, or back; the same array where the machine is so anyway."""
    if sys.byteorder == "big":
        column.byteswap()
    return column
