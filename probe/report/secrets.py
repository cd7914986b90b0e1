"""Passwords do not travel with a report unless somebody asks for it.

Two reaches. What the device accepted or the manufacturer declared is masked in every text of the
report. What was merely tried is masked in the evidence of login tests, where it would otherwise read
like a word list; elsewhere such words (``admin``, ``password``) are ordinary words.
"""

import base64
import html
import json
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

from probe.model.declaration import Declaration
from probe.model.observation import LoginResult, LoginTest

MASK = "***"
SHORT = 4
"""Below this length a password is masked only where it stands alone; otherwise it would shred texts."""

_AUTHORIZATION = re.compile(
    rb"((?:proxy-)?authorization\s*:\s*(?:[a-z]+[ \t]+)?)[^\r\n]+", re.IGNORECASE
)
_FIELD = re.compile(
    rb"""((?:psk|pass(?:word|wd|phrase)|pwd|wpa_?key|wifi_?key|wlan_?key|secret|private_?key|api_?key)"""
    rb"""\d?["']?\s?(?:[:=]|>|\s(?='))\s?["']?)([^\s"'<>&;,{}*]{4,128})""",
    re.IGNORECASE,
)
"""What a page of the device says is a secret: nobody tried it, and nobody else should read it."""
_INPUT = re.compile(
    rb"""(<input\b[^<>]{0,300}type=["']?password\b[^<>]{0,300}value=["']?)([^\s"'<>]{1,128})""",
    re.IGNORECASE,
)
_PEM = re.compile(rb"""(PRIVATE KEY-----\s*)[A-Za-z0-9+/=\s\\"',]{16,}""")
"""Also between the quotes of a program's source."""
Credential = tuple[str, str]
"""User name and password."""


def masked(password: str) -> str:
    """What a report shows of a password: its first character, never its length."""
    return password[:1] + MASK if password else "(empty)"


def accepted(tests: Iterable[LoginTest], declaration: Declaration | None) -> list[Credential]:
    """Credentials that are known to be good, or that the manufacturer says are."""
    found = [
        (c.username, c.password)
        for test in tests
        for c in (*test.candidates, *test.old)
        if c.result is LoginResult.ACCEPTED
    ]
    for account in declaration.accounts if declaration else ():
        found += [(account.username, account.password or "")]
        found += [(account.username, account.changed_from or "")]
    for label in declaration.labels if declaration else ():
        found += [(label.username, label.password)]
    return sorted({f for f in found if f[1]}, key=lambda f: (-len(f[1]), f))


def tried(tests: Iterable[LoginTest]) -> list[Credential]:
    """Every credential of the login tests, longest password first."""
    found = {
        (c.username, c.password)
        for test in tests
        for c in (*test.candidates, *test.old)
        if c.password
    }
    return sorted(found, key=lambda f: (-len(f[1]), f))


def text_mask(credentials: Iterable[Credential]) -> Callable[[str], str]:
    """Masks passwords in sentences: beside their user name, in quotes, or after a word for a secret.

    A password that is no ordinary word (it has a digit or a sign in it) is masked wherever it stands
    alone.
    """
    rules: list[tuple[re.Pattern[str], str]] = []
    known = list(credentials)
    users = {user for user, _ in known}
    for user, password in known:
        mark, secret, name = masked(password), re.escape(password), re.escape(user)
        places = [
            rf"(?i:(?P<a>\b(?:password|passphrase|community|secret|pin)(?: is| was)?\W{{1,3}})){secret}\b",
        ]
        if password not in users:  # A quoted 'admin' is the user name, which a reader needs.
            places.append(rf"(?<=[\"'\u2018\u201c`]){secret}(?=[\"'\u2019\u201d`])")
        if user:
            places.append(rf"(?P<b>\b{name}\s?[:/]\s?){secret}(?!\w)")
        if not password.isalpha() and not password.isdecimal():
            places.append(rf"(?<!\w){secret}(?!\w)")
        rules += [(re.compile(place), mark) for place in places]

    def mask(text: str) -> str:
        for pattern, mark in rules:
            text = pattern.sub(lambda m, mark=mark: "".join(m.groupdict().values()) + mark, text)  # type: ignore[misc]
        return text

    return mask


def bytes_mask(credentials: Iterable[Credential]) -> Callable[[bytes], bytes]:
    """Masks passwords in recorded bytes, also as HTTP, forms, JSON and SASL carry them."""
    rules: list[tuple[re.Pattern[bytes], bytes]] = []
    for user, password in credentials:
        mark = masked(password).encode()
        for form in sorted(_written(user, password), key=lambda f: (-len(f), f)):
            wanted = re.escape(form)
            if len(form) < SHORT:
                wanted = rb"(?<![0-9A-Za-z])" + wanted + rb"(?![0-9A-Za-z])"
            rules.append((re.compile(wanted), mark))

    def mask(data: bytes) -> bytes:
        data = _AUTHORIZATION.sub(rb"\1" + MASK.encode(), data)
        for pattern, mark in rules:
            data = pattern.sub(lambda _, mark=mark: mark, data)  # type: ignore[misc]
        for place in (_FIELD, _INPUT, _PEM):
            data = place.sub(rb"\1" + MASK.encode(), data)
        return data

    return mask


def _written(user: str, password: str) -> set[bytes]:
    raw = password.encode("utf-8", "surrogatepass")
    name = user.encode("utf-8", "surrogatepass")
    ascii_only = password.encode("ascii", "replace").decode()
    return {
        raw,
        quote(ascii_only, safe="").encode(),
        quote_plus(ascii_only).encode(),
        html.escape(password).encode("utf-8", "surrogatepass"),
        json.dumps(password)[1:-1].encode(),
        raw.decode("utf-8", "replace").encode("utf-16-le"),
        base64.b64encode(name + b":" + raw),
        base64.b64encode(b"\0" + name + b"\0" + raw),
        *([base64.b64encode(raw).rstrip(b"=")] if len(raw) >= SHORT else []),
    }
