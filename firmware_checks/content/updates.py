"""Where the device fetches updates from, and what in its scripts and settings skips the verification."""

import re

from firmware_checks.content import Facts
from firmware_checks.content.files import (
    NOT_READ,
    bytes_at,
    is_documentation,
    is_file,
    is_text,
    line_at,
    numbered,
    raw_lines,
    weakness,
)
from firmware_checks.content.pinning import Pins, feed_pin
from firmware_checks.content.scan import Pattern, compiled, hits, is_full
from firmware_checks.content.skips import SKIPS, UNSIGNED, applies
from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View
from probe.model.firmware import ImageUrl
from probe.model.text import clean

MOST_URLS = 100
MOST_FURTHER = 200
MOST_FEEDS = 500
"""Of a package manager, told or not: all of one file system have the same pin."""
MOST_SKIPS = 100
MOST_OF_A_FILE = 100
PATTERNS = (
    *(Pattern(s.name, s.search, caseless=True) for s in SKIPS),
    Pattern(
        "updates.url",
        rb"https?://[A-Za-z0-9$%{\[]",
        caseless=True,
    ),
)
_URL = re.compile(r"https?://[A-Za-z0-9$%{\[][^\s\"'<>`\\|]{2,300}")
_UPDATE = re.compile(
    r"(?<![a-z])(?:firmware|fwupdate|fw_update|fw|update[sr]?|upgrade[sr]?|f?ota|autoupdate|sysupgrade)(?![a-z0-9])"
    r"|\.(?:bin|img|swu|raucb|mender|trx|itb|ipk|fw)(?:$|[?#])",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"^https?://(?:localhost|127\.|\[::1\]|0\.0\.0\.0|[^/]*(?:example\.(?:com|org|net)|w3\.org|xmlsoap\.org|schemas?\."
    r"|upnp\.org|broadband-forum\.org|github\.com|gitlab\.com|wikipedia\.org|wiki\.|bugs?\.|launchpad\.net|ietf\.org|readthedocs\.|gnu\.org"
    r"|kernel\.org|freedesktop\.org|openssl\.org|mozilla\.org|unicode\.org|rfc-editor\.org|python\.org|perl\.org|cpan\.org))"
)
_LIBRARY = re.compile(
    r"(?:^|/)(?:lib(?:64|32)?|share)/(?:python[0-9.]*|perl[0-9.]*|node_modules|ruby|php|tcl[0-9.]*|go)(?:/|-)|(?:^|/)node_modules/"
    r"|(?:^|/)perl-?base/"
)
"""Code of others, which offers to skip verifications and speaks of it; a maker's own may lie there too."""
_CODE = (".py", ".pl", ".pm", ".js", ".mjs", ".cjs", ".ts", ".rb", ".php", ".tcl", ".lua")
_NO_CODE = re.compile(
    r"(?:^|/)var/lib/(?:dpkg|apt|opkg)/|(?:^|/)usr/lib/opkg/|(?:^|/)share/vim/|\.(?:h|hpp|mo|pyc|css|svg)$"
)
_FEEDS = re.compile(
    r"(?:^|/)etc/(?:opkg(?:/[^/]+)?\.conf|opkg/[^/]+\.conf|apt/sources\.list(?:\.d/[^/]+\.(?:list|sources))?|apk/repositories(?:\.d/[^/]+)?)$"
)
_OF_FEEDS = re.compile(r"check_signature|://|trusted=yes|gpg-?check", re.IGNORECASE)
"""A line that can say anything of feeds: one look at each of the many that do not."""
_CHECKED = re.compile(r"option\s+check_signature(?:\s+[^0\s]|\s*$)")
_FEED_LINE = re.compile(
    r"^(?:src(?:/gz)?\s+\S+\s+|deb(?:-src)?\s+(?:\[[^\]]*\]\s+)?|URIs:\s*|@\S+\s+)?(?P<url>(?:https?|ftp)://\S+)"
)


