"""Bare programs as trees: their pieces are files of which the topics may ask what stands in them.

A microcontroller's image has no file system; passwords and keys stand in its code and data all the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.budget import Budget
from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View


@dataclass(frozen=True, slots=True)
class Pieces:
    """A Tree of named pieces. None of them may be the whole layer: it would be read again without end."""

    pieces: tuple[tuple[str, View], ...]

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        """Each piece as a plain file. Raises OutOfBudget."""
        for name, view in self.pieces:
            budget.take(len(view))
            yield (
                Entry(path=name, kind=Kind.FILE, mode=0o644, uid=0, gid=0, size=len(view)),
                view,
            )
