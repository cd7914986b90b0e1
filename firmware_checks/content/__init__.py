"""What is looked for in the files of an image: one file for each topic, found by its place.

A topic has the constant ``TOPIC``: it makes an Inspector for each file system. An Inspector sees every
entry once, in the order in which the file system is cheapest to read, and speaks when it knows something:
at the entry, or at the end.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from firmware_checks.reading import Entry, Facts
from firmware_checks.view import View

__all__ = ["BY_NAME", "Facts", "Inspector", "Topic", "inspectors", "topics"]


class Inspector(Protocol):
    """One topic in one file system. Raises nothing for what a file holds."""

    name: str

    def look(self, entry: Entry, view: View) -> Facts: ...
    def end(self) -> Facts: ...


BY_NAME = frozenset(
    {
        "accounts",
        "authorised keys",
        "permissions",
        "remote management",
        "start-up",
        "tools",
        "web pages",
        "Wi-Fi secrets",
    }
)
"""Inspectors that know what is theirs by path and rights alone: nothing is theirs where files have none."""

Topic = Callable[[str, str], Inspector]
"""Makes an Inspector: ``(image, place)``."""


@cache
def topics() -> tuple[Topic, ...]:
    """Every topic, by the name of its file."""
    files = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    modules = [import_module(f"firmware_checks.content.{file.stem}") for file in files]
    return tuple(cast(Topic, m.TOPIC) for m in modules if hasattr(m, "TOPIC"))


def inspectors(image: str, place: str) -> list[Inspector]:
    """A new Inspector of every topic, for one file system."""
    return [topic(image, place) for topic in topics()]
