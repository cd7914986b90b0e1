"""Where and how a page's script would log in: paths and field names in its text. Pure, nothing is run."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

COMMON = ("/api/login", "/login", "/auth", "/api/auth/login", "/rpc", "/api/session")
"""Asked where the page's own text names nothing that fits."""
MAX_TEXT = 1 << 20
MAX_ENDPOINTS = 6
MAX_PRIVATE = 6
_QUOTED = re.compile(r"""["'`](/?[A-Za-z0-9_][A-Za-z0-9_./-]{1,80})(?:\?[^"'`\s]{0,40})?["'`]""")
_LOGIN = re.compile(
    r"log-?_?in\b|sign-?_?in\b|/auth\b|authenticate|/sessions?\b|/token\b|/rpc\b", re.I
)
_FILE = re.compile(r"\.(?:js|css|html?|png|jpe?g|svg|gif|ico|woff2?|ttf|map|vue|ts|tsx|txt)$", re.I)
_ACTION = re.compile(
    r"log-?_?(?:in|out|off)|auth|sign|reboot|restart|reset|delete|remove|upgrade|update|set|save|apply|"
    r"format|upload|create|add|write|start|stop|enable|disable|shutdown|factory|control|command|exec|"
    r"register|test|ping|run|toggle|clear|import|restore|token|rpc",
    re.I,
)
_READABLE = re.compile(r"/api/|/rest/|/v\d/|\.json$|\.cgi$|/cgi-bin/|/data/|^api/", re.I)
LOGOUT = re.compile(r"log-?_?(?:out|off)\b|sign-?_?out\b", re.I)
_TOKEN = re.compile(r"token|session|sid$|stok|jwt|^auth|^ticket$|^key$", re.I)
MAX_NODES = 200
MIN_TOKEN = 8


def paths(texts: Iterable[str]) -> list[str]:
    """Every quoted path of the texts, in order, each once."""
    found: dict[str, None] = {}
    for text in texts:
        for match in _QUOTED.finditer(text[:MAX_TEXT]):
            path = match[1]
            if "/" in path.strip("/") or path.startswith("/"):
                found.setdefault(path if path.startswith("/") else f"/{path}")
            if len(found) >= 500:
                break
    return [p for p in found if "//" not in p and ".." not in p and not _FILE.search(p)]


def endpoints(texts: Iterable[str], common: bool = True) -> list[str]:
    """Where a login may be posted: the paths that are named like one, then the ``common`` ones."""
    own = [p for p in paths(texts) if _LOGIN.search(p) and not LOGOUT.search(p)]
    own.sort(key=lambda p: "login" not in p.lower())
    return list(dict.fromkeys((*own[:MAX_ENDPOINTS], *(COMMON if common else ()))))


def readable(texts: Iterable[str]) -> list[str]:
    """Paths that look like something to read and not like something to do."""
    own = [p for p in paths(texts) if _READABLE.search(p) and not _ACTION.search(p)]
    return list(dict.fromkeys((*own[:MAX_PRIVATE], "/api/status", "/api/info")))


def harmless(link: str) -> bool:
    """Whether a link leads to something to look at and not to something to do."""
    path, _, query = link.partition("?")
    usual = not path.lower().startswith(("javascript", "mailto", "#", "data")) and path
    return bool(usual) and not query and not _ACTION.search(path) and not LOGOUT.search(path)


def logout(texts: Iterable[str]) -> str:
    """The path of the log-out, empty when none is named."""
    return next((p for p in paths(texts) if LOGOUT.search(p)), "")


# --- what is posted ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shape:
    """How user and password are put into a body."""

    user: str
    password: str
    wrap: str = ""
    """Empty: at the top; ``params``: as the parameters of a JSON-RPC ``login``; ``list``: by position;
    ``form``: as a form is sent."""

    def body(self, username: str, password: str) -> str:
        pair = {self.user: username, self.password: password}
        call = {"jsonrpc": "2.0", "id": 1, "method": "login"}
        if self.wrap == "form":
            return urlencode(pair)
        if self.wrap == "params":
            return json.dumps({**call, "params": pair})
        if self.wrap == "list":
            return json.dumps({**call, "params": [username, password]})
        return json.dumps(pair)


USERS = ("username", "user", "userName", "login", "email", "name", "account", "usr", "UserName")
PASSWORDS = ("password", "pass", "passwd", "passWord", "pwd", "psw", "pw", "Password")


AS_JSON = re.compile(r"JSON\.stringify|application/json|json\s*:\s*\{|axios|\$http\.post", re.I)
AS_FORM = re.compile(r"\$\.post|serialize\(|URLSearchParams|FormData|x-www-form-urlencoded", re.I)
BY_SCRIPT = re.compile(
    r"\bfetch\(|XMLHttpRequest|\.ajax\(|\$\.post|axios|\$http\.|\.request\(", re.I
)
"""How a script sends something by itself."""


def shapes(path: str, texts: Iterable[str]) -> tuple[list[Shape], bool]:
    """The likeliest first, and whether the scripts show both its field names and its encoding."""
    text = "\n".join(t[:MAX_TEXT] for t in texts)
    users, passwords = (
        [n for n in names if re.search(rf"""(?:\b{n}\b["']?\s*:|["']{n}["'])""", text)]
        for names in (USERS, PASSWORDS)
    )
    found: list[Shape] = []
    if re.search(r"/rpc\b|/ubus\b|json-?rpc", path, re.I):
        found += [Shape("username", "password", "params"), Shape("username", "password", "list")]
    if users and passwords:
        found.append(Shape(users[0], passwords[0]))
    found += [Shape("username", "password"), Shape("user", "pass")]
    if re.search(r"""["']?params["']?\s*:""", text):
        found.append(Shape("username", "password", "params"))
    usual = found[0]
    as_form = Shape(usual.user, usual.password, "form")
    as_json, only_form = bool(AS_JSON.search(text)), False
    if AS_FORM.search(text) and not as_json:
        found.insert(0, as_form)
        only_form = True
    else:
        found.append(as_form)
    known = bool(users and passwords) and (as_json or only_form)
    return list(dict.fromkeys(found))[:5], known


# --- what comes back --------------------------------------------------------------------------------


def tokens_in(value: Any) -> list[str]:
    """Strings of the answer that may be a session's token, in order."""
    return list(dict.fromkeys(_tokens(value, "", [0], 0)))[:3]


def _tokens(value: Any, name: str, count: list[int], depth: int) -> Iterator[str]:
    count[0] += 1
    if count[0] > MAX_NODES or depth > 4:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _tokens(inner, str(key), count, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _tokens(inner, name, count, depth + 1)
    elif (
        isinstance(value, str) and len(value) >= MIN_TOKEN and value.isascii() and " " not in value
    ) and (_TOKEN.search(name) or name == "result"):
        yield value
