"""Whether what fetches an update trusts an authority, certificate or key of its own, or every authority there is.

It is pinned when the command, or a setting beside the address, names one: ``curl --cacert``, ``wget
--pinnedpubkey``, ``tls-ca`` of RAUC, ``cafile`` of SWUpdate, ``ServerCertificate`` of Mender. The system's own
list of authorities named so pins nothing. Sources: curl(1), wget(1), apt-transport-https(1), opkg.conf(5),
rauc.conf, swupdate.cfg, mender.conf.
"""

import re
from dataclasses import dataclass, field

from firmware_checks.content.files import text
from firmware_checks.view import View
from probe.model.text import clean

MOST_JOINED = 8
"""Lines of one command."""
MOST_NAMES = 200
MOST_USES = 50
MOST_AUTHORITY = 65_536
_VALUE = r"[\"']?(?P<value>[^\s\"',;|&)>]+)"
_OPTION = re.compile(
    r"(?<!\S)--(?:cacert|capath|pinnedpubkey|ca-certificate|ca-directory|tls-ca|server-?cert)(?:\s+|=)"
    + _VALUE
)
_ARGUMENT = re.compile(
    r"\b(?:verify|cafile|capath|cadata|ca_certs|load_verify_locations|http\.sslCAInfo|CURLOPT_(?:CAINFO|CAPATH|PINNEDPUBLICKEY))\s*[=:(,]\s*"
    + _VALUE
)
_ENVIRONMENT = r"CURL_CA_BUNDLE|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|GIT_SSL_CAINFO"
_EXPORTED = re.compile(
    rf"^(?:export\s+|Environment=[\"']?)?(?P<name>{_ENVIRONMENT})\s*=\s*{_VALUE}"
)
_SETTING = re.compile(
    r"^(?:option\s+|set\s+)?[\"']?(?:[\w:-]*[._:-])?"
    r"(?P<name>ca[_-]?(?:file|path|certs?|certificates?|info|bundle)|(?:ssl|tls)[_-]?ca(?:[_-]?(?:file|path|certs?))?"
    r"|root[_-]?ca(?:[_-]?(?:file|path|certs?))?|root[_-]?cert(?:ificate)?(?:[_-]?(?:file|path))?|trust(?:ed)?[_-]?ca|trust[_-]?bundle[_-]?cert"
    r"|server[_-]?cert(?:ificate)?(?:[_-]?(?:file|path))?|ssl[_-]?ca[_-]?cert|pinned[_-]?(?:pub(?:lic)?[_-]?)?key|server[_-]?key[_-]?hash"
    rf"|{_ENVIRONMENT})[\"']?(?:\s*[=:]\s*|\s+)(?:\[\s*)?{_VALUE}",
    re.IGNORECASE,
)
_OF_THE_SYSTEM = re.compile(
    r"^/etc/(?:ssl|pki/tls|pki/ca-trust/extracted/pem)/?(?:certs/?)?(?:ca-certificates\.crt|ca-bundle(?:\.trust)?\.crt|tls-ca-bundle\.pem|cert\.pem)?$"
    r"|^/usr/(?:local/)?share/ca-certificates/?|(?:^|/)(?:certifi|mozilla)\b|^certifi|^/opt/etc/ssl/certs/?$"
    r"|^(?:true|yes|on|false|no|off|none|null|default|system|auto|optional|required|[0-9]+)$",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"^(?:export\s+|local\s+|readonly\s+|const\s+|let\s+|var\s+)?(?P<name>[A-Za-z_]\w{1,60})\s*=\s*(?P<value>.+)$"
)
_FETCHES = re.compile(
    r"\b(?:curl|wget|uclient-fetch|aria2c|rauc|requests\.\w+|urlopen|urlretrieve|fetch)\b"
)
_NAMED = re.compile(r"\$\{?(\w+)")
_CODE = re.compile(r"\.(?:sh|py|lua|js|mjs|pl|php|rb|cgi|tcl)$")
COMMENTS = ("#", "//", "*", ";", "--")


