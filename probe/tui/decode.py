"""Recorded bytes made readable: a transcript as a dialogue with times, anything else as text or hex.

The bytes come from devices. They are shown escaped and are never interpreted any further.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from probe.tui.spans import Line, escaped, safe

TRANSCRIPT = "application/x-transcript+jsonl"
MAX_LINES = 20_000
"""Lines of a decoded view; the hex view shows everything."""
LINE_CELLS = 400
"""A longer line of text is cut into pieces of this many bytes."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of the decoded view. ``lead`` is repeated as blanks when the line is wrapped."""

    lead: Line
    body: Line
    cited: bool = False
    """Within the range that a finding points at."""


def decoded(media_type: str, data: bytes, start: int, end: int | None) -> list[Shown]:
    """The readable view of the evidence, at most ``MAX_LINES`` lines."""
    lines = _transcript(data, start, end) if media_type == TRANSCRIPT else _plain(data, start, end)
    shown: list[Shown] = []
    for line in lines:
        if len(shown) == MAX_LINES:
            shown.append(Shown((), (("More is in the hex view, or save the file.", "dim"),)))
            break
        shown.append(line)
    return shown or [Shown((), (("Nothing was recorded: 0 bytes.", "dim"),))]


def _transcript(data: bytes, start: int, end: int | None) -> Iterator[Shown]:
    offset = 0
    whole = start == 0 and end is None
    for raw in data.splitlines(keepends=True):
        cited = (
            not whole and offset < (len(data) if end is None else end) and offset + len(raw) > start
        )
        offset += len(raw)
        try:
            said = json.loads(raw)
            yield from _said(said, cited)
        except (ValueError, KeyError, TypeError, RecursionError):
            # Not a line that we wrote: it is shown as it is.
            yield Shown((), ((escaped(raw.rstrip(b"\n")[:LINE_CELLS]), "error"),), cited)


def _said(said: dict[str, object], cited: bool) -> Iterator[Shown]:
    if "connection" in said:
        yield Shown((), ((safe(str(said["connection"])), "strong"),), cited)
        return
    when, direction = float(str(said["t"])), str(said["dir"])
    role, who = {
        ">": ("sent", "> probe "),
        "<": ("received", "< device"),
    }.get(direction, ("dim", "#       "))
    lead: Line = ((f"{when:8.3f} ", "dim"), (f"{who} ", role))
    rest: Line = ((" " * 18, ""),)
    if "text" in said:
        yield Shown(lead, ((safe(str(said["text"])), "dim"),), cited)
        return
    data = bytes.fromhex(str(said["hex"]))
    if not data:
        ended = "closed its side" if direction == "<" else "nothing"
        yield Shown(lead, ((ended, "dim"),), cited)
    elif looks_like_text(data):
        for number, piece in enumerate(_text_lines(data)):
            yield Shown(rest if number else lead, ((piece, ""),), cited)
    else:
        for number, row in enumerate(range(0, len(data), 16)):
            line = hex_line(data, row, 16, 0, 0)
            yield Shown(rest if number else lead, line, cited)


def _plain(data: bytes, start: int, end: int | None) -> Iterator[Shown]:
    if looks_like_text(data[:4096]):
        for piece in _text_lines(data):
            yield Shown((), ((piece, ""),))
    else:
        last = len(data) if end is None else end
        for row in range(0, len(data), 16):
            marked = (start, last) if start or end is not None else (0, 0)
            yield Shown((), hex_line(data, row, 16, *marked))


def looks_like_text(data: bytes) -> bool:
    """Whether at least nine tenths of the bytes are printable UTF-8 or white space."""
    text = data.decode("utf-8", "replace")
    good = sum(
        (c.isprintable() and c != "\N{REPLACEMENT CHARACTER}") or c in "\r\n\t" for c in text
    )
    return good >= 0.9 * len(text)


def _text_lines(data: bytes) -> Iterator[str]:
    """Lines of text; a line end that is not a plain LF is shown as an escape."""
    lines = data.split(b"\n")
    last = len(lines) - 1
    for number, line in enumerate(lines):
        if number == last and not line:
            break
        body = line[:-1] if line.endswith(b"\r") and number < last else line
        for at in range(0, max(1, len(body)), LINE_CELLS):
            yield escaped(body[at : at + LINE_CELLS].expandtabs(4))


def hex_line(data: bytes, row: int, width: int, start: int, end: int) -> Line:
    """Offset, ``width`` bytes as hex and as ASCII; the bytes from ``start`` to ``end`` are marked."""
    part = data[row : row + width]
    spans: list[tuple[str, str]] = [(f"{row:06x}  ", "dim")]
    for i in range(width):
        text = f"{part[i]:02x} " if i < len(part) else "   "
        marked = start <= row + i < end and i < len(part)
        spans.append((text, "mark" if marked else "" if i < len(part) and part[i] else "dim"))
        if i == width // 2 - 1:
            spans.append((" ", ""))
    spans.append((" ", ""))
    for i, byte in enumerate(part):
        shown = chr(byte) if 0x20 <= byte < 0x7F else "."
        marked = start <= row + i < end
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
