"""Secrets and identifiers in a page that anybody may read. Pure; few patterns, each with few false hits.

What is found is named by its kind and its field; the value stays in the evidence. A text of a user
interface (``"password": "Passwort"``) is no password: words that only name the thing do not count.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice

from probe.collect.web.pages import tags
from probe.model.exposure import Sensitive
from probe.model.text import clean

MOST = 12
"""Of one page."""
MAX_VALUES = 2_000
"""Values of one JSON document that are looked at."""
LOOK_AT = 65_536

_KIND_OF_KEY = (
    (r"(?:wpa|wlan|wifi|wi_fi|psk|ap_|ssid)\w*(?:psk|pass\w*|key|pwd)|psk|passphrase", "wifi key"),
    (r"(?:pre_?shared_?key|private_?key)", "private key"),
    (r"\w*(?:password|passwd|pwd|secret|api_?key|auth_?token|access_?token)\d?", "password"),
    (r"serial(?:_?(?:no|num|number))?|sn", "serial"),
    (r"(?:wifi_?|wlan_?|ap_?)?e?ssid(?:_?name)?", "ssid"),
    (r"e_?mail(?:_?address)?", "e-mail"),
    (r"lat(?:itude)?", "position"),
)
_KEYS = tuple((re.compile(pattern), kind) for pattern, kind in _KIND_OF_KEY)
_PEM = re.compile(
    r"-----BEGIN (?:[A-Z]{2,12} ){0,2}PRIVATE KEY-----(?:\\n|\s){1,4}(?:[A-Za-z0-9+/]{16}|[A-Z]\w+-Type:)"
)
_HASH = re.compile(
    r"(?m)^[a-z_][\w-]{0,31}:\$(?:1|2[abxy]|5|6|7|y|apr1)\$[./A-Za-z0-9$,=]{8,200}(?::|$)"
)
_SETTING = re.compile(
    r"(?m)^\s*(?:option\s+)?([A-Za-z][\w.-]{1,40})(?:\s*[=:]\s*|\s+(?='))[\"']?([^\s\"'<>]{4,128})[\"']?\s*;?\s*$"
)
_ASSIGNED = re.compile(
    r"\b([A-Za-z_]\w{2,40})\s*[=:]\s*(?:\"([^\"\s<>]{4,128})\"|'([^'\s<>]{4,128})')"
)
_LABELLED = re.compile(
    r"(?i)\b(?:serial ?(?:no\.?|number)|s/n)\s{0,3}[:=]?\s{0,3}([A-Z0-9][A-Z0-9-]{5,30})\b"
)
_TRACES = (
    (r"Traceback \(most recent call last\)", "Python"),
    (r"(?m)^\s{0,8}at (?:[\w$]+\.){2,}[\w$<>]+\([\w$ .]+(?::\d+)?\)", "Java"),
    (r"(?m)^\s{0,8}at .{0,120}[\w.]+\.js:\d+:\d+\)?", "JavaScript"),
    (r"(?:Fatal error|Warning|Parse error)(?:</b>)?:.{1,300} on line (?:<b>)?\d+", "PHP"),
    (r"stack traceback:\s+\S", "Lua"),
    (r"goroutine \d+ \[running\]", "Go"),
    (r"(?m)^\s{0,8}from /[\w/.-]+\.rb:\d+:in", "Ruby"),
)
TRACES = tuple((re.compile(pattern), language) for pattern, language in _TRACES)
_NAMES_ONLY = frozenset(
    (
        *(
            "password",
            "passwort",
            "passwd",
            "kennwort",
            "wachtwoord",
            "senha",
            "contrase",
            "motdepasse",
        ),
        *(
            "pwd",
            "pass",
            "secret",
            "key",
            "token",
            "serial",
            "serialnumber",
            "ssid",
            "email",
            "mail",
        ),
        *(
            "string",
            "text",
            "hidden",
            "required",
            "none",
            "null",
            "true",
            "false",
            "undefined",
            "value",
        ),
        *(
            "wifipassword",
            "networkkey",
            "unknown",
            "default",
            "invalid",
            "changeme",
            "example",
            "test",
        ),
    )
)
_MASK = re.compile(r"[*.•●xX_\- ]+|<.*>|\{\{.*|\$\{.*|%\w+%|<%.*|\[.*\]|\(.*\)")


def sensitive(text: str, media_type: str = "", mac: str | None = None) -> tuple[Sensitive, ...]:
    """What a body holds that was not meant for everybody; ``mac`` is the device's own, if known."""
    text = text[:LOOK_AT]
    found: dict[Sensitive, None] = {}
    for one in islice(_everything(text, media_type, mac), 50 * MOST):
        found.setdefault(one)
        if len(found) >= MOST:
            break
    return tuple(found)


