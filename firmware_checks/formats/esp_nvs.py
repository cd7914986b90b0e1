"""The settings partition (NVS) of ESP-IDF as a tree: ``namespace/key`` is the path, the value the content.

Source: ESP-IDF programming guide, "Non-Volatile Storage Library", "Internals". With NVS encryption the pages' own
headers stay in clear and the entries do not, so their checksums tell.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.budget import Budget
from firmware_checks.filesystems.descent import harmless
from firmware_checks.reading import Context, Entry, Facts, Format, Kind, Quote, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageSecret, LayerKind
from probe.model.text import clean

PAGE, ITEM, FIRST, ITEMS = 4096, 32, 64, 126
STATES = {
    0xFFFFFFFE: "active",
    0xFFFFFFFC: "full",
    0xFFFFFFF8: "being freed",
    0xFFFFFFF0: "damaged",
}
VERSIONS = (0xFF, 0xFE)
KEY = 8
"""Where in an entry its key stands."""
MOST_PAGES = 1024
SHOWN = 256
"""Bytes of a value that are looked at as text, and shown."""
STRING, OLD_BLOB, BLOB, BLOB_INDEX = 0x21, 0x41, 0x42, 0x48
NUMBERS = {0x01: 1, 0x11: 1, 0x02: 2, 0x12: 2, 0x04: 4, 0x14: 4, 0x08: 8, 0x18: 8}
RADIO = "nvs.net80211"
"""The namespace in which the Wi-Fi driver keeps its networks: ``sta.ssid``, ``sta.pswd``, ``ap.passwd`` …"""
PASSWORDS = re.compile(
    r"pass(w(or)?d|phrase)?$|pswd$|pwd$|psk$|secret$|token$|api_?key$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Item:
    """One entry with its value. ``space``: the number of its namespace, 0 for a namespace itself; ``named``: its
    key as it stands in the entry, which begins ``at`` there."""

    space: int
    kind: int
    chunk: int
    key: str
    value: View
    at: int
    named: View


@dataclass(frozen=True, slots=True)
class Settings:
    """The Tree."""

    items: tuple[Item, ...]
    spaces: dict[int, str]

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        """Each value as a file; what is written later stands later. Raises OutOfBudget."""
        for item in self.items:
            budget.take(len(item.value))
            space = self.spaces.get(item.space, str(item.space))
            path = harmless(f"{space}/{item.key}")
            size = len(item.value)
            yield (
                Entry(path=path, kind=Kind.FILE, mode=0o600, uid=0, gid=0, size=size),
                item.value,
            )

    def says(self, image: str, place: str) -> Facts:
        """Passwords that stand in clear."""
        for item in self.items:
            space, secret = self.spaces.get(item.space, ""), _text(item, self.spaces)
            if not secret or not PASSWORDS.search(item.key):
                continue
            path, radio = harmless(f"{space}/{item.key}"), space == RADIO
            shown = f"{path} = *** ({len(secret)} characters)"
            if radio and (network := self._network(item)):
                shown += f", network {clean(network, 32)!r}"
            yield (
                ImageSecret(
                    image=image,
                    place=place,
                    path=path,
                    kind="Wi-Fi password" if radio else "password or token in the settings",
                    line=0,
                    excerpt=shown,
                    secret=secret,
                ),
                self._quotes(item, path, place),
            )

    def _quotes(self, item: Item, path: str, place: str) -> tuple[Quote, ...]:
        """Key and value, without the checksums beside them, which would tell a right guess of the value."""
        value = item.value.read(0, min(len(item.value), SHOWN))
        return (
            Quote(path, 0, item.named.read(), f"key at {item.at + KEY:#x} of layer {place}"),
            Quote(path, 0, value, f"value at {item.at + ITEM:#x} of layer {place}"),
        )

    def _network(self, password: Item) -> str:
        name = password.key.split(".")[0] + ".ssid"
        found = [i for i in self.items if i.space == password.space and i.key == name]
        return _text(found[-1], self.spaces) if found else ""


class EspNvs(Format):
    """The format."""

    name = "ESP32 settings (NVS)"
    anchors = tuple((state.to_bytes(4, "little"), 0) for state in (*STATES, 0xFFFFFFFF))

    def read(self, view: View, context: Context) -> Reading | None:
        pages = sorted(_pages(view), key=lambda page: page[1].u32(4))
        if not pages:
            return None
        items: list[Item] = []
        bad = 0
        for at, page in pages:
            found, failed = _items(page, at)
            items += found
            bad += failed
        spaces = {i.value.u8(0): i.key for i in items if i.space == 0 and i.kind == 1}
        latest = {(i.space, i.key, i.chunk): i for i in items if i.space and i.kind != BLOB_INDEX}
        settings = Settings(tuple(latest.values()), spaces)
        problem = ""
        if bad and not items:
            problem = f"its {bad} entries are encrypted, or damaged every one"
        elif bad:
            problem = f"{bad} of its {bad + len(items)} entries are damaged"
        return Reading(
            format=self.name,
            kind=LayerKind.DATA,
            size=len(view) // PAGE * PAGE,
            details=(
                ("pages in use", str(len(pages))),
                ("entries", str(len(items))),
                ("namespaces", ", ".join(sorted(spaces.values()))),
            ),
            problem=problem,
            tree=settings,
            says=settings.says,
        )


FORMAT = EspNvs()
RANK = 40


def _pages(view: View) -> Iterator[tuple[int, View]]:
    """Pages in use and where they stand; nothing when the first that is not erased is no page."""
    first = True
    for at in range(0, min(len(view) // PAGE, MOST_PAGES) * PAGE, PAGE):
        page = view.part(at, PAGE)
        if page.u32(0) in STATES:
            crc = zlib.crc32(page.raw[4:28], 0xFFFFFFFF)
            if page.u8(8) in VERSIONS and crc == page.u32(28):
                first = False
                yield at, page
                continue
        if first and not page.is_filled_with(0xFF):
            return


def _items(page: View, at: int) -> tuple[list[Item], int]:
    """The written entries, and how many of them do not hold."""
    bits = int.from_bytes(page.read(32, 32), "little")
    found, bad, number = [], 0, 0
    while number < ITEMS:
        state = bits >> (2 * number) & 3
        if state != 2:
            number += 1
            continue
        raw = page.part(FIRST + number * ITEM, ITEM)
        space, kind, span, chunk, crc = raw.unpack("<BBBBI")
        if crc != zlib.crc32(raw.read(0, 4) + raw.read(8, 24), 0xFFFFFFFF):
            bad, number = bad + 1, number + 1
            continue
        try:
            value = _value(page, raw, number, kind, span)
            begin, named = at + FIRST + number * ITEM, raw.part(KEY, 16)
            found.append(Item(space, kind, chunk, named.text(0, 16), value, begin, named))
        except Malformed:
            bad += 1
        number += max(span, 1)
    return found, bad


def _value(page: View, raw: View, number: int, kind: int, span: int) -> View:
    if kind in NUMBERS:
        return raw.part(24, NUMBERS[kind])
    if kind == BLOB_INDEX:
        return raw.part(24, 8)
    if kind not in (STRING, OLD_BLOB, BLOB):
        raise Malformed(f"an entry of the unknown type {kind:#x}")
    size, crc = raw.unpack("<HxxI", 24)
    if span < 1 or number + span > ITEMS:
        raise Malformed("an entry beyond its page")
    value = page.part(FIRST + (number + 1) * ITEM, (span - 1) * ITEM).part(0, size)
    if zlib.crc32(value.raw, 0xFFFFFFFF) != crc:
        raise Malformed("the checksum of a value does not hold")
    return value


def _text(item: Item, spaces: dict[int, str]) -> str:
    """A value that is text; empty when it is none. The driver's network names begin with their length."""
    raw = item.value.read(0, min(len(item.value), SHOWN))
    if spaces.get(item.space) == RADIO and item.key.endswith(".ssid") and len(raw) == 36:
        raw = raw[4 : 4 + min(item.value.u32(0), 32)]
    text = raw.split(b"\0", 1)[0]
    printable = item.kind not in NUMBERS and text.isascii() and text.decode("ascii").isprintable()
    return text.decode("ascii") if printable else ""
