"""Which addresses of a page may be read by a machine, and which look as if reading them did something.

GET is meant to be safe (RFC 9110 section 9.2.1); embedded web servers reboot on it all the same. A link
that names an action is therefore never followed, and a form is never sent.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from probe.collect.web.http import host_header
from probe.collect.web.pages import tags
from probe.model.text import clean

MAX_LINKS = 200
"""Of one page."""
MAX_PATH = 300
ACTIONS = frozenset(
    (
        *("logout", "logoff", "signout", "exit", "quit", "reboot", "restart", "reset", "restore"),
        *(
            "factory",
            "factorydefault",
            "defaults",
            "delete",
            "del",
            "remove",
            "rm",
            "erase",
            "wipe",
        ),
        *("format", "clear", "purge", "flush", "apply", "save", "submit", "commit", "set", "write"),
        *("update", "upgrade", "flash", "upload", "import", "install", "uninstall", "exec", "cmd"),
        *("command", "shell", "run", "start", "stop", "kill", "enable", "disable", "toggle", "off"),
        *("shutdown", "poweroff", "halt", "power", "unlock", "lock", "pair", "unpair", "bind"),
        *("unbind", "connect", "disconnect", "dial", "add", "create", "new", "edit", "modify"),
        *("change", "move", "ptz", "test", "ping", "send", "trigger", "do", "action", "control"),
    )
)
"""Words of a path or a query that promise more than reading."""
WITHIN = re.compile(
    "reboot|reset|restart|restore|factory|logout|logoff|signout|delete|erase|shutdown|poweroff|upgrade"
    "|upload|uninstall|execute"
)
"""Words that name an action wherever they stand: ``/SYSREBOOT.cgi``."""
ACTING_KEYS = ACTIONS | {"act", "op", "operation", "method", "func", "function", "call", "req"}
"""A parameter of this name chooses what is done."""
LINKING = {"a": "href", "area": "href", "frame": "src", "iframe": "src", "script": "src"}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Origin:
    """One web service: links that leave it are nobody's business here."""

    address: str
    port: int
    tls: bool

    @property
    def url(self) -> str:
        host = host_header(self.address, self.port, self.tls)
        return f"{'https' if self.tls else 'http'}://{host}"


@dataclass(frozen=True, slots=True)
class Links:
    """What a page leads to, in its order, each once: to read first, to read when there is room, never."""

    pages: tuple[str, ...]
    scripts: tuple[str, ...]
    actions: tuple[str, ...]


def links(origin: Origin, base: str, text: str) -> Links:
    """The links of the page at path ``base`` that stay on the same service. Any text has an answer."""
    pages: dict[str, None] = {}
    scripts: dict[str, None] = {}
    actions: dict[str, None] = {}
    for name, attributes, _ in tags(text):
        value = attributes.get(LINKING.get(name, ""), "")
        if name == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            value = attributes.get("content", "").partition("=")[2].strip("\"' ")
        path = target(origin, base, value) if value else None
        if path is None:
            continue
        kept = actions if acts(path) else scripts if name == "script" else pages
        kept.setdefault(path)
        if len(pages) + len(scripts) + len(actions) >= MAX_LINKS:
            break
    return Links(tuple(pages), tuple(scripts), tuple(actions))


def target(origin: Origin, base: str, link: str) -> str | None:
    """The path and query that a link leads to, None when it leaves the service or is no address."""
    try:
        url = urlsplit(urljoin(f"{origin.url}{base}", link.strip()))
        there = (url.scheme, (url.hostname or "").lower(), url.port or _usual(url.scheme))
    except ValueError:
        return None
    if there != ("https" if origin.tls else "http", origin.address.lower(), origin.port):
        return None
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    return path if len(path) <= MAX_PATH and clean(path, MAX_PATH) == path else None


def acts(path: str) -> bool:
    """Whether a path or its query looks as if reading it changed something. In doubt it does."""
    for _ in range(_ROUNDS):  # %2572eset and the like
        path = unquote(path)
    before, _, query = path.partition("?")
    if WITHIN.search(path.lower()) or _words(before) & ACTIONS:
        return True
    for pair in re.split(r"[&;]", query):
        key, equals, value = pair.partition("=")
        if equals and _words(key) & ACTING_KEYS:
            return True
        if _words(value if equals else key) & ACTIONS:
            return True
    return False


def _words(text: str) -> set[str]:
    """``/cgi-bin/setWifi`` holds ``set``; ``/settings.html`` does not."""
    split = {word.lower() for word in _WORD.findall(text)}
    return split | {piece.lower() for piece in re.split(r"[^A-Za-z]+", text)}


def _usual(scheme: str) -> int:
    return 443 if scheme == "https" else 80
