"""Password hashes: which kind, whether that kind is weak, and whether it is of a password that everybody knows.

Only kinds that are quick to try are tried, against the list of documented factory passwords, within a
budget of time: this finds what an attacker finds first, and says nothing of other passwords.
"""

import base64
import binascii
import hashlib
import re
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import probe

LIST = Path(probe.__file__).parent / "collect" / "access" / "credentials.toml"
SECONDS = 3.0
"""For the hashes of one file system. SHA-512 with 5000 rounds: about 3 ms for each password."""
MOST_ROUNDS = 50_000


@dataclass(frozen=True, slots=True)
class HashType:
    """One kind of hash. ``scheme``: its name in passlib; empty when it is not tried."""

    name: str
    pattern: re.Pattern[str]
    scheme: str = ""
    weak: bool = False


_SALTED = r"[^$:\s]{0,64}\$[./0-9A-Za-z]"
TYPES = (
    HashType("MD5", re.compile(rf"\$1\${_SALTED}{{22}}$"), "md5_crypt", weak=True),
    HashType("MD5 (apr1)", re.compile(rf"\$apr1\${_SALTED}{{22}}$"), "apr_md5_crypt", weak=True),
    HashType(
        "SHA-256", re.compile(rf"\$5\$(?:rounds=\d{{1,9}}\$)?{_SALTED}{{43}}$"), "sha256_crypt"
    ),
    HashType(
        "SHA-512", re.compile(rf"\$6\$(?:rounds=\d{{1,9}}\$)?{_SALTED}{{86}}$"), "sha512_crypt"
    ),
    HashType(
        "SHA-512, one round",
        re.compile(r"\$6\$[+/=0-9A-Za-z]{4,40}\$[+/=0-9A-Za-z]{88}$"),
        "mosquitto_sha512",
        weak=True,
    ),
    HashType(
        "PBKDF2-SHA-512",
        re.compile(r"\$7\$\d{1,7}\$[+/=0-9A-Za-z]{4,100}\$[+/=0-9A-Za-z]{88}$"),
        "mosquitto_pbkdf2",
    ),
    HashType("bcrypt", re.compile(r"\$2[abxy]?\$\d\d\$[./0-9A-Za-z]{53}$")),
    HashType("yescrypt", re.compile(r"\$g?y\$[./0-9A-Za-z]{1,40}\$[^:\s]{20,200}$")),
    HashType("scrypt", re.compile(r"\$7\$[./0-9A-Za-z]{11}[^:\s]{20,120}$")),
    HashType("Argon2", re.compile(r"\$argon2(?:id|i|d)\$[^:\s]{20,300}$")),
    HashType("MD5 (Sun)", re.compile(r"\$md5[$,][^:\s]{10,80}$"), weak=True),
    HashType(
        "SHA-1, not salted", re.compile(r"\{SHA\}[+/=0-9A-Za-z]{28}$"), "ldap_sha1", weak=True
    ),
    HashType(
        "SHA-1, salted",
        re.compile(r"\{SSHA\}[+/=0-9A-Za-z]{32,60}$"),
        "ldap_salted_sha1",
        weak=True,
    ),
    HashType("DES", re.compile(r"[./0-9A-Za-z]{13}$"), "des_crypt", weak=True),
    HashType("DES (BSDi)", re.compile(r"_[./0-9A-Za-z]{19}$"), "bsdi_crypt", weak=True),
)
UNKNOWN = HashType("of unknown type", re.compile(""))


def type_of(hashed: str) -> HashType | None:
    """The kind of a hash; None for what is none."""
    for one in TYPES:
        if one.pattern.match(hashed):
            return one
    return UNKNOWN if hashed.startswith(("$", "{")) and len(hashed) > 8 else None


