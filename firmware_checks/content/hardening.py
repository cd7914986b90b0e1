"""How the native programs of a file system were built: counted, with the worst as examples."""

from firmware_checks.content import Facts
from firmware_checks.content.elf import Elf, read_elf
from firmware_checks.reading import Entry, Kind, Quote
from firmware_checks.view import View
from probe.model.firmware import ImageHardening
from probe.model.text import clean

MOST_EXAMPLES = 10
MOST_QUOTED = 3
"""Programs whose headers are evidence."""
HEADERS = 512
"""Bytes: the ELF header and its table of segments (GNU_STACK, GNU_RELRO, DYN or EXEC)."""


class Hardening:
    """One file system."""

    name = "hardening"

    def __init__(self, image: str, place: str) -> None:
        self.image, self.place = image, place
        self._elves: list[tuple[str, Elf, bytes]] = []

    def look(self, entry: Entry, view: View) -> Facts:
        if entry.kind is Kind.FILE and (elf := read_elf(view)) is not None:
            self._elves.append((entry.path, elf, view.read(0, min(HEADERS, len(view)))))
        yield from ()

    def end(self) -> Facts:
        if not self._elves:
            return
        elves = [elf for _, elf, _ in self._elves]
        lacking = sorted(
            ((e.missing(), path, e.program, head) for path, e, head in self._elves if e.missing()),
            key=lambda row: (-len(row[0]), not row[2], row[1]),
        )
        rows = [f"{path}: without {', '.join(missing)}" for missing, path, _, _ in lacking]
        fact = ImageHardening(
            image=self.image,
            place=self.place,
            programs=len(elves),
            without_nx=sum(not e.nx for e in elves),
            without_pie=sum(e.pie is False for e in elves),
            without_relro=sum(not e.relro for e in elves),
            without_canary=sum(e.canary is False for e in elves),
            without_fortify=sum(e.fortify is False for e in elves),
            examples=tuple(clean(row, 200) for row in rows[:MOST_EXAMPLES]),
        )
        worst = [(path, head) for _, path, _, head in lacking[:MOST_QUOTED]]
        shown = worst or [(path, head) for path, _, head in self._elves[:1]]
        yield fact, tuple(Quote(path, 0, head) for path, head in shown)


TOPIC = Hardening
