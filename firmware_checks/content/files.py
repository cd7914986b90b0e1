"""What topics ask about a file: which kind of file it is, its lines, and a line to show."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View
from probe.model.firmware import ImageWeakness
from probe.model.text import clean

MOST_COUNTED = 4 << 20
"""Bytes of a text within which lines are numbered."""
MOST_TEXT = 1 << 20
"""Settings and scripts are smaller; of a larger text file the beginning is read."""
SHOWN = 160
LONGEST_LINE = 2000
"""Characters of a line that most topics look at."""
MOST_QUOTED = 2000
"""Bytes of one line that are evidence."""
MASK = "***"
NOT_READ = "not read"
"""Kind of an ImageWeakness that is none: something that matters was not looked into. The walk adds it to what
the survey says was not read."""

_DOCUMENTATION = re.compile(
    r"(?:^|/)share/(?:doc|man|info|help|licenses|gtk-doc|bug|lintian)/|(?:^|/)usr/doc/"
    r"|(?:^|/)(?:readme|changelog|changes|news|copying|license)(?:\.(?:txt|gz|html?))?$"
    r"|\.(?:egg|dist)-info/|\.(?:md|rst|adoc|texi|pod|example|sample|dist)$",
    re.IGNORECASE,
)
_CODE_FOLDER = re.compile(r"(?:^|/)(?:share|lib(?:32|64)?|src|node_modules)/", re.IGNORECASE)
_EXAMPLES = re.compile(
    r"/(?:examples?|samples?|test_?data|tests?|testsuite|selftests?)/", re.IGNORECASE
)
"""Anywhere below such a folder: in one pattern with it, a path of many folders would take the square of its length."""


@lru_cache(maxsize=16)
def is_documentation(path: str) -> bool:
    """A file that explains or tests something, and that the device does not run by. Every topic asks."""
    if _DOCUMENTATION.search(path):
        return True
    within = _CODE_FOLDER.search(path)
    return bool(within and _EXAMPLES.search(path, within.end() - 1))


def is_text(view: View) -> bool:
    """No NUL byte at the beginning, and no other sign of a binary file."""
    head = bytes(view.raw[:1024])
    return bool(head) and b"\0" not in head and not head.startswith(b"\x1f\x8b")


def is_file(entry: Entry, *, largest: int = MOST_TEXT) -> bool:
    return entry.kind is Kind.FILE and 0 < entry.size <= largest


def text(view: View) -> str:
    """The beginning of a text file; what is no UTF-8 is replaced."""
    return bytes(view.raw[:MOST_TEXT]).decode("utf-8", "replace")


def numbered(
    view: View, *, comments: str = "#", longest: int = LONGEST_LINE
) -> Iterator[tuple[int, str]]:
    """Each line that says something, with its number from 1, without the white space around it."""
    signs = tuple(comments)
    for number, line in enumerate(text(view).splitlines(), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith(signs):
            yield number, stripped[:longest]


def raw_lines(view: View, numbers: Iterable[int], longest: int = MOST_QUOTED) -> dict[int, bytes]:
    """The bytes of the lines that ``numbered`` gives these numbers, as they stand in the file. All of one file
    at once: each call goes through the whole text."""
    lines = bytes(view.raw[:MOST_TEXT]).decode("utf-8", "surrogateescape").splitlines()
    there = {n: lines[n - 1] if 0 < n <= len(lines) else "" for n in numbers}
    return {n: s.encode("utf-8", "surrogateescape")[:longest] for n, s in there.items()}


def bytes_at(view: View, offset: int) -> bytes:
    """The line that holds ``offset``, at most 600 bytes to either side; between NUL bytes in a binary file."""
    begin = max(0, offset - 600)
    before, after = bytes(view.raw[begin:offset]), bytes(view.raw[offset : offset + 600])
    first = max(before.rfind(b"\n"), before.rfind(b"\r"), before.rfind(b"\0")) + 1
    ends = [n for n in (after.find(b"\n"), after.find(b"\r"), after.find(b"\0")) if n >= 0]
    return before[first:] + after[: min(ends, default=len(after))]


def line_at(view: View, offset: int) -> tuple[int, str]:
    """The number of the line that holds ``offset``, and ``bytes_at`` as text. The number is 0 in a binary file
    and far inside a large one, where counting for each of many hits would take seconds."""
    counted = offset <= MOST_COUNTED and is_text(view)
    number = bytes(view.raw[:offset]).count(b"\n") + 1 if counted else 0
    return number, bytes_at(view, offset).decode("utf-8", "replace")


def shown(line: str, secret: str = "") -> str:
    """A line for a reader, with the secret masked but for its first four characters at most."""
    if secret:
        keep = secret[: min(4, len(secret) // 4)]
        line = line.replace(secret, keep + MASK)
    return clean(line, SHOWN)


def weakness(
    where: tuple[str, str], path: str, kind: str, what: str, line: int = 0, seen: View | bytes = b""
) -> tuple[ImageWeakness, bytes]:
    """The fact with the bytes that show it. ``where``: image and place; ``seen``: the file of the line, or
    the bytes themselves. Without them there are none in a file: rights, and what was not read."""
    image, place = where
    fact = ImageWeakness(
        image=image,
        place=place,
        path=clean(path, 300),
        kind=kind,
        what=clean(what, 200),
        line=line,
    )
    data = seen if isinstance(seen, bytes) else raw_lines(seen, [line])[line]
    return fact, data or clean(f"{path}: {what}", 600).encode()
