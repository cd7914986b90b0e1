"""One search for the words of all topics: every file goes once through one compiled automaton.

A topic names what it looks for in ``PATTERNS``; where a pattern ends comes back, and the topic reads that
place with ``re``. (Hyperscan goes through a file at 2-3 GB/s, whatever the number of patterns; ``re`` with
the same patterns in one alternation needs longer than the decompression of the image.)
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, AnyStr

from firmware_checks.view import View

MOST_OF_ONE = 500
"""Hits of one pattern in one window that are kept: a file with more is a word list."""
MOST_HITS = 200_000
"""Hits in one window, after which it is left: it was made to cost time."""
WINDOW = 64 << 20
"""Bytes given to the automaton at once; the windows of a larger file overlap."""
OVERLAP = 4096


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a topic looks for. ``expression`` is of bytes, without look-around or references."""

    name: str
    """Of one pattern among all topics: ``secrets.aws``."""
    expression: bytes
    caseless: bool = False
    once: bool = False
    """The first hit in a file is enough."""


@cache
def compiled(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """A pattern that is made when a search first hit: most of them never are in one image."""
    return re.compile(source, flags)


def is_full(there: "Hits", name: str) -> bool:
    """So many hits of this pattern that later ones were not kept: what they are is not known."""
    return len(there.get(name, ())) >= MOST_OF_ONE


Hits = dict[str, list[int]]
"""Where each pattern ends, by its name; sorted."""


class Scanner:
    """The automaton, and what it said of the last file: all topics ask for the same file in turn."""

    def __init__(self, patterns: tuple[Pattern, ...]) -> None:
        import pyperscan as hs

        self._hits: dict[str, list[int]] = {}
        self._number = 0
        self.left = False
        """The last file had so many hits that a part of it was not searched."""
        self._last: View | None = None
        self._found: Hits = {}
        compiled = []
        for one in patterns:
            flags = [hs.Flag.CASELESS] if one.caseless else []
            flags += [hs.Flag.SINGLEMATCH] if one.once else []
            compiled.append(hs.Pattern(one.expression, *flags, tag=one.name))
        go_on, stop = hs.Scan.Continue, hs.Scan.Terminate

        def hit(_context: object, tag: str, _start: int, end: int) -> Any:
            self._number += 1
            if len(ends := self._hits.setdefault(tag, [])) < MOST_OF_ONE:
                ends.append(end)
            return go_on if self._number < MOST_HITS else stop

        self._scanner = hs.BlockDatabase(*compiled).build(None, hit)

    def hits(self, view: View) -> Hits:
        """What is in the file. The same object again costs nothing."""
        if view is not self._last:
            self._found = self._search(view)
            self._last = view
        return self._found

    def _search(self, view: View) -> Hits:
        found: dict[str, set[int]] = {}
        self.left = False
        for at in range(0, len(view), WINDOW - OVERLAP):
            self._hits, self._number = {}, 0
            self._scanner.scan(view.raw[at : at + WINDOW])
            if len(view) > WINDOW:
                view.release()
            self.left |= self._number >= MOST_HITS
            for name, ends in self._hits.items():
                found.setdefault(name, set()).update(at + end for end in ends)
        return {name: sorted(ends) for name, ends in found.items()}


@cache
def scanner() -> Scanner:
    """The automaton of all topics, compiled when the first file is there."""
    files = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    modules = [import_module(f"firmware_checks.content.{f.stem}") for f in files]
    patterns = [p for m in modules for p in getattr(m, "PATTERNS", ())]
    return Scanner(tuple(patterns))


def hits(view: View) -> Hits:
    """Where the patterns of all topics end in this file."""
    return scanner().hits(view)
