"""One TOML file as bytes, as values, and as places: which line holds which key."""

import hashlib
import re
import stat
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from probe.errors import ProbeError
from probe.model.finding import Owner
from probe.model.text import clean

LIMIT = 4 * 1024 * 1024
"""Bytes. The largest shipped catalogue has about a twentieth of it."""
PACKAGE = Path(__file__).resolve().parent.parent

Place = tuple[str | int, ...]
"""Where a value is: ``("requirement", 3, "check", 0, "strength")``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with one file."""

    file: str
    line: int
    """1-based; 0 when the fault is about the file as a whole."""
    key: str
    what: str
    hint: str

    @property
    def sentence(self) -> str:
        """Place and fault, without the hint."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(filter(None, (where, self.key, self.what)))

    def __str__(self) -> str:
        return f"{self.sentence}. {self.hint}"


class FileFault(ProbeError):
    """A file that cannot be used; the message is its first fault, ``faults`` are all of them."""

    def __init__(self, faults: tuple[Fault, ...], owner: Owner = Owner.OPERATOR) -> None:
        self.faults = faults
        more = len(faults) - 1
        also = f" ({more} more fault{'s' * (more > 1)} in this file)" if more else ""
        super().__init__(faults[0].sentence + also, faults[0].hint, owner=owner)


class Source:
    """A file that was read whole and parsed; raises FileFault when that is not possible."""

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self.path = path
        self.shown = clean(str(path), 300)
        self.owner = Owner.TOOL if PACKAGE in path.absolute().parents else Owner.OPERATOR
        raw = self._read(limit)
        self.sha256 = hashlib.sha256(raw).hexdigest()
        self.text = self._decode(raw)
        self.values = self._parse()

    def fault(self, place: Place, what: str, hint: str) -> Fault:
        """A fault at ``place``, with the nearest line that is known for it."""
        return Fault(
            file=self.shown, line=self.line(place), key=self.name(place), what=what, hint=hint
        )

    def line(self, place: Place) -> int:
        """The line of ``place``, else that of what it is in; 0 when there is none."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return 0

    def name(self, place: Place) -> str:
        """``place`` for people: ``requirement 5.1-1, check 2, strength``."""
        words: list[str] = []
        value: Any = self.values
        for part in place:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                value = None
            if isinstance(part, int):
                own = value.get("id") if isinstance(value, dict) else None
                words[-1] += f" {clean(own, 40) if isinstance(own, str) else part + 1}"
            else:
                words.append(clean(part, 60))
        return ", ".join(words)

    @cached_property
    def lines(self) -> dict[Place, int]:
        """Only asked for when something is wrong: a healthy file is scanned once, by tomllib."""
        return places(self.text)

    def _whole(self, what: str, hint: str, line: int = 0) -> FileFault:
        return FileFault(
            (Fault(file=self.shown, line=line, key="", what=what, hint=hint),), self.owner
        )

    def _read(self, limit: int) -> bytes:
        try:
            if not stat.S_ISREG(self.path.stat().st_mode):
                # A pipe or a device would block, or never end.
                raise self._whole("this is not a regular file", "Give the path of a TOML file.")
            with self.path.open("rb") as stream:
                raw = stream.read(limit + 1)
        except FileNotFoundError:
            raise self._whole("there is no such file", "Correct the path.") from None
        except (OSError, ValueError) as problem:
            why = getattr(problem, "strerror", None) or str(problem)
            raise self._whole(f"it cannot be read: {why}", "Make the file readable.") from None
        if len(raw) > limit:
            raise self._whole(
                f"it is larger than {limit // 1024} KiB",
                "Give a TOML file; this is too large for one.",
            )
        return raw

    def _decode(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as problem:
            line = raw.count(b"\n", 0, problem.start) + 1
            raise self._whole(
                "this is not UTF-8 text", "Save the file as UTF-8 TOML.", line
            ) from None

    def _parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except RecursionError:
            raise self._whole(
                "values are nested too deeply", "Use the documented tables."
            ) from None
        except ValueError as problem:
            said = clean(str(problem), 200)
            at = re.search(r" \(at line (\d+), column (\d+)\)$", said)
            line = int(at[1]) if at else self.text.count("\n") + 1
            message = said[: at.start()] if at else said.removesuffix(" (at end of document)")
            column = f" in column {at[2]}" if at else " at the end"
            raise self._whole(
                f"this is not TOML: {message}{column}", "Correct the line.", line
            ) from None


# --- places --------------------------------------------------------------------------------------

KEY_PART = re.compile(r"""[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
SKIPPED = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'  # the longest run of quotes closes: TOML 1.0, multi-line strings
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[^\"'\#\[\]{}\n]+",
    re.DOTALL,
)


def places(text: str) -> dict[Place, int]:
    """The line of every table header, ``key =`` and table in an inline array, in a valid TOML text."""
    found: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    at = 0
    while at < len(text):
        if text[at] in " \t\n":
            at += 1
        elif text[at] == "#":
            at = _end_of_line(text, at)
        elif text[at] == "[":
            array = text.startswith("[[", at)
            keys, _ = _keys(text, at + 1 + array)
            table = _resolve(keys, counts, array)
            found.setdefault(table, _line_of(text, at))
            if array:
                found.setdefault(table[:-1], _line_of(text, at))
            at = _end_of_line(text, at)
        else:
            keys, after = _keys(text, at)
            place = (*table, *keys)
            found[place] = _line_of(text, at)
            at, elements = _after_value(text, after + 1)
            for n, element in enumerate(elements):
                found[(*place, n)] = _line_of(text, element)
    return found


def _line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _keys(text: str, at: int) -> tuple[list[str], int]:
    """The parts of a dotted key that starts at ``at``, and the position after it."""
    keys: list[str] = []
    while part := KEY_PART.match(text, at):
        keys.append(next((g for g in part.groups() if g is not None), ""))
        at = part.end()
        if not text.startswith(".", at):
            break
        at += 1
    return keys, at


def _resolve(keys: list[str], counts: dict[Place, int], array: bool) -> Place:
    """The place of a table header; below an array of tables it means that array's last element."""
    place: Place = ()
    for n, key in enumerate(keys):
        place = (*place, key)
        if array and n == len(keys) - 1:
            counts[place] = counts.get(place, 0) + 1
        if place in counts:
            place = (*place, counts[place] - 1)
    return place


def _after_value(text: str, at: int) -> tuple[int, list[int]]:
    """The position after a value, and those of the inline tables that are its elements."""
    depth = 0
    elements: list[int] = []
    while at < len(text):
        if text[at] == "\n" and depth == 0:
            break
        if text[at] == "{" and depth == 1:
            elements.append(at)
        if text[at] in "[]{}":
            depth += 1 if text[at] in "[{" else -1
        skipped = SKIPPED.match(text, at)
        at = skipped.end() if skipped else at + 1
    return at, elements
