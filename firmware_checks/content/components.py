"""The components of other makers, each with what shows its version: the package database before the
program's own banner before a text in another program. A mention is no component.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import quote

from firmware_checks.content import Facts
from firmware_checks.content.advisories import end_of_life, said_of
from firmware_checks.content.banners import ALONE, BANNERS, NAMED, Banner
from firmware_checks.content.files import (
    NOT_READ,
    is_documentation,
    is_text,
    numbered,
    raw_lines,
    weakness,
)
from firmware_checks.content.packages import LARGEST, RPM, Package, packages
from firmware_checks.content.scan import hits
from firmware_checks.reading import Entry, Kind, Quote
from firmware_checks.view import View
from probe.model.firmware import ImageComponent
from probe.model.text import clean

DATABASE, BANNER, STRING = "package database", "banner", "string"
MOST = 4_000
_RELEASE = re.compile(r"(?:^|/)(?:etc|usr/lib)/(?:os-release|openwrt_release)$")
_MODULES = re.compile(
    r"(?:^|/)lib/modules/(?:(\d{1,2}\.\d{1,3}\.0-\d{1,4}-[^/]{1,40})|(\d{1,2}\.\d{1,3}\.\d{1,3})[^/]*)(?:/|$)"
)
"""A release of a distribution (``6.1.0-50-armmp``) is named by its ABI: which version it is stands elsewhere."""
_RELEASE_FIELDS = {
    "ID": "id",
    "VERSION_ID": "version",
    "DISTRIB_ID": "id",
    "DISTRIB_RELEASE": "version",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One sign of one component."""

    component: str
    version: str
    path: str
    text: str
    raw: bytes
    """The bytes that show it: of a name the name itself."""
    line: int = 0


@dataclass(slots=True)
class Inventory:
    """Everything that one file system shows, until its end says what beats what."""

    packages: list[tuple[str, Package]] = field(default_factory=list)
    banners: dict[tuple[str, str], Seen] = field(default_factory=dict)
    strings: dict[tuple[str, str], Seen] = field(default_factory=dict)
    release: dict[str, str] = field(default_factory=dict)
    release_path: str = ""
    release_raw: list[bytes] = field(default_factory=list)

    def add(self, evidence: str, seen: Seen) -> None:
        """The first place of a version is kept."""
        kept = self.banners if evidence == BANNER else self.strings
        if len(kept) < MOST:
            kept.setdefault((seen.component, seen.version), seen)

    def best(self) -> list[tuple[str, Seen]]:
        """Without packages: banners of components that no package has, texts of those that have no banner.

        Several kernels may stand beside each other, whatever else is known of one.
        """
        # hostapd is one of the packages that are built from wpa.
        packaged = {name for _, one in self.packages for name in (one.component, one.name)}
        bannered = {component for component, _ in self.banners}
        found = [(BANNER, s) for s in self.banners.values() if s.component not in packaged]
        found += [
            (STRING, s)
            for s in self.strings.values()
            if s.component not in packaged
            and (s.component == "linux" or s.component not in bannered)
        ]
        return sorted(found, key=lambda row: (row[1].component, row[1].version))


