"""What bytes without a known format are: where a layer may begin in them, whether they are text, how mixed."""

import math
import sys
from functools import cache
from typing import Any

from firmware_checks.formats import found
from firmware_checks.view import View

SAMPLE = 65_536
WINDOWS = 16
MOST_BEGINNINGS = 2_000
"""Of one magic: a file system whose every node has one must not hide what stands behind it."""
LARGE = 256 << 10
"""Bytes from which on loading the search and compiling the magics pays (30 ms); when it is loaded, it does for
all: 50 ms for 700 kB one by one, less than 1 ms in one pass."""
WINDOW = 64 << 20
MOST_CALLS = 200_000
"""Hits in one window: bytes that are nothing but magics were made to cost time."""
CONTROL = bytes(b for b in range(32) if b not in b"\t\n\v\f\r\x1b") + b"\x7f"
SUFFIXES = (".gz", ".xz", ".lzma", ".bz2", ".zst", ".lz4", ".lzo")


def beginnings(view: View) -> list[int]:
    """Offsets where a magic that is strict enough to be searched for says that a layer may begin."""
    magics = [anchor for one in found() if one.searched for anchor in one.anchors]
    wanted = tuple(dict.fromkeys(magic for magic, _ in magics))
    one_pass = len(view) >= LARGE or "pyperscan" in sys.modules
    hits = _compiled(wanted)(view) if one_pass else _one_by_one(view, wanted)
    return sorted({at - offset for magic, offset in magics for at in hits[magic] if at >= offset})


def _one_by_one(view: View, magics: tuple[bytes, ...]) -> dict[bytes, list[int]]:
    """Where each magic stands. For few bytes: nothing has to be compiled first."""
    data = view.read()
    hits: dict[bytes, list[int]] = {magic: [] for magic in magics}
    for magic, places in hits.items():
        at = data.find(magic)
        while at >= 0 and len(places) < MOST_BEGINNINGS:
            places.append(at)
            at = data.find(magic, at + 1)
    return hits


class _Search:
    """All magics in one pass: 75 of them in 65 MB take 25 seconds one by one."""

    def __init__(self, magics: tuple[bytes, ...]) -> None:
        import pyperscan as hs

        self._magics, self._at, self._calls = magics, 0, 0
        self._hits: dict[bytes, list[int]] = {}
        go_on, stop = hs.Scan.Continue, hs.Scan.Terminate

        def hit(_context: object, tag: str, _start: int, end: int) -> Any:
            self._calls += 1
            magic = magics[int(tag)]
            if len(places := self._hits[magic]) < MOST_BEGINNINGS:
                places.append(self._at + end - len(magic))
            return go_on if self._calls < MOST_CALLS else stop

        escaped = [b"".join(b"\\x%02x" % byte for byte in magic) for magic in magics]
        compiled = [hs.Pattern(text, tag=str(n)) for n, text in enumerate(escaped)]
        self._scanner = hs.BlockDatabase(*compiled).build(None, hit)

    def __call__(self, view: View) -> dict[bytes, list[int]]:
        """Where each magic stands; a window that is made of nothing but magics is left early."""
        self._hits = {magic: [] for magic in self._magics}
        more = max(map(len, self._magics)) - 1
        for at in range(0, len(view), WINDOW):
            self._at, self._calls = at, 0
            self._scanner.scan(view.raw[at : at + WINDOW + more])
            view.release()
        return {magic: sorted(set(places)) for magic, places in self._hits.items()}


_compiled = cache(_Search)


def entropy(view: View) -> float:
    """Shannon entropy in bits per byte, of windows all over the bytes, without the padding at their end."""
    step = max(SAMPLE // WINDOWS, len(view) // WINDOWS)
    windows = [
        view.read(at, min(SAMPLE // WINDOWS, len(view) - at)) for at in range(0, len(view), step)
    ]
    sample = b"".join(windows)
    sample = sample.rstrip(b"\xff").rstrip(b"\0") or sample
    counts = [sample.count(value) for value in range(256)]
    return sum(n / len(sample) * math.log2(len(sample) / n) for n in counts if n)


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
