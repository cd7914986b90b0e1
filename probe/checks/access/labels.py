"""What the labels of two or more units tell of how their passwords were made. Pure; no password is shown.

A relation that chance makes less often than once in a thousand pairs counts as shown; a weaker one is
named for a person to judge.
"""

import math
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import combinations

from probe.checks.access.label_hashes import hash_of
from probe.model.declaration import UnitLabel
from probe.model.dut import Dut

BY_CHANCE = 1e-3
FARTHEST = 10_000
"""Units that are farther apart than this as numbers do not look numbered, however long the number."""
SHORTEST_PART = 4
"""Characters of an identifier in a password that are no accident."""
FEWEST_BITS = math.log2(1e6)
"""Six random digits, the least that NIST SP 800-63B (5.1.1.1) takes for a chosen secret."""
MANY_BITS = 40.0
"""From here on guessing over a network is without prospect even without a limit; the project's line."""
WORDS = frozenset(
    [
        "access",
        "admin",
        "adminadmin",
        "administrator",
        "alarm",
        "apple",
        "baby",
        "bridge",
        "camera",
        "cloud",
        "default",
        "device",
        "dragon",
        "flower",
        "gateway",
        "guest",
        "hello",
        "home",
        "house",
        "internet",
        "iot",
        "ipcam",
        "letmein",
        "light",
        "login",
        "manager",
        "master",
        "monkey",
        "mypass",
        "network",
        "orange",
        "pass",
        "passw",
        "password",
        "private",
        "public",
        "qwerty",
        "root",
        "router",
        "secret",
        "secure",
        "security",
        "service",
        "setup",
        "smart",
        "summer",
        "sunshine",
        "support",
        "system",
        "tech",
        "telecom",
        "test",
        "toor",
        "user",
        "welcome",
        "wifi",
        "winter",
        "wireless",
    ]
)
SIGNS = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "@": "a", "$": "s"})


def units(dut: Dut) -> tuple[UnitLabel, ...]:
    """The declared labels, each unit once."""
    found: dict[tuple[str, str], UnitLabel] = {}
    for n, label in enumerate(dut.declaration.labels if dut.declaration else ()):
        key = (label.serial, plain(label.mac))
        found.setdefault(key if any(key) else (label.unit or str(n), ""), label)
    return tuple(found.values())


def name(label: UnitLabel) -> str:
    """How a sentence names a unit."""
    return f"unit {label.unit or label.serial or label.mac or 'without a name'}"


def plain(text: str) -> str:
    """Lower case, letters and digits only."""
    return re.sub(r"[^0-9a-z]", "", text.lower())


def identifiers(label: UnitLabel) -> Iterator[tuple[str, str]]:
    """What anybody can know of the unit: its name and the text."""
    for what, text in (
        ("serial number", label.serial),
        ("MAC address", label.mac),
        ("SSID", label.ssid),
        *(("further identifier", other) for other in label.others),
    ):
        if len(plain(text)) >= SHORTEST_PART:
            yield what, text


def derived(label: UnitLabel) -> str:
    """From which identifier the password can be worked out, and how; empty when no way was found."""
    password = plain(label.password)
    for what, text in identifiers(label):
        for how, part in _parts(what, plain(text)):
            if password == part:
                return f"the password is {how} of the {what}"
        if found := hash_of(label.password, text):
            return f"the password is part of {found} of the {what}"
        for how, part in _parts(what, plain(text)):
            if len(part) >= SHORTEST_PART and part in password:
                return f"the password contains {how} of the {what}"
    return ""


def _parts(what: str, text: str) -> Iterator[tuple[str, str]]:
    yield "the whole", text
    yield "the reverse", text[::-1]
    for count in (8, 6, SHORTEST_PART):
        if len(text) > count:
            yield f"the last {count} characters", text[-count:]
            yield f"the last {count} characters, reversed,", text[-count:][::-1]
    if what == "MAC address" and re.fullmatch("[0-9a-f]{12}", text):
        for step in (-2, -1, 1, 2):  # the radio's address is often the label's, one up or down
            near = f"{(int(text, 16) + step) % (1 << 48):012x}"
            for count in (12, 8, 6):
                yield f"the last {count} digits of a neighbour", near[-count:]


