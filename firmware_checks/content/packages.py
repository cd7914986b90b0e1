"""Package databases: of dpkg, opkg and apk. They say what is installed, with the distribution's revision."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from firmware_checks.content.advisories import end_of_life, weaknesses
from firmware_checks.view import View

LARGEST = 16 << 20
MOST = 4_000
STATUS = re.compile(
    r"(?:^|/)(?:var/lib/dpkg/(?:status|status\.d/[^/]+(?<!\.md5sums))|(?:usr/lib|var/lib|lib)/opkg/(?:status|info/[^/]+\.control))$"
)
APK = re.compile(r"(?:^|/)lib/apk/db/installed$")
RPM = re.compile(r"(?:^|/)(?:var/lib|usr/lib/sysimage)/rpm/(?:Packages(?:\.db)?|rpmdb\.sqlite)$")
THERE = ("installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending")
"""States in which a package's files are there (dpkg(1)): images are made with much that is set up at the first start."""
_MAINTAINED = re.compile(r"\+?~?(?:deb\d+u\d+|ubuntu\d)|ubuntu|\+deb", re.IGNORECASE)
"""Revisions of distributions that mend a version instead of replacing it."""
_UPSTREAM = {
    "libssl": "openssl",
    "libcrypto": "openssl",
    "libopenssl": "openssl",
    "openssl-util": "openssl",
    "libcurl": "curl",
    "busybox-static": "busybox",
    "dropbear-bin": "dropbear",
    "dropbear-run": "dropbear",
    "dnsmasq-base": "dnsmasq",
    "dnsmasq-full": "dnsmasq",
    "wpasupplicant": "wpa_supplicant",
    "wpa-supplicant": "wpa_supplicant",
    "wpad": "hostapd",
    "libmosquitto": "mosquitto",
    "libmbedtls": "mbedtls",
    "libmbedcrypto": "mbedtls",
    "libwolfssl": "wolfssl",
    "zlib1g": "zlib",
    "libc6": "glibc",
    "libc-bin": "glibc",
    "libsqlite": "sqlite",
    "sqlite3": "sqlite",
    "hostapd": "hostapd",
    "libpcap": "libpcap",
    "libexpat": "expat",
    "libpng": "libpng",
    "libgnutls": "gnutls",
    "ppp": "pppd",
    "openssh": "openssh",
    "kernel": "linux",
    "linux-image": "linux",
    "libupnp": "libupnp",
    "snmpd": "net-snmp",
    "libsnmp": "net-snmp",
    "avahi-daemon": "avahi",
    "libavahi": "avahi",
}


@dataclass(frozen=True, slots=True)
class Package:
    """``component``: its name upstream; ``version``: as the database has it."""

    manager: str
    name: str
    version: str
    architecture: str = ""
    source: str = ""
    source_version: str = ""
    """Where it differs from the version; advisories of distributions name sources."""
    line: int = 0
    """Where it begins in the database, from 1."""
    raw: bytes = b""
    """The lines that say it."""

    @property
    def component(self) -> str:
        named = self.source or self.name
        for name in (self.name, named):
            stem = max((s for s in _UPSTREAM if name.startswith(s)), key=len, default="")
            if stem:
                return _UPSTREAM[stem]
        return named

    @property
    def upstream(self) -> str:
        """The version without epoch and revision: ``1:2.10-12+deb12u3`` is ``2.10``."""
        bare = self.version.split(":", 1)[-1]
        bare = re.sub(r"-r?\d[^-]*(?:-[0-9a-f]{4,})?$", "", bare)
        return re.split(r"[+~]", bare)[0]

    def purl(self, distribution: str, release: str = "") -> str:
        """Package URL (purl-spec, types deb, apk and generic ones); ``upstream`` is the source package."""
        kind = {"dpkg": "deb", "apk": "apk"}.get(self.manager, self.manager)
        of_one = distribution and kind in ("deb", "apk")
        source = f"{self.source}@{self.source_version}".rstrip("@")
        qualifiers = {
            "arch": self.architecture,
            "distro": f"{distribution}-{release}" if of_one and release else "",
            "upstream": source if source != self.name else "",
        }
        query = "&".join(f"{k}={quote(v, safe='')}" for k, v in qualifiers.items() if v)
        owner = f"{quote(distribution, safe='')}/" if of_one else ""
        named = f"{quote(self.name, safe='')}@{quote(self.version, safe='')}"
        return f"pkg:{kind}/{owner}{named}" + (f"?{query}" if query else "")

    def advisories(self) -> tuple[str, ...]:
        """What the table says, unless the distribution mends versions in place: its revision beats it."""
        if self.manager == "dpkg" and _MAINTAINED.search(self.version):
            return ()
        known = weaknesses(self.component, self.upstream)
        return (
            *end_of_life(self.component, self.upstream),
            *(f"{one}; unless the package's revision has the fix" for one in known),
        )


def control(view: View, manager: str) -> Iterator[Package]:
    """Stanzas of ``status`` and ``control`` files (deb-control(5)); only what is installed."""
    text = bytes(view.raw[:LARGEST]).decode("utf-8", "replace")
    at, line = 0, 1
    for number, stanza in enumerate(re.split(r"\n[ \t]*\n", text)):
        if number >= MOST:
            return
        begin = text.find(stanza, at)
        line += text.count("\n", at, begin)
        at = begin
        fields = dict(
            re.findall(r"^([A-Za-z-]{3,20}):[ \t]*(\S[^\n]{0,200})$", stanza, re.MULTILINE)
        )
        if "Package" not in fields or "Version" not in fields:
            continue
        if "Status" in fields and fields["Status"].rpartition(" ")[2] not in THERE:
            continue
        source, _, version = (
            fields.get("Source", "").partition(" ") if manager == "dpkg" else ("",) * 3
        )
        yield Package(
            manager,
            fields["Package"],
            fields["Version"],
            fields.get("Architecture", ""),
            source,
            version.strip("() "),
            line,
            _lines(stanza, r"^(?:Package|Status|Source|Version|Architecture):.*"),
        )


def apk(view: View) -> Iterator[Package]:
    """The records of apk's database: P name, V version, A architecture, o origin."""
    text = bytes(view.raw[:LARGEST]).decode("utf-8", "replace")
    at, line = 0, 1
    for number, record in enumerate(text.split("\n\n")):
        if number >= MOST:
            return
        begin = text.find(record, at)
        line += text.count("\n", at, begin)
        at = begin
        fields = {line[0]: line[2:] for line in record.splitlines() if line[1:2] == ":"}
        if "P" in fields and "V" in fields:
            yield Package(
                "apk",
                fields["P"],
                fields["V"],
                fields.get("A", ""),
                fields.get("o", ""),
                line=line,
                raw=_lines(record, r"^[PVAo]:.*"),
            )


def _lines(record: str, wanted: str) -> bytes:
    return "\n".join(re.findall(wanted, record, re.MULTILINE))[:1000].encode()


def packages(path: str, view: View) -> Iterator[Package]:
    """The packages of one database file; nothing for a file that is none."""
    if STATUS.search(path):
        yield from control(view, "dpkg" if "dpkg/" in path else "opkg")
    elif APK.search(path):
        yield from apk(view)
