"""Accounts in the image: ``passwd`` and ``shadow``, and the password files of servers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from firmware_checks.content import Facts
from firmware_checks.content.files import (
    MOST_QUOTED,
    NOT_READ,
    is_documentation,
    is_file,
    is_text,
    numbered,
    raw_lines,
    weakness,
)
from firmware_checks.content.passwords import Cracker, is_known, type_of
from firmware_checks.reading import Entry, Kind, Quote
from firmware_checks.view import View
from probe.model.firmware import AccountState, ImageAccount
from probe.model.text import clean

MOST_ACCOUNTS = 200
_UNIX = re.compile(r"(?:(.*)/)?(?:etc|config)/(passwd|shadow)$", re.DOTALL)
_HTPASSWD = re.compile(
    r"(?:^|/)(?:\.?htpasswd[^/]*|[^/]*\.htpasswd|lighttpd[^/]*\.(?:user|users|passwd|plain)"
    r"|(?:lighttpd|nginx|httpd|boa|apache2?)/[^/]*(?:passwd|password|users?)(?:\.[a-z]+)?)$"
)
_HTDIGEST = re.compile(r"(?:^|/)(?:\.?htdigest[^/]*|[^/]*\.(?:htdigest|digest))$")
_MOSQUITTO = re.compile(r"(?:^|/)mosquitto[^/]*/(?=[^/]*$)[^/]*(?:pass|pwd|pwfile)")
_BUSYBOX_HTTPD = re.compile(r"(?:^|/)etc/httpd[^/]*\.conf$")
ELSEWHERE = "x"
"""In ``passwd``: the hash is in ``shadow``."""
_NO_SHELL = re.compile(r"/(?:nologin|false|true|sync|halt|shutdown|ftponly)$")
_USER = re.compile(r"[A-Za-z0-9_.@+-]{1,64}\$?$")


@dataclass(frozen=True, slots=True)
class Line:
    """One account as its file says it."""

    path: str
    username: str
    secret: str
    uid: int | None = None
    shell: str = ""
    number: int = 0
    """Of the line, from 1."""
    quotes: tuple[Quote, ...] = ()


class Accounts:
    """One file system."""

    name = "accounts"

    def __init__(self, image: str, place: str) -> None:
        self.image, self.place = image, place
        self._cracker = Cracker()
        self._passwd: dict[str, list[Line]] = {}
        self._shadow: dict[str, list[Line]] = {}
        self._links: dict[str, Entry] = {}
        self._count = 0

    def look(self, entry: Entry, view: View) -> Facts:
        unix = _UNIX.match(entry.path)  # searched, it would try at every place
        if unix and entry.kind is Kind.LINK and unix.group(2) == "passwd":
            self._links[unix.group(1) or ""] = entry
        if entry.kind is not Kind.FILE or not entry.size:
            return
        program = view.starts_with(b"\x7fELF")  # htpasswd is one, too
        ours = unix or (_server(entry.path) and not program and not is_documentation(entry.path))
        if ours and not (is_file(entry) and is_text(view)):
            what = f"the accounts in it ({entry.size} bytes, too many or no text)"
            yield weakness((self.image, self.place), entry.path, NOT_READ, what)
        elif unix:
            root, which = unix.group(1) or "", unix.group(2)
            (self._passwd if which == "passwd" else self._shadow)[root] = list(
                quoted(unix_lines(entry.path, view, which), view)
            )
        elif ours:
            for line in quoted(server_lines(entry.path, view), view):
                yield from self._server(line)

    def end(self) -> Facts:
        for root in sorted({*self._passwd, *self._shadow}):
            for line in merged(self._passwd.get(root, []), self._shadow.get(root, [])):
                yield from self._unix(line)
        for root, entry in sorted(self._links.items()):
            if not self._passwd.get(root) and not is_documentation(entry.path):
                why = f"{entry.path} points to {entry.target}, where none was read"
                points = Quote(entry.path, 0, entry.target.encode())
                line = Line(entry.path, "root", ELSEWHERE, 0, "/bin/sh", quotes=(points,))
                yield from self._fact(line, AccountState.ELSEWHERE, tried=clean(why, 200))
        if self._count > MOST_ACCOUNTS:
            what = f"{self._count - MOST_ACCOUNTS} accounts beyond the first {MOST_ACCOUNTS}"
            yield weakness((self.image, self.place), "accounts", NOT_READ, what)

    def _unix(self, line: Line) -> Facts:
        secret = line.secret
        if not secret:
            yield from self._fact(line, AccountState.EMPTY)
        elif secret == ELSEWHERE:
            if not _NO_SHELL.search(line.shell):
                yield from self._fact(line, AccountState.ELSEWHERE)
        elif (kind := type_of(secret)) is None:
            yield from self._fact(line, AccountState.LOCKED)
        else:
            yield from self._hashed(line, kind.name, weak=kind.weak)

    def _server(self, line: Line) -> Facts:
        if line.secret.startswith("digest:"):
            _, realm, digest = line.secret.split(":", 2)
            guess = self._cracker.digest(line.username, realm, digest)
            state = AccountState.HASHED if guess.password is None else AccountState.KNOWN
            yield from self._fact(
                line, state, "MD5 (digest)", guess.password or "", guess.tried, weak=True
            )
        elif (kind := type_of(line.secret)) is not None:
            yield from self._hashed(line, kind.name, weak=kind.weak)
        elif not line.secret:
            yield from self._fact(line, AccountState.EMPTY)
        else:
            known = is_known(line.username, line.secret)
            state = AccountState.KNOWN if known else AccountState.HASHED
            password = line.secret if known else ""
            yield from self._fact(line, state, "in clear", password, weak=True)

    def _hashed(self, line: Line, name: str, *, weak: bool) -> Facts:
        guess = self._cracker.guess(line.username, line.secret)
        state = AccountState.HASHED
        if guess.password is not None:
            state = AccountState.KNOWN if guess.password else AccountState.EMPTY
        yield from self._fact(line, state, name, guess.password or "", guess.tried, weak=weak)

    def _fact(
        self,
        line: Line,
        state: AccountState,
        hash_type: str = "",
        password: str = "",
        tried: str = "",
        *,
        weak: bool = False,
    ) -> Facts:
        self._count += 1
        if self._count > MOST_ACCOUNTS:
            return
        hidden = state not in (AccountState.ELSEWHERE, AccountState.LOCKED)
        fact = ImageAccount(
            image=self.image,
            place=self.place,
            path=clean(line.path, 300),
            username=clean(line.username, 64),
            uid=line.uid,
            state=state,
            hash_type=hash_type,
            weak_hash=weak,
            password=clean(password, 100),
            shell=clean(line.shell, 100),
            tried=tried,
            line=line.number,
            secret=_bare(line.secret) if hidden else "",
        )
        yield fact, line.quotes


TOPIC = Accounts


def unix_lines(path: str, view: View, which: str) -> Iterator[Line]:
    """Lines of ``passwd`` (seven fields) or ``shadow`` (nine; busybox writes fewer). See passwd(5), shadow(5)."""
    for number, line in numbered(view):
        fields = line.split(":")
        if len(fields) < (7 if which == "passwd" else 2) or not _USER.match(fields[0]):
            continue
        if which == "passwd":
            uid = int(fields[2]) if fields[2].isdecimal() and len(fields[2]) < 11 else None
            yield Line(path, fields[0], fields[1], uid, fields[6] or "/bin/sh", number)
        else:
            yield Line(path, fields[0], fields[1], number=number)


def _bare(secret: str) -> str:
    """What is to be hidden where the line is shown."""
    return (secret.split(":", 2)[2] if secret.startswith("digest:") else secret)[:MOST_QUOTED]


def quoted(lines: Iterator[Line], view: View) -> Iterator[Line]:
    """Each with its bytes."""
    every = list(lines)
    raw = raw_lines(view, [line.number for line in every])
    for line in every:
        yield replace(line, quotes=(Quote(line.path, line.number, raw[line.number]),))


def merged(passwd: list[Line], shadow: list[Line]) -> Iterator[Line]:
    """Each account once: with the secret of ``shadow`` where ``passwd`` points there."""
    secrets = {line.username: line for line in shadow}
    for line in passwd:
        other = secrets.pop(line.username, None)
        if line.secret == ELSEWHERE and other is not None:
            both = (*line.quotes, *other.quotes)
            yield replace(other, uid=line.uid, shell=line.shell, quotes=both)
        elif line.secret == ELSEWHERE and shadow:
            yield replace(line, secret="*")  # noqa: S106 - no password opens it
        else:
            yield line
    # A line of shadow alone lets nobody in, unless passwd is made when the device starts.
    if not passwd:
        yield from secrets.values()


def _server(path: str) -> bool:
    """The name is that of a server's own password file."""
    return any(p.search(path) for p in (_BUSYBOX_HTTPD, _HTDIGEST, _HTPASSWD, _MOSQUITTO))


