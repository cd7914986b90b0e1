"""The compression of EFI 1.1 and Tiano: matches and literals (LZ77), the codes of both in Huffman's coding.

Source: UEFI specification 2.10, chapter 19, "EFI Compression Algorithm". Tiano's differs in one number: five bits instead
of four say how many codes of positions there are, since its matches reach further back.

It is decoded in plain Python, some megabytes in a second: the budget counts what one image may ask for.
"""

from dataclasses import dataclass
from itertools import repeat

from firmware_checks.budget import Budget
from firmware_checks.streams import Stream, too_large
from firmware_checks.view import Malformed, View

EFI, TIANO = 4, 5
"""Bits of the number of codes of positions, by which the two differ."""
HEADER = 8
CODES, LITERALS, SHORTEST = 510, 256, 3
"""Codes of bytes and lengths; the first behind the bytes is a match of three."""
LENGTH_CODES, POSITION_CODES = 19, 31
LONGEST, WIDTH = 16, 12
"""Bits of the longest code, and of what is looked up at once."""
NEEDED, FED = 64, 32
"""Bits that are there before a symbol is read (16 of its code, 16 and 29 of its position), bytes taken at once."""
ROW = 1_024
"""Symbols between two looks at the limits."""
COST = 1_024
"""What the codes of a block cost, in symbols."""

Table = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Codes:
    """A set of codes: bits and symbol by the next ``width`` bits; symbol -1 for codes that are longer, which stand
    in ``long`` by the next 16 bits less ``base``."""

    table: Table
    width: int
    long: Table
    base: int


