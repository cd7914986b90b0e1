"""The order of Debian's version numbers (Debian Policy section 5.6.12)."""

import re
from typing import Any

_PIECES = re.compile(r"(\D*)(\d*)")


def deb_key(version: str) -> tuple[int, tuple[Any, ...], tuple[Any, ...]]:
    """For comparing: epoch, upstream version, revision."""
    epoch, colon, rest = version.partition(":")
    if not colon or not epoch.isdecimal():
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, ""
    return int(epoch[:9]), _part(upstream[:200]), _part(revision[:200])


def _part(text: str) -> tuple[Any, ...]:
    pieces: list[Any] = []
    for word, number in _PIECES.findall(text):
        pieces += [(*map(_weight, word), 0), int(number[:18] or 0)]
    return tuple(pieces)


def _weight(character: str) -> int:
    """A tilde comes before the end, the end before letters, letters before everything else."""
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256
