"""What starts with the device: debug services, and consoles that give a shell to whoever plugs in.

A service that is installed and not started is said to be that: whether a script starts is read from the
links of its run level, the unit's ``wants`` folder, or another script that calls it.
"""

import re
from dataclasses import dataclass

from firmware_checks.content import Facts
from firmware_checks.content.files import (
    NOT_READ,
    is_documentation,
    is_file,
    is_text,
    numbered,
    raw_lines,
    weakness,
)
from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View

CONSOLE, DEBUG, IDLE = "console without login", "debug service", "debug service, not started"
MOST = 100
LARGEST = 256 << 10
"""Bytes of a script or table of what is started."""
LONGEST = 4000
"""Characters of a line with its variables in place."""
STARTS = ("respawn", "askfirst", "askconsole", "respawnlate", "once", "wait")
"""Actions of ``inittab``."""
_SHELL = r"(?:/usr)?/bin/(?:ba|a|da|z|k|mk)?sh"
_BARE_SHELL = re.compile(
    rf"^(?:exec\s+)?-?{_SHELL}(?:\s+-[il]+)*$|^/bin/busybox\s+(?:a|hu)?sh$|^(?:ba|a)?sh$"
)
_GETTY_SHELL = re.compile(
    rf"^(?>.*?getty\b).*\s(?:-[a-zA-Z]*l|--login-program)[\s=]*{_SHELL}\b"
    r"|^(?>.*?getty\b).*(?:\s-[a-zA-Z]*a\s*root|--autologin[\s=]+\S+)"
)
_DAEMON = re.compile(
    r"(?<![\w./-])(?:exec\s+|start\s+|(?:/[\w.-]+)*/s?bin/)?(?:busybox\s+)?"
    r"(?P<name>u?telnetd|in\.telnetd|adbd|gdbserver|tcf-agent|in\.ftpd|[a-z-]{0,5}ftpd|in\.tftpd|tftpd|in\.rlogind|rlogind"
    r"|in\.rshd|rshd|rexecd|openocd|kdb|atd_shell)(?=\s|$|[;&\"'])"
)
_COMMANDS = re.compile(r"[;&|(){}]+|\b(?:then|do|else)\b")
_NO_START = re.compile(
    r"(?:echo|printf|log_\w+|killall|pkill|kill|pidof|pgrep|stop|rm|which|test|grep|ps|stop_service|command|type|logger|cp|ln|if"
    r"|elif|while|start-stop-daemon\s.*(?:-K|--stop))\b|\[|(?!DAEMON=|PROG=|EXEC=|CMD=|BIN=)\w+="
)
"""Commands that name a service without starting it."""
_GIVEN = re.compile(
    r"""(?:export\s+|local\s+)?(?!(?:DAEMON|PROG|EXEC|CMD|BIN)=)([A-Za-z_]\w{0,40})=["']?([\w./-]{4,120})["']?(?:\s|;|$)"""
)
"""A variable that is given a path; those left out count as a start themselves."""
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w{0,40})\}?")
_BIND_SHELL = re.compile(
    rf"^(?>.*?\b(?:nc|netcat|ncat)\b)(?>.*?\s-\w*?[le]).*(?:-\w*e\s*|--exec\s+){_SHELL}"
    rf"|^(?>.*?\bsocat\b).*(?:EXEC|SYSTEM):[\"']?{_SHELL}"
    rf"|^(?>.*?\btelnetd\b).*\s-l\s*{_SHELL}"
)
_SCRIPT = re.compile(
    r"(?:^|/)etc/(?:init\.d/[^/]+|rc(?:S|[0-6])?\.d/[^/]+|rc\.local|rc\.sysinit|rcS|rc|rc\.common|inetd\.conf|xinetd\.d/[^/]+"
    r"|profile|network/if-up\.d/[^/]+)$|(?:^|/)(?:init|linuxrc|preinit)$|(?:^|/)init[^/]*\.rc$"
)
_UNIT = re.compile(r"^(?>(?:.*?/)??systemd/system/)(?>(?:.*/)?)([^/]+\.(?:service|socket))$")
_WANTED = re.compile(r"(?:^|/)systemd/system/[^/]+\.(?:wants|requires)/([^/]+)$")
_LINKED = re.compile(r"(?:^|/)etc/rc(?:[S0-6]?)\.d/(?=[^/]*$)S\d*([^/]+)$")
_ALWAYS = re.compile(
    r"(?:^|/)etc/(?:init\.d/(?:S\d\d[^/]*|rcS|rc|boot)|rc\.local|rc\.sysinit|rcS|rc|inetd\.conf)$|(?:^|/)(?:init|linuxrc|preinit)$|\.rc$"
)
_INITTAB = re.compile(r"(?:^|/)etc/inittab$")
_SYSTEM = re.compile(r"(?:^|/)etc/config/system$")
_TTY_LOGIN = re.compile(r"option\s+ttylogin\s+['\"]?1")
_PROPERTY = re.compile(
    r"(?:^|/)(?:build|default|prop\.default|local)\.?prop$|(?:^|/)default\.prop$"
)
_OPEN_PROPERTIES = re.compile(
    r"^(?:(?:service|persist)\.adb\.tcp\.port\s*=\s*[1-9]\d*|ro\.adb\.secure\s*=\s*0|ro\.debuggable\s*=\s*1)\s*$"
)


