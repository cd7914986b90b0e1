"""From the root of a file system to every name in it: loops, depth, length and number are bounded here.

Names from an image are never a way on disk; still they are made harmless once, here, for whoever shows them.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from firmware_checks.budget import Budget, OutOfBudget
from firmware_checks.reading import Entry
from firmware_checks.view import Malformed, View
from probe.model.text import REPLACEMENT

DEEPEST = 64
LONGEST = 4096
"""Of a path, in characters: as long as Linux takes it."""
NOTHING = View(b"")
N = TypeVar("N")


def harmless(path: bytes | str) -> str:
    """A path from an image as a name: no leading slash, no ``.`` or ``..``, no control characters."""
    text = path if isinstance(path, str) else path.decode("utf-8", "replace")
    parts = [p for p in text[:LONGEST].split("/") if p not in ("", ".", "..")]
    joined = "/".join(parts)
    return printable(joined)


def target(raw: bytes) -> str:
    """What a symbolic link says, bounded and printable; ``..`` stays, for it is never followed."""
    text = raw[:LONGEST].split(b"\0", 1)[0].decode("utf-8", "replace")
    return printable(text)


def printable(text: str) -> str:
    """With a middle dot for control characters, marks of direction and blanks that are none."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else REPLACEMENT for c in text)


@dataclass(frozen=True, slots=True)
class Found(Generic[N]):
    """One name of a file system and what it names; ``problem`` when its folder was not entered."""

    path: str
    node: N
    problem: str = ""


def descend(
    root: N,
    folder: Callable[[N], Hashable | None],
    children: Callable[[N], Iterator[tuple[bytes, N]]],
    budget: Budget,
) -> Iterator[Found[N]]:
    """Every name below ``root``.

    ``folder``: what tells one folder from all others, None for what is no folder. ``children``: names and
    nodes of a folder; Malformed from it is a problem of that folder. Raises OutOfBudget.
    """
    waiting: list[tuple[str, N, int]] = [("", root, 0)]
    seen: set[Hashable] = {folder(root)}
    number = 0
    while waiting:
        path, node, depth = waiting.pop()
        below, problem = _listing(node, children, budget.limits.files - number)
        if path or problem:
            yield Found(path, node, problem)
        number += len(below)
        budget.check_time()
        for name, child in below:
            part = harmless(name.replace(b"/", b"_"))
            way = f"{path}/{part}" if path else part
            key = folder(child)
            if not part:
                continue
            if key is None:
                yield Found(way, child)
            elif key in seen:
                yield Found(way, child, "this folder is inside itself, or is in two places")
            elif depth >= DEEPEST or len(way) > LONGEST:
                yield Found(way, child, "the folders are too deep")
            else:
                seen.add(key)
                waiting.append((way, child, depth + 1))


def _listing(
    node: N, children: Callable[[N], Iterator[tuple[bytes, N]]], most: int
) -> tuple[list[tuple[bytes, N]], str]:
    """What is in one folder, as far as it can be read, and why no further. Raises OutOfBudget."""
    below: list[tuple[bytes, N]] = []
    try:
        for pair in children(node):
            below.append(pair)
            if len(below) > most:
                raise OutOfBudget("more files than are looked at in one image")
    except Malformed as error:
        return below, f"the folder is damaged: {error}"
    return below, ""


@dataclass(frozen=True, slots=True)
class Item:
    """An entry, and for a file where its bytes begin and how to read them."""

    entry: Entry
    position: int = 0
    read: Callable[[], View] | None = None


def in_disk_order(items: Iterable[Item]) -> Iterator[tuple[Entry, View]]:
    """What has no bytes at once, then the files as they stand; a damaged one becomes a problem of its own."""
    waiting: list[Item] = []
    for item in items:
        if item.read is None:
            yield item.entry, NOTHING
        else:
            waiting.append(item)
    waiting.sort(key=lambda item: item.position)
    for item in waiting:
        assert item.read is not None
        try:
            view = item.read()
        except Malformed as error:
            yield replace(item.entry, problem=f"it cannot be read: {error}"), NOTHING
        else:
            yield item.entry, view


def checked_size(size: int, stored: int, budget: Budget) -> int:
    """``size`` when a file of it may come out of ``stored`` bytes, paid for. Raises Malformed, OutOfBudget."""
    if size > budget.room(stored):
        raise Malformed(f"{size} bytes out of {stored} are more than is read of one file")
    budget.take(size)
    return size
