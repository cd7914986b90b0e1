"""The files of a TUF repository, compared with what the metadata say of them.

Source: The Update Framework specification 1.0, sections 4.5 (targets) and 6.2 (consistent snapshots).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firmware_checks.budget import Budget, OutOfBudget
from firmware_checks.view import Malformed, View

HASHES = ("sha256", "sha512", "sha384", "sha224", "blake2b", "blake2s")
MOST_FOLDERS = 32
"""Of one name, in the search for the folder from which its path counts."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive; ``load`` raises Malformed or OutOfBudget."""

    name: str
    load: Callable[[Budget], View]

    @property
    def folder(self) -> str:
        return self.name.rpartition("/")[0]


def matches(row: dict[str, Any], view: View) -> bool | None:
    """Whether length and hashes are those of the bytes; None when no hash is given that is known here."""
    length = row.get("length")
    if isinstance(length, int) and length != len(view):
        return False
    hashes = row.get("hashes")
    known = [
        (name, value)
        for name, value in (hashes.items() if isinstance(hashes, dict) else ())
        if name in HASHES and isinstance(value, str)
    ]
    if not known:
        return None
    return all(hashlib.new(n, view.raw).hexdigest() == value.lower() for n, value in known)


def files_of(
    members: list[Member],
    metadata: set[str],
    targets: dict[str, dict[str, Any]],
    base: str,
    budget: Budget,
) -> tuple[list[str], list[str], list[str]]:
    """Files beside the metadata: those that differ, those that nobody describes, those not read."""
    wrong, loose, unseen = [], [], []
    for member in members:
        if member.name in metadata or not member.name.startswith(base):
            continue
        row = described(member.name[len(base) :].lstrip("/"), targets)
        if row is None:
            loose.append(member.name)
            continue
        try:
            holds = matches(row, member.load(budget))
        except (Malformed, OutOfBudget):
            unseen.append(member.name)
            continue
        if holds is False:
            wrong.append(member.name)
        elif holds is None:
            loose.append(member.name)
    return wrong, loose, unseen


def described(name: str, targets: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """The description of a file: its path below some folder, with its hash before the name or without."""
    parts = name.split("/")
    for at in range(max(0, len(parts) - MOST_FOLDERS), len(parts)):
        path = "/".join(parts[at:])
        if path in targets:
            return targets[path]
        folder, slash, last = path.rpartition("/")
        front, dot, rest = last.partition(".")
        plain = folder + slash + rest
        if dot and plain in targets:
            hashes = targets[plain].get("hashes")
            if isinstance(hashes, dict) and front in hashes.values():
                return targets[plain]
    return None
