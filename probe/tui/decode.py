"""Recorded bytes made readable: a transcript as a dialogue with times, anything else as text or hex.

The bytes come from devices. They are shown escaped and are never interpreted any further.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from probe.tui.spans import Line, escaped, safe

TRANSCRIPT = "application/x-transcript+jsonl"
MAX_LINES = 20_000
"""Of one view."""
LINE_CELLS = 400
"""A longer line of text is cut into pieces of this many bytes."""
LEAD_CELLS = 18
"""Time and direction in front of what was said."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of the decoded view. ``lead`` is repeated as blanks when the line is wrapped."""

    lead: Line
    body: Line
    cited: bool = False
    """Within the range that a finding points at."""


@dataclass(frozen=True, slots=True)
class Cited:
    """The bytes ``start`` to ``end`` (excluded) that a finding points at; nothing when ``end`` is 0."""

    start: int = 0
    end: int = 0

    def touches(self, first: int, after: int) -> bool:
        return first < self.end and after > self.start


NOTHING_CITED = Cited()


def decoded(
    media_type: str,
    data: bytes,
    cited: Cited = NOTHING_CITED,
    *,
    as_hex: bool = False,
    per_row: int = 16,
    mask: Callable[[bytes], bytes] = bytes,
) -> list[Shown]:
    """The evidence for people, at most ``MAX_LINES`` lines; ``mask`` hides secrets in what is said.

    A transcript is a dialogue; ``as_hex`` shows every byte in it as hex, ``per_row`` in a line.
    """
    lines = (
        _transcript(data, cited, as_hex, per_row, mask)
        if media_type == TRANSCRIPT
        else _plain(data, cited, as_hex, per_row)
    )
    shown: list[Shown] = []
    for line in lines:
        if len(shown) == MAX_LINES:
            shown.append(Shown((), (("There is more: save the file to see it all.", "dim"),)))
            break
        shown.append(line)
    return shown or [Shown((), (("Nothing was recorded: 0 bytes.", "dim"),))]


def _transcript(
    data: bytes, cited: Cited, as_hex: bool, per_row: int, mask: Callable[[bytes], bytes]
) -> Iterator[Shown]:
    offset = 0
    for raw in data.splitlines(keepends=True):
        here = cited.touches(offset, offset + len(raw))
        offset += len(raw)
        try:
            yield from _said(json.loads(raw), here, as_hex, per_row, mask)
        except (ValueError, KeyError, TypeError, RecursionError):
            # Not a line that we wrote: it is shown as it is.
            yield Shown((), ((escaped(mask(raw.rstrip(b"\n"))[:LINE_CELLS]), "error"),), here)


def _said(
    said: dict[str, object],
    cited: bool,
    as_hex: bool,
    per_row: int,
    mask: Callable[[bytes], bytes],
) -> Iterator[Shown]:
    if "connection" in said:
        yield Shown((), ((safe(str(said["connection"])), "strong"),), cited)
        return
    when, direction = float(str(said["t"])), str(said["dir"])
    role, who = {
        ">": ("sent", "> probe "),
        "<": ("received", "< device"),
    }.get(direction, ("dim", "#       "))
    lead: Line = ((f"{when:8.3f} ", "dim"), (f"{who} ", role))
    rest: Line = ((" " * LEAD_CELLS, ""),)
    if "text" in said:
        remark = mask(str(said["text"]).encode("utf-8", "replace")).decode("utf-8", "replace")
        yield Shown(lead, ((safe(remark), "dim"),), cited)
        return
    data = mask(bytes.fromhex(str(said["hex"])))
    if not data:
        ended = "closed its side" if direction == "<" else "nothing"
        yield Shown(lead, ((ended, "dim"),), cited)
    elif looks_like_text(data) and not as_hex:
        for number, piece in enumerate(_text_lines(data)):
            yield Shown(rest if number else lead, ((piece, ""),), cited)
    else:
        for row in range(0, len(data), per_row):
            yield Shown(rest if row else lead, hex_line(data, row, per_row), cited)


def _plain(data: bytes, cited: Cited, as_hex: bool, per_row: int) -> Iterator[Shown]:
    if looks_like_text(data[:4096]) and not as_hex:
        for piece in _text_lines(data):
            yield Shown((), ((piece, ""),))
    else:
        for row in range(0, len(data), per_row):
            here = cited.touches(row, row + per_row)
            yield Shown((), hex_line(data, row, per_row, cited), here)


def looks_like_text(data: bytes) -> bool:
    """Whether at least nine tenths of the bytes are printable UTF-8 or white space."""
    text = data.decode("utf-8", "replace")
    good = sum(
        (c.isprintable() and c != "\N{REPLACEMENT CHARACTER}") or c in "\r\n\t" for c in text
    )
    return good >= 0.9 * len(text)


def _text_lines(data: bytes) -> Iterator[str]:
    """Lines of text, ended by LF or CRLF; any other control character stands as an escape."""
    lines = data.split(b"\n")
    last = len(lines) - 1
    for number, line in enumerate(lines):
        if number == last and not line:
            break
        body = line[:-1] if line.endswith(b"\r") and number < last else line
        for at in range(0, max(1, len(body)), LINE_CELLS):
            yield escaped(body[at : at + LINE_CELLS].expandtabs(4))


def hex_line(data: bytes, row: int, width: int, cited: Cited = NOTHING_CITED) -> Line:
    """Offset, ``width`` bytes as hex and as ASCII; the cited ones are marked."""
    part = data[row : row + width]
    spans: list[tuple[str, str]] = [(f"{row:06x}  ", "dim")]
    for i in range(width):
        text = f"{part[i]:02x} " if i < len(part) else "   "
        marked = cited.touches(row + i, row + i + 1) and i < len(part)
        spans.append((text, "mark" if marked else "" if i < len(part) and part[i] else "dim"))
        if i == width // 2 - 1:
            spans.append((" ", ""))
    spans.append((" ", ""))
    for i, byte in enumerate(part):
        shown = chr(byte) if 0x20 <= byte < 0x7F else "."
        marked = cited.touches(row + i, row + i + 1)
        spans.append((shown, "mark" if marked else "" if shown != "." else "dim"))
    return _merged(spans)


def _merged(spans: list[tuple[str, str]]) -> Line:
    merged: list[tuple[str, str]] = []
    for text, role in spans:
        if merged and merged[-1][1] == role:
            merged[-1] = (merged[-1][0] + text, role)
        else:
            merged.append((text, role))
    return tuple(merged)