@cache
def factory() -> tuple[tuple[str, str], ...]:
    """User name and password of the shipped list, the generic ones first."""
    rows = tomllib.loads(LIST.read_text("utf-8"))["rows"]
    rows.sort(key=lambda row: "vendor" in row)
    return tuple(dict.fromkeys((str(r.get("user", "")), str(r.get("pass", ""))) for r in rows))


def candidates(username: str) -> list[str]:
    """Passwords to try for a user, the likely ones first, each once."""
    own = [password for user, password in factory() if user == username]
    rest = [password for user, password in factory() if user != username]
    return list(dict.fromkeys([username, "", *own, *rest, f"{username}123", f"{username}1234"]))


@dataclass(frozen=True, slots=True)
class Guess:
    """What came of trying. ``password`` is None when none of those tried is it."""

    password: str | None
    tried: str
    """In words: how many, or why none."""


class Cracker:
    """Tries the list; the time of all hashes together is limited."""

    def __init__(
        self, seconds: float = SECONDS, clock: Callable[[], float] = time.process_time
    ) -> None:
        self._left, self._clock = seconds, clock
        self._known: dict[tuple[str, str], Guess] = {}

    def guess(self, username: str, hashed: str) -> Guess:
        key = (username, hashed)
        if key not in self._known:
            begin = self._clock()
            self._known[key] = self._guess(username, hashed, begin + self._left)
            self._left -= self._clock() - begin
        return self._known[key]

    def _guess(self, username: str, hashed: str, until: float) -> Guess:
        kind = type_of(hashed)
        if kind is None or not kind.scheme:
            return Guess(None, f"not tried: {kind.name if kind else 'no hash'}")
        if (rounds := _rounds(hashed)) > MOST_ROUNDS:
            return Guess(None, f"not tried: {rounds} rounds")
        verify = _verifier(kind.scheme)
        words = candidates(username)
        for number, word in enumerate(words):
            if self._clock() > until:
                return Guess(None, f"time was up after {number} of {len(words)} known passwords")
            try:
                if verify(word, hashed):
                    return Guess(word, f"{number + 1} known passwords")
            except (ValueError, binascii.Error):
                return Guess(None, "not tried: the hash is malformed")
        return Guess(None, f"{len(words)} known passwords")

    def digest(self, username: str, realm: str, digest: str) -> Guess:
        """For a line of ``htdigest``: MD5 of user, realm and password (RFC 7616 section 3.4.2)."""
        words = candidates(username)
        for number, word in enumerate(words, 1):
            text = f"{username}:{realm}:{word}".encode()
            if hashlib.md5(text, usedforsecurity=False).hexdigest() == digest.lower():
                return Guess(word, f"{number} known passwords")
        return Guess(None, f"{len(words)} known passwords")


def _rounds(hashed: str) -> int:
    found = re.match(r"\$[56]\$rounds=(\d+)\$|\$7\$(\d+)\$", hashed)
    return int(found.group(1) or found.group(2)) if found else 0


def _verifier(scheme: str) -> Callable[[str, str], bool]:
    if scheme == "mosquitto_sha512":
        return _mosquitto_sha512
    if scheme == "mosquitto_pbkdf2":
        return _mosquitto_pbkdf2
    handler = getattr(import_module("passlib.hash"), scheme)
    return lambda word, hashed: bool(handler.verify(word, hashed))


def _mosquitto_sha512(word: str, hashed: str) -> bool:
    _, _, salt, digest = hashed.split("$")
    whole = word.encode() + base64.b64decode(salt)
    return hashlib.sha512(whole).digest() == base64.b64decode(digest)


def _mosquitto_pbkdf2(word: str, hashed: str) -> bool:
    _, _, rounds, salt, digest = hashed.split("$")
    raw = hashlib.pbkdf2_hmac(
        "sha512", word.encode(), base64.b64decode(salt), max(1, int(rounds)), 64
    )
    return raw == base64.b64decode(digest)


def is_known(username: str, password: str) -> bool:
    """A password in clear that is in the list, or is the user's name."""
    return password in candidates(username)
