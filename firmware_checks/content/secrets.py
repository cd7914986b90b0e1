"""Secrets in files that are no key files: tokens of services everywhere, passwords in settings."""

import re
from collections.abc import Iterator

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
    shown,
    weakness,
)
from firmware_checks.content.scan import Pattern, hits, is_full, scanner
from firmware_checks.content.tokens import TOKENS, Token
from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View
from probe.model.firmware import ImageSecret
from probe.model.text import clean

PATTERNS = tuple(Pattern(t.name, t.search) for t in TOKENS)
MOST_SECRETS = 200
PASSWORD = "password in a setting"  # noqa: S105 - a kind of secret, and none itself
MOST_OF_A_FILE = 20
BEFORE, AFTER = 1400, 5000
_SETTINGS = re.compile(
    r"(?:^|/)(?:etc|config|conf|nvram|default(?:s|_config)?|data|mnt|opt|usr/local|www|htdocs|cgi-bin|home|root)/",
)
_LEFT_OVER = re.compile(r"(?:\.(?:bak|old|orig|save|swp)|~)$")
"""What an editor or a person leaves behind; a web server hands it out as text."""
_SETTING_FILE = re.compile(
    r"\.(?:conf|cfg|cnf|ini|json|ya?ml|toml|properties|env|config|dat|xml|sh|lua|nvram|default|php|inc|cgi|py|pl)$"
    r"|(?:^|/)cgi-bin/[^/]+$|(?:^|/)etc/config/[^/]+$|(?:^|/)(?:chap|pap)-secrets$|(?:^|/)(?:\.env|nvram[^/]*|[^/]*_?defaults?)$"
)
_SHARED = re.compile(r"^(?>.*/share/)(?!(?:[^/]+/)*(?:etc|config|conf|defaults?)/)")
"""Data of programs; their settings lie elsewhere."""
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
"""Asked of a text that ends with a comment's end: each of the many beginnings of none would look for its own."""
_WIFI_FILE = re.compile(
    r"wpa_supplicant|hostapd|wireless|\.nmconnection$|\.psk$|wifi|wlan|\b(?>\w*?RT\d)\w*\.dat$"
)
_ASSIGNED = re.compile(
    r"""(?:password|passwd|passphrase|secret|api_?key|auth_?token|access_?token)\d{0,2}["']?\s{0,4}(?:=|:|>|\s(?=['"]))\s{0,4}(?P<quote>["']?)(?P<value>[^\s"'<>,;]{4,100})(?P=quote)""",
    re.IGNORECASE,
)
_CODE = re.compile(r"\.(?:php|inc|cgi|py|pl|lua)$")
"""In a program only what stands in quotes is a value, and a word in capitals names one."""
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]+")
_NAME_BEFORE = re.compile(r"""(?:^|[\s,{;<"'._-])[A-Za-z0-9]*$""")
"""What may stand before the word: the beginning of the setting's name. A second look, since one pattern for
both costs the fourth power of a line's length."""
_OPTION = re.compile(
    r"""^(?:option\s+|remote_|bridge_)(?:\w+[_-])?(?:password|passwd|passphrase|secret)\s+(?P<value>[^\s"']{4,100})$"""
)
"""Settings of uci and of mosquitto's bridges need no quotes."""
SHORTEST = 7
"""Of a line that gives a password: ``a b ccc``."""
_PPP = re.compile(
    r"""^["']?[^\s"']+["']?\s+["']?[^\s"']+["']?\s+["']?(?P<value>[^\s"']{3,100})["']?(?:\s|$)"""
)
_NO_SECRET = re.compile(
    r"[$%@/~&!({\[*?\\-].*|.*[({$\\].*|.*\.(?:so|conf|txt|key|pem|c|h|js|php|lua|py|sh|html?)|x{3,}|\*+|\.+"
    r"|(?:true|false|yes|no|none|null|nil|on|off|enabled?|disabled?|optional|required?|required|sufficient|undefined"
    r"|default|string|text|password|passwd|passphrase|secret|pass(?:word)?s?|hidden|input|empty|unset|prompt|ask"
    r"|pass:insta|change[_-]?me.*|your[_-]?.*|my[_-]?.*|example.*|sample.*|placeholder|todo|test|plain|md5|sha\d*|crypt|files?|field)",
    re.IGNORECASE,
)
_HASHED = re.compile(r"\$(?:1|2[aby]|5|6|7|y|apr1)\$")


