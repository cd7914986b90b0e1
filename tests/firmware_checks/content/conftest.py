"""File trees as plain values: each topic sees the entries as a file system would give them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.content import inspectors
from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View
from probe.model.firmware import FirmwareFact

Content = bytes | tuple[bytes, int] | str | int
"""A file's bytes; with its mode; the target of a link; the mode of a directory."""


def entry_of(path: str, content: Content) -> tuple[Entry, View]:
    data, mode, kind, target = b"", 0o644, Kind.FILE, ""
    if isinstance(content, bytes):
        data = content
    elif isinstance(content, tuple):
        data, mode = content
    elif isinstance(content, str):
        mode, kind, target = 0o777, Kind.LINK, content
    else:
        mode, kind = content, Kind.DIRECTORY
    entry = Entry(path=path, kind=kind, mode=mode, uid=0, gid=0, size=len(data), target=target)
    return entry, View(data)


def facts_of(files: dict[str, Content]) -> list[FirmwareFact]:
    """What all topics say of one file system."""
    looking = inspectors("image", "0/1")
    found: list[tuple[FirmwareFact, bytes]] = []
    for path, content in files.items():
        entry, view = entry_of(path, content)
        for inspector in looking:
            found += inspector.look(entry, view)
    for inspector in looking:
        found += inspector.end()
    assert all(shown for _, shown in found), "each fact has bytes that show it"
    return [fact for fact, _ in found]


@pytest.fixture
def facts() -> Callable[..., list[Any]]:
    """``facts(files)``, or ``facts(files, Kind)`` for the facts of one kind only."""

    def run(files: dict[str, Content], kind: type[Any] = object) -> list[Any]:
        return [fact for fact in facts_of(files) if isinstance(fact, kind)]

    return run


@pytest.fixture
def written(tool: Callable[..., Any], tmp_path: Path) -> Callable[..., bytes]:
    """The file that a program writes."""

    def run(name: str, *argv: str) -> bytes:
        tool(*argv)
        return (tmp_path / name).read_bytes()

    return run