@dataclass(frozen=True, slots=True)
class Started:
    """A line that starts a service, in a file of which it is not yet known whether it runs."""

    path: str
    script: str
    line: int
    text: str
    raw: bytes
    """The line as it stands in the file."""


class Startup:
    """One file system."""

    name = "start-up"

    def __init__(self, image: str, place: str) -> None:
        self.where = (image, place)
        self._lines: list[Started] = []
        self._linked: set[str] = set()
        self._called: set[str] = set()
        self._asks_login: tuple[str, int, bytes] | None = None
        self._tty_login = False
        self._readers = (
            (_INITTAB, self._inittab),
            (_UNIT, self._unit),
            (_SCRIPT, self._script),
            (_PROPERTY, self._properties),
            (_SYSTEM, self._system),
        )

    def look(self, entry: Entry, view: View) -> Facts:
        path = entry.path
        for pattern in (_WANTED, _LINKED):
            if found := pattern.search(path):
                self._linked.add(found.group(1))
        if entry.kind is not Kind.FILE or is_documentation(path):
            return
        read = next((r for p, r in self._readers if p.search(path)), None)
        if read is None or not is_text(view):
            return
        if is_file(entry, largest=LARGEST):
            yield from read(path, view)
        else:
            what = f"what it starts, a text of {entry.size} bytes"
            yield weakness(self.where, path, NOT_READ, what)

    def end(self) -> Facts:
        if self._asks_login and not self._tty_login:
            path, number, raw = self._asks_login
            what = "the console asks for a login only when ttylogin is set, and it is not"
            yield weakness(self.where, path, CONSOLE, what, number, raw)
        if len(self._lines) >= MOST:
            what = f"what is started after the first {MOST} services"
            yield weakness(self.where, "start scripts", NOT_READ, what)
        for one in self._lines[:MOST]:
            kind = DEBUG if self._runs(one) else IDLE
            yield weakness(self.where, one.path, kind, one.text[:160], one.line, one.raw)

    def _runs(self, one: Started) -> bool:
        return bool(_ALWAYS.search(one.path)) or one.script in self._linked | self._called

    # --- files -----------------------------------------------------------------------------------

    def _inittab(self, path: str, view: View) -> Facts:
        """``id:runlevels:action:process``, of SysV init and of busybox, where id is the terminal."""
        for number, line in numbered(view):
            fields = line.split(":", 3)
            if len(fields) != 4 or fields[2] in ("off", "shutdown", "ctrlaltdel", "restart"):
                continue
            process = fields[3].strip()
            if process.endswith("libexec/login.sh"):
                self._asks_login = (path, number, _raw(view, number))
            elif fields[2] in STARTS and gives_shell(process):
                yield weakness(self.where, path, CONSOLE, line, number, view)
            if daemon(process):
                yield weakness(self.where, path, DEBUG, line, number, view)
            self._calls(process)

    def _unit(self, path: str, view: View) -> Facts:
        found = _UNIT.search(path)
        assert found is not None
        for number, line in numbered(view, comments="#;"):
            if not line.startswith("ExecStart="):
                continue
            process = line.removeprefix("ExecStart=").lstrip("-@+!:")
            if gives_shell(process):
                # A unit of a library folder that nobody wants is a unit that does not run.
                self._lines.append(Started(path, found.group(1), number, line, _raw(view, number)))
            elif daemon(process):
                name = found.group(1).replace("@.service", ".socket")
                self._lines.append(Started(path, name, number, line, _raw(view, number)))
        yield from ()

    def _properties(self, path: str, view: View) -> Facts:
        for number, line in numbered(view):
            if _OPEN_PROPERTIES.match(line):
                yield weakness(self.where, path, DEBUG, line, number, view)

    def _system(self, path: str, view: View) -> Facts:
        self._tty_login = any(_TTY_LOGIN.match(line) for _, line in numbered(view))
        yield from ()

    def _script(self, path: str, view: View) -> Facts:
        script = re.sub(r"^[SK]\d\d", "", path.rsplit("/", 1)[-1])
        if "xinetd.d/" in path and any(
            re.match(r"disable\s*=\s*yes", line) for _, line in numbered(view)
        ):
            return
        if "xinetd.d/" in path:
            self._called.add(script)
        named: dict[str, str] = {}
        for number, line in numbered(view):
            said = _VARIABLE.sub(lambda v: named.get(v.group(1), v.group(0)), line)[:LONGEST]
            if daemon(said) and len(self._lines) < MOST:
                self._lines.append(Started(path, script, number, line, _raw(view, number)))
            if (given := _GIVEN.match(line)) and len(named) < MOST:
                named[given.group(1)] = given.group(2)
            self._calls(line)
        yield from ()

    def _calls(self, line: str) -> None:
        for name in re.findall(r"/etc/init\.d/([\w.-]+)\s+(?:re)?start", line):
            self._called.add(name)


TOPIC = Startup


def _raw(view: View, number: int) -> bytes:
    return raw_lines(view, [number])[number]


def gives_shell(process: str) -> bool:
    """The process is a shell, or a getty that goes on to one without a login."""
    return bool(_BARE_SHELL.match(process) or _GETTY_SHELL.search(process))


def daemon(line: str) -> str:
    """The debug service that a line of a script starts; empty when it starts none."""
    if found := _BIND_SHELL.search(line):
        return found.group(0)
    for command in _COMMANDS.split(line):
        bare = command.strip()
        if _NO_START.match(bare):
            continue
        if found := _DAEMON.search(bare):
            return found["name"]
    return ""
