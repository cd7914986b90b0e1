"""What bytes without a known format are: where a layer may begin in them, whether they are text, how mixed."""

import math

from firmware_checks.formats import found
from firmware_checks.view import View

SAMPLE = 65_536
WINDOWS = 16
MOST_BEGINNINGS = 2_000
"""Of one magic: a file system whose every node has one must not hide what stands behind it."""
CONTROL = bytes(b for b in range(32) if b not in b"\t\n\v\f\r\x1b") + b"\x7f"
SUFFIXES = (".gz", ".xz", ".lzma", ".bz2", ".zst", ".lz4", ".lzo")


def beginnings(view: View) -> list[int]:
    """Offsets where a magic that is strict enough to be searched for says that a layer may begin."""
    hits: set[int] = set()
    for one in found():
        for magic, offset in one.anchors if one.searched else ():
            at = -1
            for _ in range(MOST_BEGINNINGS):
                at = view.find(magic, at + 1)
                if at < 0:
                    break
                if at >= offset:
                    hits.add(at - offset)
    return sorted(hits)


def entropy(view: View) -> float:
    """Shannon entropy in bits per byte, of windows all over the bytes, without the padding at their end."""
    step = max(SAMPLE // WINDOWS, len(view) // WINDOWS)
    windows = [
        view.read(at, min(SAMPLE // WINDOWS, len(view) - at)) for at in range(0, len(view), step)
    ]
    sample = b"".join(windows)
    sample = sample.rstrip(b"\xff").rstrip(b"\0") or sample
    counts = [sample.count(value) for value in range(256)]
    return -sum(n / len(sample) * math.log2(n / len(sample)) for n in counts if n)


def is_text(view: View) -> bool:
    """UTF-8 without control characters, by its first 64 KiB."""
    sample = view.read(0, min(SAMPLE, len(view)))
    if len(sample) != len(sample.translate(None, CONTROL)):
        return False
    try:
        # A character may be cut at the sample's end: of at most three bytes before.
        sample[: len(sample) - 3].decode()
    except UnicodeDecodeError as error:
        return error.end >= len(sample) - 6 and len(sample) == SAMPLE
    return True


def without_suffix(name: str) -> str:
    """The name of what a compressed file holds; empty when its name does not tell."""
    return next((name[: -len(s)] for s in SUFFIXES if name.lower().endswith(s)), "")
