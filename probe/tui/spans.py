"""Lines of text as tuples of (text, role), measured in terminal cells.

Text from a device is data: it is made visible here and never interpreted, neither as markup nor as
a terminal escape.
"""

import re
from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

Span = tuple[str, str]
"""Text and the role that decides its colour (see ``theme.ROLES``); the empty role is plain text."""
Line = tuple[Span, ...]
Cell = str | Line

REPLACEMENT = "·"
_SELECTORS = re.compile(
    "[\ufe00-\ufe0f]"
)  # ask for emoji or text form: terminals disagree on width


def safe(text: str) -> str:
    """``text`` on one line without anything that a terminal could act on.

    Control, format, surrogate and unassigned characters become a middle dot, white space a blank.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SELECTORS.sub("", text)
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else " " if c.isspace() else REPLACEMENT for c in text.expandtabs(4)
    )


def escaped(data: bytes, *, ascii_only: bool = False) -> str:
    """Bytes as UTF-8 text on one line; what cannot be shown stands as a Python-like escape."""
    shown: list[str] = []
    for c in data.decode("utf-8", "surrogateescape"):
        code = ord(c)
        if 0xDC80 <= code <= 0xDCFF:
            shown.append(f"\\x{code - 0xDC00:02x}")
        elif (c.isprintable() and (c.isascii() or not ascii_only)) and not _SELECTORS.match(c):
            shown.append(c)
        else:
            shown.append(c.encode("unicode_escape").decode("ascii"))
    return "".join(shown)


def as_line(cell: Cell, role: str = "") -> Line:
    """A cell as a line of safe spans."""
    if isinstance(cell, str):
        return ((safe(cell), role),)
    return tuple((safe(text), its or role) for text, its in cell)


def width_of(line: Line) -> int:
    """Cells that the line takes."""
    return sum(cell_len(text) for text, _ in line)


def text_of(line: Line) -> str:
    """The line without its roles."""
    return "".join(text for text, _ in line)


def fit(line: Line, width: int, align: str = "left") -> Line:
    """The line cut or padded to exactly ``width`` cells; an ellipsis shows that it was cut."""
    if width <= 0:
        return ()
    missing = width - width_of(line)
    if missing == 0:
        return line
    if missing > 0:
        pad: Span = (" " * missing, "")
        return (pad, *line) if align == "right" else (*line, pad)
    kept: list[Span] = []
    room = width - 1
    for text, role in line:
        size = cell_len(text)
        if size > room:
            head = _cut(text, room)[0].rstrip()
            kept.append((set_cell_size(head + "…", room + 1), role))
            break
        kept.append((text, role))
        room -= size
    return tuple(kept)


def wrap(line: Line, width: int, indent: int = 0) -> list[Line]:
    """The line broken at blanks into lines of at most ``width`` cells.

    Lines after the first are indented by ``indent`` cells. A word that is too long is cut.
    """
    width = max(width, indent + 8)
    lines: list[Line] = []
    current: list[Span] = []
    used, room = 0, width
    for word, role in _words(line):
        while word:
            size = cell_len(word)
            if used + size <= room:
                if not (word.isspace() and not used and lines):
                    current.append((word, role))
                    used += size
                break
            if word.isspace():
                word = ""
            elif not used:  # longer than a whole line
                head, word = _cut(word, room)
                current.append((head, role))
            lines.append(_closed(current, indent if lines else 0))
            current, used, room = [], 0, width - indent
    if current or not lines:
        lines.append(_closed(current, indent if lines else 0))
    return lines


def _cut(word: str, room: int) -> tuple[str, str]:
    """The part that fits into ``room`` cells, and the rest.

    ``rich`` puts blanks in place of a wide character that the cut goes through; here it stays whole.
    """
    end, used = 0, 0
    for character in word:
        used += cell_len(character)
        if used > room:
            break
        end += 1
    return word[:end], word[end:]


def _closed(spans: list[Span], indent: int) -> Line:
    while spans and spans[-1][0].isspace():
        spans.pop()
    return ((" " * indent, ""), *spans) if indent else tuple(spans)


def _words(line: Line) -> Iterable[Span]:
    for text, role in line:
        for word in re.findall(r" +|[^ ]+", text):
            yield word, role


def join(parts: Iterable[Line], between: Span = ("  ", "")) -> Line:
    """The parts behind one another with ``between`` in the gaps."""
    joined: list[Span] = []
    for part in parts:
        if joined:
            joined.append(between)
        joined.extend(part)
    return tuple(joined)