class Components:
    """One file system."""

    name = "components"

    def __init__(self, image: str, place: str) -> None:
        self.image, self.place = image, place
        self._found = Inventory()

    def look(self, entry: Entry, view: View) -> Facts:
        if found := _MODULES.search(entry.path):
            shown = entry.path[: found.end()].rstrip("/")
            self._found.add(
                BANNER,
                Seen("linux", found.group(2) or found.group(1), shown, shown, shown.encode()),
            )
        if entry.kind is not Kind.FILE or not len(view):
            return
        if RPM.search(entry.path):
            what = "the packages in an rpm database are not read"
            yield weakness((self.image, self.place), entry.path, NOT_READ, what)
        elif _RELEASE.search(entry.path) and is_text(view):
            self._release(entry, view)
        elif len(view) <= LARGEST and (installed := list(packages(entry.path, view))):
            room = max(0, MOST - len(self._found.packages))
            self._found.packages += [(entry.path, p) for p in installed[:room]]
        elif not is_documentation(entry.path) and not is_text(view):
            self._program(entry.path, view)

    def end(self) -> Facts:
        distribution = self._found.release.get("id", "")
        if distribution and (version := self._found.release.get("version", "")):
            told = f"{distribution} {version}"
            raw = b"\n".join(self._found.release_raw)
            seen = Seen(distribution, version, self._found.release_path, told, raw)
            yield self._fact(BANNER, seen, said_of(distribution, version))
        for path, package in _once(self._found.packages):
            told = f"{package.name} {package.version}"
            seen = Seen(package.name, package.version, path, told, package.raw, package.line)
            purl = package.purl(distribution, self._found.release.get("version", ""))
            yield self._fact(DATABASE, seen, package.advisories(), purl)
        for evidence, seen in self._found.best():
            by_abi = seen.component == "linux" and "-" in seen.version
            said = end_of_life if by_abi else said_of
            yield self._fact(evidence, seen, said(seen.component, seen.version))

    def _fact(
        self, evidence: str, seen: Seen, advisories: tuple[str, ...], purl: str = ""
    ) -> tuple[ImageComponent, tuple[Quote, ...]]:
        generic = f"pkg:generic/{quote(seen.component, safe='')}@{quote(seen.version, safe='')}"
        fact = ImageComponent(
            image=self.image,
            place=self.place,
            path=clean(seen.path, 300),
            name=clean(seen.component, 100),
            version=clean(seen.version, 100),
            evidence=evidence,
            text=clean(seen.text, 200),
            purl=clean(purl or generic, 400),
            advisories=tuple(clean(a, 300) for a in advisories[:50]),
        )
        return fact, (Quote(seen.path, seen.line, seen.raw),)

    # --- signs -----------------------------------------------------------------------------------

    def _release(self, entry: Entry, view: View) -> None:
        numbers, said = [], self._found.release
        for number, line in numbered(view):
            name, equals, value = line.partition("=")
            known = _RELEASE_FIELDS.get(name, "")
            if equals and known and known not in said:
                said[known] = clean(value.strip("\"' ").lower(), 60)
                numbers.append(number)
        if numbers:
            self._found.release_path = entry.path
            self._found.release_raw += raw_lines(view, numbers).values()

    def _program(self, path: str, view: View) -> None:
        name = path.rsplit("/", 1)[-1]
        for component, pattern in NAMED:
            if found := pattern.match(name):
                self._found.add(BANNER, Seen(component, found.group(1), path, name, name.encode()))
        there = hits(view)
        told = set[str]()
        for banner in BANNERS:
            own = banner.own.search(name) is not None
            if not own and not banner.unmistakable:
                continue
            for end in there.get(f"banner.{banner.component}", [])[:10]:
                if seen := _read(banner, path, view, end):
                    told.add(banner.component)
                    self._found.add(BANNER if own else STRING, seen)
        self._alone(name, path, view, told)

    def _alone(self, name: str, path: str, view: View, told: set[str]) -> None:
        for component, (own, pattern) in ALONE.items():
            if component in told or not own.search(name) or len(view) > LARGEST:
                continue
            found = {m.group(1): m.group() for m in pattern.finditer(view.read())}
            if len(found) == 1:
                ((said, raw),) = found.items()
                version = said.decode()
                self._found.add(BANNER, Seen(component, version, path, f"{name} {version}", raw))


TOPIC = Components


def _read(banner: Banner, path: str, view: View, end: int) -> Seen | None:
    """The version at a hit; for one that stands elsewhere in the file, the only one there is."""
    begin = max(0, end - 120)
    found = banner.text.search(bytes(view.raw[begin : end + 300]))
    if found is None and not banner.unmistakable and len(view) <= LARGEST:
        found = banner.text.search(view.read())
    if found is None:
        return None
    version = found.group(found.lastindex or 1).split(b" ")[0].decode("ascii", "replace")
    return Seen(
        banner.component, version, path, clean(found.group(0).strip(b"\0"), 120), found.group()
    )


def _once(rows: list[tuple[str, Package]]) -> list[tuple[str, Package]]:
    """Each package once: opkg has it in ``status`` and in a file of its own."""
    return list({(p.manager, p.name, p.version): (path, p) for path, p in reversed(rows)}.values())[
        ::-1
    ]
