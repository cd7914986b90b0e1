"""Recorded bytes as a few lines that a person can read. Never markup, never a terminal escape."""

import json
from collections.abc import Callable, Iterator

from probe.model.evidence import Evidence, EvidenceRef
from probe.model.text import clean

MAX_LINES = 18
MAX_WIDTH = 96
MAX_PIECE_LINES = 8
"""Lines of one piece of a transcript; half as many in hex."""
MAX_CHUNK = 640
"""Bytes shown of one piece of a transcript."""
MAX_READ = 1 << 16
"""Bytes of plain evidence that are looked at; masked before anything is cut off."""
TRANSCRIPT = "application/x-transcript+jsonl"

Mask = Callable[[bytes], bytes]


def excerpt(
    evidence: Evidence, data: bytes, ref: EvidenceRef, mask: Mask = bytes
) -> tuple[str, ...]:
    """At most ``MAX_LINES`` lines of the range that ``ref`` names, with a last line for what is left off."""
    part = data[ref.start : ref.end]
    whole = ref.start == 0 and (ref.end is None or ref.end >= len(data))
    if evidence.media_type == TRANSCRIPT:
        lines = _transcript(part, mask)
    elif _texty(part) or evidence.media_type.startswith("text/"):
        lines = _text_lines(mask(part[:MAX_READ]))
    else:
        lines = _hex_lines(mask(part[:MAX_READ]))
    shown: list[str] = []
    for line in lines:
        if len(shown) == MAX_LINES:
            shown[-1] = f"(more: {len(part)} bytes in all)"
            break
        shown.append(line)
    if not whole:
        shown.insert(0, f"(bytes {ref.start} to {ref.start + len(part)} of {len(data)})")
    return tuple(shown) or ("(nothing was recorded: 0 bytes)",)


def _transcript(part: bytes, mask: Mask) -> Iterator[str]:
    """Lines of a connection; a line that is not one of ours is shown as text, and nothing is trusted."""
    for raw in part.splitlines():
        try:
            entry = json.loads(raw)
            if "connection" in entry:
                yield "connection " + clean(str(entry["connection"]), MAX_WIDTH)
                continue
            when, direction = float(entry["t"]), str(entry["dir"])[:1]
            if "text" in entry:
                remark = mask(str(entry["text"]).encode("utf-8", "replace"))
                yield f"{when:8.3f} s # {clean(remark, MAX_WIDTH)}"
                continue
            data = mask(bytes.fromhex(entry["hex"]))
        except (ValueError, KeyError, TypeError):
            yield clean(mask(raw), MAX_WIDTH)
            continue
        yield from _piece(when, direction, data)


def _piece(when: float, direction: str, data: bytes) -> Iterator[str]:
    head, blank = f"{when:8.3f} s {direction} ", " " * 10 + " " + direction + " "
    if not data:
        yield head + "(end of stream)"
        return
    # A long question must not push its answer off the excerpt, so each piece has its own limit.
    if _texty(data):
        lines, most = list(_text_lines(data[:MAX_CHUNK])), MAX_PIECE_LINES
    else:
        lines, most = list(_hex_lines(data[:MAX_CHUNK])), MAX_PIECE_LINES // 2
    for number, line in enumerate(lines[:most]):
        yield (blank if number else head) + line
    if len(data) > MAX_CHUNK or len(lines) > most:
        yield f"{blank}({len(data)} bytes in all)"


def _texty(data: bytes) -> bool:
    """Whether most of it is printable; a few stray bytes do not turn a banner into a hex dump."""
    sample = data[:MAX_CHUNK]
    good = sum(32 <= b < 127 or b in b"\r\n\t" for b in sample)
    return bool(sample) and good >= 0.9 * len(sample)


def _text_lines(data: bytes) -> Iterator[str]:
    for line in data.splitlines():
        if line.strip():
            yield clean(line, MAX_WIDTH)


def _hex_lines(data: bytes) -> Iterator[str]:
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        ascii_part = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        yield f"{at:04x}  {row.hex(' '):<47}  {ascii_part}"