@dataclass(slots=True)
class Pins:
    """What one script or settings file pins. Read once, when it holds an address of updates."""

    lines: list[str]
    code: bool
    assigned: dict[str, tuple[int, str]] = field(default_factory=dict)
    everywhere: str = ""
    """A setting that holds for all of the file."""

    @classmethod
    def of(cls, path: str, view: View) -> "Pins":
        """``path`` and the first line tell a script, in which a setting holds only where it is used."""
        lines = text(view).split("\n")  # as the numbers of lines are counted
        code = bool(lines and lines[0].startswith("#!")) or _CODE.search(path) is not None
        made = cls(lines, code)
        made._read()
        return made

    def _read(self) -> None:
        known = _EXPORTED if self.code else _SETTING
        for number, line in enumerate(self.lines, 1):
            bare = line.strip()[:2000]
            if not bare or bare.startswith(COMMENTS):
                continue
            # JSON on one line holds several settings.
            parts = re.split(r"[{,]\s*(?=\")", bare) if not self.code and '":' in bare else [bare]
            for part in parts[:100]:
                found = known.match(part)
                if found and not self.everywhere and is_own(found["value"]):
                    self.everywhere = clean(f"{found['name']} {found['value']}", 120)
            if (one := _ASSIGNED.match(bare)) and len(self.assigned) < MOST_NAMES:
                self.assigned.setdefault(one["name"], (number, one["value"].strip("\"' ;")))

    def at(self, number: int) -> str:
        """What pins the address in line ``number``; empty when nothing does, and in a line that was not read."""
        if not 0 < number <= len(self.lines):
            return ""
        command = self._command(number)
        if said := self._said(command):
            return said
        if self.everywhere or not self.code:
            return self.everywhere
        name = next((n for n, (line, _) in self.assigned.items() if line == number), "")
        return self._uses(name, number) if name else ""

    def _uses(self, name: str, number: int) -> str:
        """Every command that fetches from a named address is pinned, or it is not."""
        word = re.compile(rf"\b{re.escape(name)}\b")
        lines = (n for n, line in enumerate(self.lines, 1) if n != number and word.search(line))
        commands = [self._command(n) for n, _ in zip(lines, range(MOST_USES), strict=False)]
        said = [self._said(c) for c in commands if _FETCHES.search(self._expanded(c))]
        return said[0] if said and all(said) else ""

    def _command(self, number: int) -> str:
        """A line with those that go on with it."""
        first = number - 1
        while first > 0 and number - first < MOST_JOINED and self._goes_on(self.lines[first - 1]):
            first -= 1
        last, kept = number - 1, [line.rstrip("\\ ") for line in self.lines[first:number]]
        while (
            last + 1 < len(self.lines)
            and len(kept) < 2 * MOST_JOINED
            and (self._goes_on(self.lines[last]) or _is_open(kept))
        ):
            last += 1
            kept.append(self.lines[last].rstrip("\\ "))
        return " ".join(kept)[:4000]

    def _goes_on(self, line: str) -> bool:
        return line.rstrip().endswith(("\\", "(", ",") if self.code else "\\")

    def _expanded(self, command: str) -> str:
        """With the variables of the file in place, once."""
        return _NAMED.sub(lambda v: self.assigned.get(v[1], (0, v[0]))[1][:300], command)

    def _said(self, command: str) -> str:
        said = self._expanded(command)
        for pattern in (_OPTION, _ARGUMENT):
            for found in pattern.finditer(said):
                value = self.assigned.get(found["value"], (0, found["value"]))[1].strip("\"' ")
                if is_own(value):
                    return clean(found.group(0), 120)
        return ""


def is_own(value: str) -> bool:
    """A file or key that is not the system's list of authorities."""
    return bool(value) and _OF_THE_SYSTEM.search(value) is None


def _is_open(lines: list[str]) -> bool:
    said = " ".join(lines)
    return said.count("(") > said.count(")")


_OF_FEEDS = {
    "etc/opkg": re.compile(r"(?:^|/)etc/opkg(?:\.conf|/[^/]+\.conf)$"),
    "etc/apt": re.compile(r"(?:^|/)etc/apt/apt\.conf(?:\.d/[^/]+)?$"),
}
_OF_APK = re.compile(r"(?:^|/)etc/apk/ca\.pem$")
SYSTEMS = 8
"""A file with so many certificates is a copy of the system's list."""


def feed_pin(path: str, view: View) -> tuple[str, str] | None:
    """Folder of a package manager's settings, and which authority of its own it is told to trust."""
    if "/apk/" in path and _OF_APK.search(path):
        own = view.read(0, min(MOST_AUTHORITY, len(view))).count(b"-----BEGIN ") < SYSTEMS
        return ("etc/apk", clean(path, 120)) if own and len(view) <= MOST_AUTHORITY else None
    for manager, settings in _OF_FEEDS.items():
        if manager in path and settings.search(path):
            pin = Pins.of("", view).everywhere
            return (manager, pin) if pin else None
    return None