class Bits:
    """The bits of a stream, the first of each byte first; behind its end there are zeros."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._at = data, 0
        self.word = self.left = 0
        """A number whose last ``left`` bits are the next ones."""

    def more(self, word: int, left: int) -> tuple[int, int]:
        """The same with the bits of ``FED`` bytes behind them."""
        fed = bytes(self._data[self._at : self._at + FED]).ljust(FED, b"\0")
        self._at += FED
        return (word & (1 << left) - 1) << 8 * FED | int.from_bytes(fed), left + 8 * FED

    def take(self, number: int) -> int:
        """The next bits as a number."""
        if self.left < NEEDED:
            self.word, self.left = self.more(self.word, self.left)
        self.left -= number
        return self.word >> self.left & (1 << number) - 1

    def decode(self, codes: Codes) -> int:
        """The next symbol."""
        if self.left < NEEDED:
            self.word, self.left = self.more(self.word, self.left)
        bits, symbol = codes.table[self.word >> self.left - codes.width & (1 << codes.width) - 1]
        if symbol < 0:
            bits, symbol = codes.long[(self.word >> self.left - LONGEST & 0xFFFF) - codes.base]
        self.left -= bits
        return symbol

    def is_over(self) -> bool:
        """More was taken than there is."""
        return 8 * self._at - self.left > 8 * len(self._data)


def sizes(view: View) -> tuple[int, int]:
    """Bytes of the stream behind its header, and what they become. Raises Malformed when that cannot be."""
    compressed, size = view.unpack("<II", 0)
    if not 0 < compressed <= len(view) - HEADER:
        raise Malformed(f"it says {compressed} compressed bytes of {max(0, len(view) - HEADER)}")
    return compressed, size


def expanded(view: View, coding: int, budget: Budget) -> Stream:
    """The stream at the beginning of ``view``; ``coding`` is EFI or TIANO.

    Damage is the stream's problem, with what came before it; Malformed is for a header that cannot be one's, and
    OutOfBudget for the limits of the whole image.
    """
    compressed, size = sizes(view)
    used = HEADER + compressed
    if size > (room := budget.room(compressed)):
        return Stream(used=used, data=View(b""), problem=too_large(room))
    budget.take(size)
    out, problem = bytearray(), ""
    bits = Bits(view.part(HEADER, compressed).raw)
    try:
        while len(out) < size:
            _block(bits, coding, out, size, budget)
    except Malformed as error:
        if len(out) < size:
            problem = f"the stream is damaged behind its first {len(out)} bytes: {error}"
    del out[size:]
    return Stream(used=used, data=View(out), problem=problem)


def _block(bits: Bits, coding: int, out: bytearray, size: int, budget: Budget) -> None:
    """One block, in which the codes stay the same. Raises Malformed, OutOfBudget."""
    left = bits.take(16)
    if not left:
        raise Malformed("a block of no symbols")
    budget.symbol(COST)
    lengths = _small(bits, LENGTH_CODES, 5, 3)
    codes = _large(bits, lengths)
    positions = _small(bits, POSITION_CODES, coding, -1)
    while left and len(out) < size:
        row = min(left, ROW)
        budget.symbol(row)
        before = len(out)
        _symbols(bits, codes, positions, out, row)
        left -= row
        if bits.is_over():
            # What the zeros behind the end mean is no content.
            del out[before:]
            raise Malformed("it is cut short")


def _small(bits: Bits, most: int, width: int, special: int) -> Codes:
    """The codes of lengths or positions: a row of their lengths in bits. Raises Malformed.

    A length of seven and more goes on with a bit for each further one. Behind the first ``special`` there are two bits
    for how many have no code.
    """
    number = bits.take(width)
    if not number:
        return _single(bits.take(width), most)
    if number > most:
        raise Malformed(f"{number} codes of {most}")
    lengths = list[int]()
    while len(lengths) < number:
        length = bits.take(3)
        if length == 7:
            while bits.take(1):
                length += 1
                if length > LONGEST:
                    raise Malformed("a code that is too long")
        lengths.append(length)
        if len(lengths) == special:
            lengths += [0] * bits.take(2)
    return _codes(lengths)


def _large(bits: Bits, by: Codes) -> Codes:
    """The codes of bytes and lengths; how long they are is coded in turn. Raises Malformed."""
    number = bits.take(9)
    if not number:
        return _single(bits.take(9), CODES)
    lengths = list[int]()
    while len(lengths) < number:
        match bits.decode(by):
            case 0:
                lengths.append(0)
            case 1:
                lengths += [0] * (bits.take(4) + 3)
            case 2:
                lengths += [0] * (bits.take(9) + 20)
            case length:
                lengths.append(length - 2)
    if len(lengths) > CODES:
        raise Malformed(f"{len(lengths)} codes of {CODES}")
    return _codes(lengths)


def _single(symbol: int, most: int) -> Codes:
    """The one symbol that there is needs no bits."""
    if symbol >= most:
        raise Malformed(f"code {symbol} of {most}")
    return Codes([(0, symbol)], 0, [], 0)


def _codes(lengths: list[int]) -> Codes:
    """The codes of symbols by how long they are: short ones first, and those of one length by their symbol. All bits
    must have a meaning, as edk2's decoder asks. Raises Malformed."""
    ranked = sorted((length, symbol) for symbol, length in enumerate(lengths) if length)
    if sum(1 << LONGEST - length for length, _ in ranked) != 1 << LONGEST:
        raise Malformed("codes that do not fit together")
    width = min(ranked[-1][0], WIDTH)
    table, long = Table(), Table()
    for one in ranked:
        if one[0] <= width:
            table += [one] * (1 << width - one[0])
        else:
            long += [one] * (1 << LONGEST - one[0])
    base = len(table) << LONGEST - width
    table += [(0, -1)] * ((1 << width) - len(table))
    return Codes(table, width, long, base)


def _symbols(bits: Bits, codes: Codes, positions: Codes, out: bytearray, number: int) -> None:
    """So many bytes and matches. Raises Malformed. One function without calls, for its speed."""
    table, width, long, base = codes.table, codes.width, codes.long, codes.base
    mask, far, far_width = (1 << width) - 1, positions.table, positions.width
    far_mask, append, word, left = (1 << far_width) - 1, out.append, bits.word, bits.left
    for _ in repeat(None, number):
        if left < NEEDED:
            word, left = bits.more(word, left)
        size, code = table[word >> left - width & mask]
        if code < 0:
            size, code = long[(word >> left - LONGEST & 0xFFFF) - base]
        left -= size
        if code < LITERALS:
            append(code)
            continue
        length = code - LITERALS + SHORTEST
        size, back = far[word >> left - far_width & far_mask]
        if back < 0:
            size, back = positions.long[(word >> left - LONGEST & 0xFFFF) - positions.base]
        left -= size
        if back > 1:
            more = back - 1
            left -= more
            back = (1 << more) + (word >> left & (1 << more) - 1)
        back += 1
        begin = len(out) - back
        if begin < 0:
            raise Malformed("a match before the beginning")
        if back >= length:
            out += out[begin : begin + length]
        else:
            out += (out[begin:] * (length // back + 1))[:length]
    bits.word, bits.left = word, left
