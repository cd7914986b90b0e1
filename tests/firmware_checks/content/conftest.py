"""File trees as plain values: each topic sees the entries as a file system would give them."""

import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.content import inspectors
from firmware_checks.reading import Entry, Kind, Quote
from firmware_checks.view import View
from probe.model.firmware import FirmwareFact, ImageWeakness

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


SENTENCES = ("not read", "setuid", "setuid, usual", "world-writable", "world-readable")
"""What no bytes of a file show: what was left out, and rights, which stand in the inode."""


def _all_of(files: dict[str, Content]) -> bytes:
    """Every byte of the files, of those that are compressed, and of the names."""
    every: list[bytes] = []
    for path, content in files.items():
        data = content[0] if isinstance(content, tuple) else content
        raw = data if isinstance(data, bytes) else str(data).encode()
        every += [path.encode(), raw]
        if (at := raw.find(b"\x1f\x8b")) >= 0:
            with suppress(zlib.error):
                every.append(zlib.decompressobj(31).decompress(raw[at:]))
    return b"\n".join(every)


def facts_of(files: dict[str, Content]) -> list[FirmwareFact]:
    """What all topics say of one file system."""
    looking = inspectors("image", "0/1")
    found: list[tuple[FirmwareFact, bytes | tuple[Quote, ...]]] = []
    for path, content in files.items():
        entry, view = entry_of(path, content)
        for inspector in looking:
            found += inspector.look(entry, view)
    for inspector in looking:
        found += inspector.end()
    for fact, shown in found:
        assert shown, "each fact has bytes that show it"
        if not (isinstance(fact, ImageWeakness) and fact.kind in SENTENCES):
            for data in [shown] if isinstance(shown, bytes) else [q.data for q in shown]:
                assert data, fact
                assert all(line in _all_of(files) for line in data.split(b"\n")), fact
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