class Updates:
    """One file system."""

    name = "updates"

    def __init__(self, image: str, place: str) -> None:
        self.where = (image, place)
        self._urls: dict[tuple[bool, bool, bool], set[tuple[str, str]]] = {}
        """Told, by what an answer says of them: beyond the limit of one kind no answer changes."""
        self._open: list[tuple[Entry, str, int, bytes]] = []
        """Encrypted package feeds, until every file was asked what the package manager trusts."""
        self._feed_pins: dict[str, str] = {}
        self._left = 0
        """Addresses beyond the limit."""
        self._skips = 0
        self._opkg_feed: tuple[str, int, bytes] | None = None
        self._opkg_checks = False

    def look(self, entry: Entry, view: View) -> Facts:
        if entry.kind is not Kind.FILE or not len(view) or is_documentation(entry.path):
            return
        if pin := feed_pin(entry.path, view):
            self._feed_pins.setdefault(*pin)
        if _FEEDS.search(entry.path) and is_file(entry) and is_text(view):
            yield from self._feeds(entry, view)
            return
        if is_of_others(entry.path):
            return
        if not (there := hits(view)):
            return
        yield from self._skipped(entry, view, there)
        yield from self._addresses(entry, view, there)

    def _addresses(self, entry: Entry, view: View, there: dict[str, list[int]]) -> Facts:
        ends = there.get("updates.url", [])
        if is_full(there, "updates.url") and is_text(view):
            more = further(view, ends[-1])
            ends = [*ends, *more[:MOST_FURTHER]]
            if len(more) > MOST_FURTHER:
                what = f"addresses beyond the first {MOST_FURTHER} in this file"
                yield weakness(self.where, entry.path, NOT_READ, what)
        pins: Pins | None = None
        for end in ends:
            number, line = line_at(view, end - 1)
            for url in _URL.findall(line):
                if not _UPDATE.search(url[8:]) or line.lstrip().startswith(("#", "//", "*")):
                    continue
                if number and is_encrypted(url):
                    pins = pins or Pins.of(entry.path, view)
                raw = bytes_at(view, end - 1)
                yield from self._url(entry, url, number, raw, pins.at(number) if pins else "")

    def end(self) -> Facts:
        for entry, url, number, raw in self._open:
            pinned = next((p for m, p in self._feed_pins.items() if m in entry.path), "")
            yield from self._url(entry, url, number, raw, pinned)
        if self._left:
            what = f"{self._left} addresses beyond the first {MOST_URLS}"
            yield weakness(self.where, "update addresses", NOT_READ, what)
        if self._opkg_feed and not self._opkg_checks:
            what = "opkg has package feeds and no 'option check_signature'"
            path, number, raw = self._opkg_feed
            yield weakness(self.where, path, UNSIGNED, what, number, raw)

    def _skipped(self, entry: Entry, view: View, there: dict[str, list[int]]) -> Facts:
        text, seen = is_text(view), set[tuple[str, int, str]]()
        for skip in SKIPS:
            if text and len(there.get(skip.name, [])) > MOST_OF_A_FILE:
                what = f"of more than {MOST_OF_A_FILE} places that may skip a verification the first were read"
                yield weakness(self.where, entry.path, NOT_READ, what)
            for end in there.get(skip.name, [])[:MOST_OF_A_FILE]:
                number, line = line_at(view, end - 1)
                key = (skip.name, number, line)
                if key in seen or not applies(skip, line, text=text):
                    continue
                seen.add(key)
                self._skips += 1
                if self._skips <= MOST_SKIPS:
                    yield weakness(
                        self.where,
                        entry.path,
                        skip.kind,
                        line.strip()[:160],
                        number,
                        bytes_at(view, end - 1),
                    )

    def _feeds(self, entry: Entry, view: View) -> Facts:
        opkg = "opkg" in entry.path
        lines = [(number, line) for number, line in numbered(view) if _OF_FEEDS.search(line)]
        every = raw_lines(view, [number for number, _ in lines])
        skips = [s for s in SKIPS if s.name in ("updates.apt_trusted", "updates.gpg")]
        for number, line in lines:
            raw = every[number]
            if opkg and _CHECKED.match(line):
                self._opkg_checks = True
            if found := _FEED_LINE.match(line):
                if opkg:
                    self._opkg_feed = self._opkg_feed or (entry.path, number, raw)
                if not is_encrypted(found["url"]):
                    yield from self._url(entry, found["url"], number, raw)
                elif len(self._open) < MOST_FEEDS:
                    self._open.append((entry, found["url"], number, raw))
            for skip in skips:
                if skip.exact.search(line):
                    self._skips += 1
                    if self._skips <= MOST_SKIPS:
                        yield weakness(self.where, entry.path, skip.kind, line[:160], number, raw)

    def _url(self, entry: Entry, url: str, line: int, raw: bytes, pinned: str = "") -> Facts:
        url = url.rstrip(".,;)]}")
        key, encrypted = (entry.path, url), is_encrypted(url)
        known = self._urls.setdefault((encrypted, bool(pinned), bool(line)), set())
        if key in known or _ELSEWHERE.search(url.lower()):
            return
        if len(known) >= MOST_URLS:
            self._left += not encrypted
            return
        known.add(key)
        fact = ImageUrl(
            image=self.where[0],
            place=self.where[1],
            path=clean(entry.path, 300),
            url=clean(re.sub(r"(://[^/:@\s]+:)[^@/\s]+@", r"\1***@", url), 300),
            encrypted=encrypted,
            pinned=pinned if encrypted else "",
            line=line,
        )
        yield fact, raw


TOPIC = Updates


def is_of_others(path: str) -> bool:
    """Code in a library folder that does not say by its name that it is an updater, and what is no code."""
    if _NO_CODE.search(path):
        return True
    if not _LIBRARY.search(path):
        return False
    names = path.rsplit("/", 2)[-2:]
    return not path.endswith(_CODE) or not any(_UPDATE.search(name) for name in names)


def is_encrypted(url: str) -> bool:
    return url[:6].lower() == "https:"


def further(view: View, begin: int) -> list[int]:
    """Where addresses that speak of updates begin behind those that the search kept: in lists of addresses."""
    text = view.read(begin, len(view) - begin)
    found = compiled(rb"https?://[A-Za-z0-9$%{\[][^\s\"'<>`\\|]{2,300}").finditer(text)
    some = (m for m in found if _UPDATE.search(m.group()[8:].decode("ascii", "replace")))
    return [begin + m.start() + 9 for m, _ in zip(some, range(MOST_FURTHER + 1), strict=False)]
