"""The shipped table of components: which versions went out of support, and which have known weaknesses.

What comes out is said of a version alone. Whether the weak code is built in and used, nobody has looked.
A row for which no text was found says so: ``not looked up``.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent.parent / "data" / "advisories.toml"
MEMORY = "memory"
"""The source of a row that nobody looked up."""
NOT_LOOKED_UP = "not looked up"
Key = tuple[tuple[int, int, str], ...]
_PART = re.compile(r"\d+|[a-zA-Z]+")
_BEFORE_RELEASE = ("rc", "alpha", "beta", "pre", "dev")
_END = (0, 0, "")


@dataclass(frozen=True, slots=True)
class Table:
    """``edition``: the day on which the table was true, ``2026-11-01``."""

    edition: str
    sources: dict[str, dict[str, str]]
    components: dict[str, dict[str, Any]]


def edition() -> str:
    """The day of the shipped table, without reading its rows."""
    head, _, _ = TABLE.read_text("utf-8").partition("\n[")
    day: str = tomllib.loads(head)["edition"]
    return day


@cache
def table() -> Table:
    """The shipped table, read once."""
    data = tomllib.loads(TABLE.read_text("utf-8"))
    return Table(data["edition"], data["source"], {row["name"]: row for row in data["component"]})


def key(version: str) -> Key:
    """For comparing: numbers by value, ``1.1.1 < 1.1.1a``, ``2019.07-rc1 < 2019.07``."""
    parts: list[tuple[int, int, str]] = []
    for part in _PART.findall(version)[:12]:
        if part.isdecimal():
            parts.append((2, int(part[:12]), ""))
        else:
            word = part.lower()
            parts.append((-1 if word.startswith(_BEFORE_RELEASE) else 1, 0, word))
    return (*parts, _END)


def is_before(version: str, fixed: list[str], since: str = "") -> bool:
    """Whether ``version`` has what ``fixed`` mended: compared with the mended version of its own branch.

    A branch is a version without its last part. A branch that was never mended counts as mended by the
    newest version that was.
    """
    mine = key(version)
    if since and mine < key(since):
        return False
    for one in sorted(fixed, key=key, reverse=True):
        theirs = key(one)
        branch = theirs[:-2]
        if len(branch) > 1 and mine[: len(branch)] == branch:
            return mine < theirs
    return mine < max(key(one) for one in fixed)


def said_of(name: str, version: str) -> tuple[str, ...]:
    """``CVE-… fixed in …`` and ``end of life since …`` for one version; empty for an unknown component."""
    return (*end_of_life(name, version), *weaknesses(name, version))


def end_of_life(name: str, version: str) -> tuple[str, ...]:
    """When the branch of this version went out of support, if that was before the table's edition."""
    for row in table().components.get(name, {}).get("end_of_life", ()):
        branch = key(row["branch"])[:-1]
        if key(version)[: len(branch)] == branch and row["day"] <= table().edition:
            sure = "" if row["confidence"] == "high" else ", about"
            return (f"end of life since {row['day']}{sure}{_told(row)}",)
    return ()


def weaknesses(name: str, version: str) -> tuple[str, ...]:
    """The table's weaknesses that this version has, by its number alone."""
    return tuple(
        f"{row['id']} fixed in {' or '.join(row['fixed'][-3:])}{_told(row, row['year'], row['about'])}"
        for row in table().components.get(name, {}).get("advisory", ())
        if is_before(version, row["fixed"], row.get("since", ""))
    )


def known_as(name: str) -> tuple[tuple[str, str], ...]:
    """Vendor and product of the component at the NVD; empty for one that the table does not have."""
    row = table().components.get(name.lower())
    pairs = (one.partition(":") for one in row["cpe"]) if row else ()
    return tuple((vendor, product) for vendor, _, product in pairs)


def _told(row: dict[str, Any], year: int | None = None, about: str = "") -> str:
    """What it is about, and where it was read."""
    what = f": {about}" if about else ""
    if row["source"] == MEMORY:
        return f", {NOT_LOOKED_UP}{what}"
    title = table().sources[row["source"]]["title"]
    return f"{what} ({title}, {year})" if year else f"{what} ({title})"