def server_lines(path: str, view: View) -> Iterator[Line]:
    """Accounts of a server's own password file; nothing for a file that is none."""
    if _BUSYBOX_HTTPD.search(path):
        yield from _busybox(path, view)
    elif _HTDIGEST.search(path):
        yield from _htdigest(path, view)
    elif _HTPASSWD.search(path) or _MOSQUITTO.search(path):
        yield from _htpasswd(path, view)


def _busybox(path: str, view: View) -> Iterator[Line]:
    """``/path:user:password`` of busybox httpd; ``$p$user`` points to the system's accounts."""
    for number, line in numbered(view):
        fields = line.split(":", 2)
        named = line.startswith("/") and len(fields) == 3 and _USER.match(fields[1])
        if named and not fields[2].startswith("$p$"):
            yield Line(path, fields[1], fields[2], number=number)


def _htdigest(path: str, view: View) -> Iterator[Line]:
    for number, line in numbered(view):
        fields = line.split(":")
        if len(fields) == 3 and re.fullmatch(r"[0-9a-fA-F]{32}", fields[2]):
            yield Line(path, fields[0], f"digest:{fields[1]}:{fields[2]}", number=number)


def _htpasswd(path: str, view: View) -> Iterator[Line]:
    for number, line in numbered(view):
        user, colon, secret = line.partition(":")
        if colon and _USER.match(user) and " " not in secret:
            yield Line(path, user, secret, number=number)