def _everything(text: str, media_type: str, mac: str | None) -> Iterator[Sensitive]:
    if _PEM.search(text):
        yield Sensitive(kind="private key", where="a PEM block")
    if _HASH.search(text):
        yield Sensitive(kind="password hash", where="a line of a password file")
    for pattern, language in TRACES:
        if pattern.search(text):
            yield Sensitive(kind="stack trace", where=language)
    if mac and mac_pattern(mac).search(text):
        yield Sensitive(kind="mac", where="the device's own")
    yield from _fields(text, media_type)


def _fields(text: str, media_type: str) -> Iterator[Sensitive]:
    """The named values, by what the document is."""
    begin = text.lstrip()[:1]
    if begin in ("{", "["):
        yield from _json(text)
    elif "script" in media_type:
        yield from _assigned(text)
    elif "html" in media_type or (begin == "<" and "<html" in text[:2000].lower()):
        yield from _html(text)
    elif begin == "<":
        for key, _, value in tags(text):
            yield from of_field(key, value[:200])
    else:
        for key, value in _SETTING.findall(text):
            yield from of_field(key, value)


def of_field(key: str, value: str) -> Iterator[Sensitive]:
    """What a named value is, when its name and its shape both say so."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key[:64]).lower()
    name = re.sub(r"[^a-z0-9]+", "_", spaced).strip("_")
    for pattern, kind in _KEYS:
        if pattern.fullmatch(name):
            if _fits(kind, value.strip()):
                yield Sensitive(kind=kind, where=clean(key, 40))
            return


def mac_pattern(mac: str) -> re.Pattern[str]:
    """The address in any of its usual spellings, or without separators."""
    return re.compile("(?i)(?<![0-9a-f])" + "[:.-]?".join(mac.split(":")) + "(?![0-9a-f])")


def _fits(kind: str, value: str) -> bool:
    bare = re.sub(r"[\W_]+", "", value.lower())
    if _MASK.fullmatch(value) or not bare or (any(ch.isspace() for ch in value) and kind != "ssid"):
        return False
    if bare in _NAMES_ONLY or bare.startswith(("password", "passwort", "contrase", "yourpass")):
        return False
    if kind == "wifi key":
        return (
            8 <= len(value) <= 64
        )  # IEEE 802.11: a passphrase of 8 to 63 characters, or 64 digits
    if kind == "serial":
        return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9./-]{4,39}", value)) and any(
            map(str.isdigit, value)
        )
    if kind == "e-mail":
        return bool(re.fullmatch(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+", value))
    if kind == "position":
        return bool(re.fullmatch(r"-?\d{1,2}\.\d{3,}", value))
    if kind == "ssid":
        return 1 <= len(value) <= 32
    return 4 <= len(value) <= 128


def _json(text: str) -> Iterator[Sensitive]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        yield from _assigned(text)
        return
    waiting: list[tuple[str, object]] = [("", document)]
    for _ in range(MAX_VALUES):
        if not waiting:
            return
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(k), v) for k, v in islice(value.items(), 500)]
        elif isinstance(value, list):
            waiting += [(key, v) for v in value[:100]]
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            yield from of_field(key, str(value))


def _html(text: str) -> Iterator[Sensitive]:
    for name, attributes, following in tags(text):
        value = attributes.get("value", "")
        field = attributes.get("name") or attributes.get("id") or "a field"
        if name == "input" and attributes.get("type", "").lower() == "password":
            if value and _fits("password", value):
                yield Sensitive(kind="password", where=clean(field, 40))
        elif name == "input" and value:
            yield from of_field(field, value)
        elif name == "script":
            yield from _assigned(following)
    shown = re.sub(r"<[^<>]{0,1000}>", " ", text)
    if any(any(map(str.isdigit, serial)) for serial in _LABELLED.findall(shown)):
        yield Sensitive(kind="serial", where="the text of the page")


def _assigned(text: str) -> Iterator[Sensitive]:
    """``var wpa_psk = "…"`` and ``"wpaKey":"…"`` in a script."""
    for key, double, single in _ASSIGNED.findall(text):
        yield from of_field(key, double or single)
