"""Whether an advisory speaks of a component, and whether its version has the weakness. Pure functions."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import parse_qs, unquote

from firmware_checks.content.advisories import key, known_as, weaknesses
from firmware_checks.content.packages import Package
from probe.model.firmware import ImageComponent
from probe.model.text import clean
from probe.runner.advisory_formats import (
    CLEAR,
    NVD,
    OPEN,
    TRACKER,
    UNDETERMINED,
    Row,
    is_debian,
)
from probe.runner.debversion import deb_key

PROJECTS = ("OSS-Fuzz", "Linux", "Bitnami", "ConanCenter")
"""Ecosystems of OSV whose versions are those of the makers, and whose names are those of programs: the
package ``curl`` of a programming language is another thing."""
FAMILIES = {
    "debian": ("Debian",), "raspbian": ("Debian",), "ubuntu": ("Ubuntu",), "alpine": ("Alpine",),
}  # fmt: skip
"""Whose advisories speak of the packages of a distribution."""
ANY = {"deb": ("Debian", "Ubuntu"), "apk": ("Alpine",)}
"""The same, by the type of purl, where the image does not tell its distribution."""
MANAGERS = {"deb": "dpkg", "apk": "apk", "opkg": "opkg"}
UNTOLD = "the image does not tell its release of Debian"
_REVISION = re.compile(r"[+~]deb(\d{1,2})u\d")


@dataclass(frozen=True, slots=True)
class Subject:
    """A component as advisories name it."""

    names: tuple[str, ...]
    version: str
    """Of the source package, for a package of a distribution."""
    component: str
    upstream: str
    """The version without what the distribution adds."""
    families: tuple[str, ...]
    """The distributions whose advisories count; empty for what comes from none."""
    release: str
    """``12``; empty when it is not known."""
    products: tuple[tuple[str, str], ...]
    """Vendor and product at the NVD."""
    revised: bool
    """A package manager has it: patches may have come without a new version."""


def subject(fact: ImageComponent) -> Subject:
    """Read from the component's name, version and purl (purl-spec)."""
    path, _, query = fact.purl.partition("?")
    kind, _, rest = path.removeprefix("pkg:").partition("/")
    owner = unquote(rest.rpartition("@")[0].rpartition("/")[0]).lower()
    qualifiers = {k: v[0] for k, v in parse_qs(query).items()}
    source, _, source_version = qualifiers.get("upstream", "").partition("@")
    manager = MANAGERS.get(kind, "")
    version = source_version or fact.version
    component, upstream = fact.name, fact.version
    if manager:
        package = Package(manager, fact.name, version, source=source)
        component, upstream = package.component, package.upstream
    families: tuple[str, ...] = ()
    if kind in ANY:
        families = FAMILIES.get(owner, (owner,)) if owner else ANY[kind]
    stated = _REVISION.search(version)
    release = qualifiers.get("distro", "").partition("-")[2] or (stated[1] if stated else "")
    products = known_as(component)
    makers = () if families else (component, *(p for _, p in products))
    kernel = ("kernel",) if component == "linux" else ()
    names = (fact.name, source, *makers, *kernel)
    return Subject(
        names=tuple(dict.fromkeys(n.lower() for n in names if n)),
        version=version,
        component=component,
        upstream=upstream,
        families=families,
        release=release,
        products=products,
        revised=bool(manager),
    )


def speaks_of(row: Row, of: Subject) -> bool:
    """By kind, vendor, distribution and release. For a package of a distribution the NVD does not speak."""
    if row.scheme == NVD:
        return not of.families and (row.vendor, row.name) in of.products
    if row.scheme == TRACKER:
        return "Debian" in of.families
    family = row.scheme.partition(":")[0]
    if of.families:
        return family in of.families and _same_release(row.release, of.release)
    return family in PROJECTS


def _same_release(theirs: str, mine: str) -> bool:
    """``22.04:LTS`` is ``22.04``, ``v3.18`` is ``3.18.4``; one that is not known may be any."""
    named = theirs.partition(":")[0].removeprefix("v")
    return not named or not mine or mine == named or mine.startswith(f"{named}.")


def affects(row: Row, version: str) -> bool:
    """Whether this version has it: named by itself, or within the range."""
    order: Any = deb_key if is_debian(row.scheme) else key
    if any(_named(version, one, row.scheme) for one in row.versions):
        return True
    bounded = row.since or row.after or row.before or row.last
    if not bounded:
        return not row.versions
    mine = order(version)
    return not (
        (row.since not in ("", "0") and mine < order(row.since))
        or (row.after and mine <= order(row.after))
        or (row.before and mine >= order(row.before))
        or (row.last and mine > order(row.last))
    )


def _named(version: str, one: str, scheme: str) -> bool:
    """At the NVD ``7.8`` also stands for ``7.8p1``: an update of it, where the entry names none."""
    if version == one.removeprefix("="):
        return True
    if scheme != NVD:
        return False
    mine, theirs = key(version)[:-1], key(one)[:-1]
    more = mine[len(theirs) :]
    updated = mine[: len(theirs)] == theirs and more and more[0][0] != 2
    return mine == theirs or (not one.startswith("=") and bool(updated))


# --- Debian's tracker ------------------------------------------------------------------------------


def from_tracker(
    every: list[Row], of: Subject, by_number: Collection[str], found: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Puts into ``found`` what the package has; gives what it does not have, though its number tells so.

    The row of the image's own release counts. Where there is none, a package has what it has in every
    release, and is free of what no release has; all else is not determined.
    """
    shipped = {text.partition(" ")[0] for text in weaknesses(of.component, of.upstream)}
    for name, of_all in groupby(sorted(every, key=lambda r: r.id), key=lambda r: r.id):
        releases = list(of_all)
        own = [r for r in releases if r.release == of.release] if of.release else []
        judged = own or releases
        row = min(judged, key=lambda r: (not r.before, deb_key(r.before)))
        where = f"Debian {row.release}" if own else "Debian"
        note = f"; {row.note}" if row.note else ""
        states = {_state(r, of) for r in judged}
        told = name in shipped or name in by_number
        if states == {UNDETERMINED}:
            found[name] = clean(f"{name}, not determined by Debian ({where}{note})", 200)
        elif states == {OPEN}:
            known = f"fixed in {row.before}" if row.before else "not fixed"
            found[name] = clean(f"{name} {known} ({where}{note})", 200)
        elif states == {CLEAR}:
            if told or any(_backport(r, of) for r in judged):
                yield name, clean(f"not affected by {name}: {_why(row, of, where)}", 250)
        else:
            why = f"the file does not speak of Debian {of.release}" if of.release else UNTOLD
            found[name] = clean(f"{name}, not determined: {why}", 200)


def _state(row: Row, of: Subject) -> str:
    """What one release says of this version."""
    if row.before:
        return OPEN if deb_key(of.version) < deb_key(row.before) else CLEAR
    return row.state


def _backport(row: Row, of: Subject) -> bool:
    """It was mended by a revision, without a new version of the component."""
    return bool(row.before) and Package("dpkg", "", row.before).upstream == of.upstream


def _why(row: Row, of: Subject, where: str) -> str:
    if row.state == CLEAR:
        return f"{where} never had it (Debian tracker)"
    return f"the package's version {of.version} has the fix, which came with {row.before} (Debian tracker, {where})"
