"""Programs that a device in the field has no use for: compilers, debuggers, sniffers, package managers."""

import re

from firmware_checks.content import Facts
from firmware_checks.content.files import weakness
from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View

_BIN = re.compile(r"(?:^|/)s?bin/([^/]+)$")
_TRIPLE = re.compile(r"^(?:[a-z0-9_]+-)+(?=gcc|g\+\+|cc|ld|as)|-\d+(?:\.\d+)*$")
TOOLS = {
    "compiler": ("gcc", "g++", "cc", "c++", "clang", "tcc", "ld", "as", "make", "rustc", "go"),
    "debugger": ("gdb", "gdbserver", "strace", "ltrace", "lldb", "tcf-agent", "perf", "kdb"),
    "development tool": ("tcpdump", "tshark", "ettercap", "nmap"),
    "package manager": (
        *(
            "opkg",
            "opkg-cl",
            "ipkg",
            "dpkg",
            "apt",
            "apt-get",
            "apk",
            "rpm",
            "yum",
            "dnf",
            "microdnf",
        ),
        *("pip", "pip3", "npm", "luarocks"),
    ),
}
_KIND = {name: kind for kind, names in TOOLS.items() for name in names}


class Tools:
    """One file system."""

    name = "tools"

    def __init__(self, image: str, place: str) -> None:
        self.where = (image, place)
        self._seen: set[str] = set()

    def look(self, entry: Entry, view: View) -> Facts:
        found = _BIN.search(entry.path)
        if found is None or entry.kind not in (Kind.FILE, Kind.LINK):
            return
        name = _TRIPLE.sub("", found.group(1))
        kind = _KIND.get(name)
        if kind is None or name in self._seen or (entry.kind is Kind.FILE and not entry.size):
            return
        self._seen.add(name)
        target = entry.target.encode()  # Of a link.
        yield weakness(
            self.where,
            entry.path,
            kind,
            f"{name} is installed",
            seen=target or view.read(0, min(64, len(view))),
        )

    def end(self) -> Facts:
        yield from ()


TOPIC = Tools