class Secrets:
    """One file system."""

    name = "secrets"

    def __init__(self, image: str, place: str) -> None:
        self.image, self.place = image, place
        self._count = 0

    def look(self, entry: Entry, view: View) -> Facts:
        if entry.kind is not Kind.FILE or not len(view) or is_documentation(entry.path):
            return
        there, number, seen = hits(view), 0, set[str]()
        if there and (scanner().left or any(is_full(there, token.name) for token in TOKENS)):
            what = "it has more places of interest than are looked at"
            yield weakness((self.image, self.place), entry.path, NOT_READ, what)
        for token in TOKENS if there else ():
            for end in there.get(token.name, []):
                if (secret := confirmed(token, view, end)) and secret not in seen:
                    seen.add(secret)
                    line, words = line_at(view, end - 1)
                    raw = bytes_at(view, end - 1)
                    yield from self._fact(entry, token.kind, line, words, secret, raw)
        if not is_setting(entry) or not is_text(view):
            return
        if not is_file(entry):
            what = f"whether a password is in its settings ({entry.size} bytes)"
            yield weakness((self.image, self.place), entry.path, NOT_READ, what)
        else:
            for line, words, secret in assigned(entry.path, view):
                if secret not in seen and number < MOST_OF_A_FILE:
                    number += 1
                    raw = raw_lines(view, [line])[line]
                    yield from self._fact(entry, PASSWORD, line, words, secret, raw)

    def end(self) -> Facts:
        yield from ()

    def _fact(
        self, entry: Entry, kind: str, line: int, words: str, secret: str, raw: bytes
    ) -> Facts:
        self._count += 1
        if self._count > MOST_SECRETS:
            return
        around = words.find(secret)
        excerpt = shown(words[max(0, around - 60) : around + len(secret) + 40], secret)
        fact = ImageSecret(
            image=self.image,
            place=self.place,
            path=clean(entry.path, 300),
            kind=kind,
            line=line,
            excerpt=excerpt,
            secret=secret,
        )
        yield fact, raw


TOPIC = Secrets


def confirmed(token: Token, view: View, end: int) -> str:
    """The secret part of the token that the search saw ending at ``end``; empty when it is none."""
    begin = max(0, end - BEFORE)
    area = bytes(view.raw[begin : end + AFTER])
    for found in token.exact.finditer(area):
        if found.start() >= end - begin:
            break
        if found.end() >= end - begin and token.holds(found.group(1)):
            return found.group(1).decode("utf-8", "replace")
    return ""


def is_setting(entry: Entry) -> bool:
    """A file that may hold a password in clear. Wi-Fi has a topic of its own."""
    path = _LEFT_OVER.sub("", f"/{entry.path}")
    if _SHARED.search(path):
        return False
    fits = _SETTINGS.search(path) and _SETTING_FILE.search(path) and not _WIFI_FILE.search(path)
    return bool(fits)


def assigned(path: str, view: View) -> Iterator[tuple[int, str, str]]:
    """Line number, line and value of each password that a setting gives."""
    ppp = path.endswith(("chap-secrets", "pap-secrets"))
    code = _CODE.search(_LEFT_OVER.sub("", path)) is not None
    said = _uncommented(view) if path.endswith(".xml") else view
    for number, line in numbered(said, comments="#;"):
        if len(line) < SHORTEST or line.startswith(("//", "*", "--", "<!--")):
            continue
        found = _PPP.match(line) if ppp else _assignment(line[:600]) or _OPTION.match(line)
        if found is None or _HASHED.search(line):
            continue
        value = found["value"]
        if code and (not found.groupdict().get("quote") or _CONSTANT.fullmatch(value)):
            continue
        if not _NO_SECRET.fullmatch(value) and len(set(value)) > 2:
            yield number, line, value


def _assignment(line: str) -> re.Match[str] | None:
    for found in _ASSIGNED.finditer(line):
        at = found.start()
        if _NAME_BEFORE.search(line[max(0, at - 80) : at]):
            return found
    return None


def _uncommented(view: View) -> View:
    """XML without its comments; the lines keep their numbers."""
    text = bytes(view.raw).decode("utf-8", "replace")
    end = text.rfind("-->") + 3 if "-->" in text else 0
    said = _COMMENT.sub(lambda found: "\n" * found.group(0).count("\n"), text[:end])
    return View((said + text[end:]).encode())
