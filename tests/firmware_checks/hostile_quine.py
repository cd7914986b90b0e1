"""A zip archive whose only member is the archive itself.

After the idea in Russ Cox, "Zip Files All The Way Down" (2010): deflate blocks that write themselves. Every
block takes five bytes: ``literal`` writes what stands behind it, ``again`` writes the last bytes once more.
"""

import struct
import zlib

NAME = b"the-same-archive-again-----.zip"
CRC_AT_HEAD, CRC_AT_TAIL = 14, 16
STATIC = "10"  # bits in the order in which they are read: a block with the static code
EMPTY = "0" + STATIC + "0" * 7


def literal(size: int) -> bytes:
    """A stored block's header (RFC 1951 3.2.4)."""
    return b"\0" + struct.pack("<HH", size, size ^ 0xFFFF)


def again(size: int, pieces: list[int], *, final: bool = False) -> bytes:
    """A static block (RFC 1951 3.2.6) that copies ``size`` bytes from ``size`` bytes before, in pieces."""
    bits = ("1" if final else "0") + STATIC
    for piece in pieces:
        bits += _length(piece) + _distance(size)
    bits += "0" * 7
    if not final:
        bits += EMPTY * ((40 - len(bits)) // 10)
        assert len(bits) == 40
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


def _length(size: int) -> str:
    if size <= 10:
        return f"{size - 2:07b}"
    extra = (size - 3).bit_length() - 3
    step, rest = divmod(size - 3, 1 << extra)
    code = 4 * extra + step + 1
    assert code < 24
    return f"{code:07b}" + f"{rest:0{extra}b}"[::-1]


def _distance(size: int) -> str:
    extra = (size - 1).bit_length() - 2
    step, rest = divmod(size - 1, 1 << extra)
    return f"{2 * extra + step:05b}" + f"{rest:0{extra}b}"[::-1]


def _archive(crc: int, packed: int, size: int) -> tuple[bytes, int]:
    """The archive with these numbers in its headers, and how many bytes are compressed."""
    fields = (20, 0, 8, 0, 0x21, crc, packed, size, len(NAME))
    head = b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", *fields, 0) + NAME
    tail = b"PK\x01\x02" + struct.pack("<HHHHHHIIIHHHHHII", 20, *fields, 0, 0, 0, 0, 0, 0) + NAME
    end = len(head) + packed
    tail += b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(tail), end, 0)
    p, r4, l4 = len(head) + 5, again(20, [10, 10]), literal(20)
    l1, l0, first = literal(5), literal(0), again(p, [p])
    last_size = len(tail) + 4
    last, ls = again(last_size, [last_size], final=True), literal(last_size)
    assert len(last) == 4
    body = literal(p) + head + literal(p) + first + l1 + first + l1 + l1
    body += l4 + first + l1 + l1 + l4 + r4 + l4 + r4 + l4 + r4 + l4 + r4
    body += l4 + r4 + l0 + l0 + ls + r4 + l0 + l0 + ls + last + tail + last
    return head + body + tail, len(body)


def quine() -> bytes:
    """The archive. Its checksum stands in it four times; that is 32 linear equations."""
    whole, packed = _archive(0, 0, 0)
    size = len(whole)

    def crc_with(crc: int) -> int:
        return zlib.crc32(_archive(crc, packed, size)[0])

    zero = crc_with(0)
    # crc_with(x) ^ x == 0, one bit of x a column: rows as (columns, right side).
    columns = [crc_with(1 << n) ^ zero ^ 1 << n for n in range(32)]
    rows = [
        (sum((columns[n] >> bit & 1) << n for n in range(32)), zero >> bit & 1) for bit in range(32)
    ]
    answer, solved = 0, dict[int, tuple[int, int]]()
    for left, right in rows:
        for pivot, (known, value) in solved.items():
            if left >> pivot & 1:
                left, right = left ^ known, right ^ value
        if not left:
            assert not right, "no checksum fits: another name is needed"
            continue
        pivot = left.bit_length() - 1
        for other, (known, value) in solved.items():
            if known >> pivot & 1:
                solved[other] = (known ^ left, value ^ right)
        solved[pivot] = (left, right)
    for pivot, (_, value) in solved.items():
        answer |= value << pivot
    return _archive(answer, packed, size)[0]