@dataclass(frozen=True, slots=True)
class Shape:
    """What all passwords have in common."""

    shortest: int
    alphabet: int
    """Size of the smallest usual alphabet that all characters come from."""
    called: str
    prefix: int
    suffix: int
    varying: int
    """Characters of the shortest password that are not the same on all units."""

    @property
    def bits(self) -> float:
        """At most: every varying character drawn evenly, and without regard to the others."""
        return self.varying * math.log2(self.alphabet)


def shape(labels: tuple[UnitLabel, ...]) -> Shape:
    """Of at least one label; of a single one nothing is known to be common."""
    passwords = [label.password for label in labels]
    several = len(passwords) > 1
    prefix = len(_common(passwords)) if several else 0
    rest = [p[prefix:] for p in passwords]
    suffix = len(_common([r[::-1] for r in rest])) if several else 0
    shortest = min(len(p) for p in passwords)
    size, called = _alphabet("".join(r[: len(r) - suffix] for r in rest))
    return Shape(shortest, size, called, prefix, suffix, max(0, shortest - prefix - suffix))


def _common(words: list[str]) -> str:
    def both(a: str, b: str) -> str:
        n = next(
            (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
        )
        return a[:n]

    return reduce(both, words)


def _alphabet(text: str) -> tuple[int, str]:
    used = set(text)
    for letters, called in (
        (string.digits, "digits"),
        (string.digits + "abcdef", "hexadecimal digits"),
        (string.digits + "ABCDEF", "hexadecimal digits"),
        (string.ascii_lowercase, "small letters"),
        (string.ascii_uppercase, "capital letters"),
        (string.digits + string.ascii_lowercase, "digits and small letters"),
        (string.digits + string.ascii_uppercase, "digits and capital letters"),
        (string.ascii_letters + string.digits, "letters and digits"),
    ):
        if used <= set(letters):
            return len(letters), called
    return 94, "letters, digits and signs"


def step(one: UnitLabel, other: UnitLabel) -> tuple[int, float] | None:
    """How far two passwords are apart as numbers, and how often chance brings them that near."""
    a, b = one.password, other.password
    mixed = any(p not in (p.lower(), p.upper()) for p in (a, b))
    for base, digits in ((10, string.digits), (16, string.digits + "abcdef"), (36, string.digits + string.ascii_lowercase)):  # fmt: skip
        if mixed and base == 36:
            continue  # capital and small letters are different digits then, in an order nobody knows
        x, y = (re.search(f"[{digits}]+$", p.lower()) for p in (a, b))
        if not x or not y or a[: x.start()] != b[: y.start()] or len(x.group()) != len(y.group()):
            continue
        apart = abs(int(x.group(), base) - int(y.group(), base))
        return apart, min(1.0, (2 * apart + 1) / float(base) ** len(x.group()))
    return None


def word(label: UnitLabel) -> bool:
    """Whether the password is a usual word, alone or with some digits or signs."""
    core = label.password.lower().strip(string.digits + string.punctuation)
    spelt = {core, core.translate(SIGNS), label.password.lower().translate(SIGNS)}
    return not spelt.isdisjoint(WORDS)


def distance(a: str, b: str) -> int:
    """Edit distance (Levenshtein)."""
    row = list(range(len(b) + 1))
    for n, x in enumerate(a, 1):
        above, row[0] = row[0], n
        for m, y in enumerate(b, 1):
            above, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, above + (x != y))
    return row[-1]


def pairs(labels: tuple[UnitLabel, ...]) -> list[tuple[UnitLabel, UnitLabel]]:
    """Every two units, at most 1000 pairs."""
    return list(combinations(labels[:45], 2))
