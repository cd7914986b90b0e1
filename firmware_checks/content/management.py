"""Defaults of remote management and servers: UPnP, TR-069, SNMP, SSH, MQTT, FTP, switches in NVRAM defaults."""

import re
from collections.abc import Callable, Iterator

from firmware_checks.content import Facts
from firmware_checks.content.files import (
    NOT_READ,
    is_documentation,
    is_file,
    is_text,
    numbered,
    weakness,
)
from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View

ANY = "0.0.0.0"  # noqa: S104 - read, not bound to
KIND = "remote management"
Said = Iterator[tuple[int, str]]
"""Line number and what it says."""


class Management:
    """One file system."""

    name = "remote management"

    def __init__(self, image: str, place: str) -> None:
        self.where = (image, place)

    def look(self, entry: Entry, view: View) -> Facts:
        if entry.kind is not Kind.FILE:
            return
        reader = next((read for path, read in READERS if path.search(entry.path)), None)
        if reader is None or is_documentation(entry.path) or not is_text(view):
            return
        if not is_file(entry):
            what = f"what it switches on ({entry.size} bytes)"
            yield weakness(self.where, entry.path, NOT_READ, what)
            return
        for number, (line, what) in enumerate(reader(view)):
            if number < 20:
                yield weakness(self.where, entry.path, KIND, what, line, view)

    def end(self) -> Facts:
        yield from ()


TOPIC = Management


def _snmp(view: View) -> Said:
    """Communities that everybody knows, unless the agent listens on the device itself only."""
    lines = list(numbered(view))
    listens = [line for _, line in lines if line.lower().startswith("agentaddress")]
    if listens and all(
        re.search(r"127\.0\.0\.1|\[?::1\]?", line) and ANY not in line for line in listens
    ):
        return
    for number, line in lines:
        found = re.match(
            r"(r[ow])community6?\s+(\S+)|option\s+CommunityName\s+['\"]?([\w-]+)", line
        )
        if found is None:
            continue
        community = found.group(2) or found.group(3)
        if found.group(1) == "rw":
            yield number, f"SNMP may write with the community {community[:1]}***"
        elif community in ("public", "private"):
            yield number, f"SNMP answers to the community {community}"


def _upnp(view: View) -> Said:
    for number, line in numbered(view):
        if re.match(r"secure_mode\s*=\s*(?:no|0)\b|option\s+secure_mode\s+['\"]?0", line):
            yield number, "UPnP: any device may open a port for any other (secure mode is off)"
        if re.match(
            r"enable_upnp\s*=\s*(?:yes|1)\b|option\s+(?:enable_upnp|enabled)\s+['\"]?1", line
        ):
            yield number, "UPnP: port mapping is on from the factory"


def _tr069(view: View) -> Said:
    for number, line in numbered(view):
        if found := re.search(
            r"(?i)\b(?:acs_?)?(?:url|server)\b\W{1,8}(http://[^\s'\"<>]{4,120})", line
        ):
            yield (
                number,
                f"TR-069: the management server is reached without encryption, {found.group(1)}",
            )


def _sshd(view: View) -> Said:
    for number, line in numbered(view):
        if re.match(r"(?i)PermitEmptyPasswords\s+yes", line):
            yield number, "SSH lets accounts in that have no password"
        if re.match(r"(?i)PermitRootLogin\s+yes", line):
            yield number, "SSH lets root in with a password"


def _mosquitto(view: View) -> Said:
    """``allow_anonymous``: since mosquitto 2.0 off unless it is said."""
    for number, line in numbered(view):
        if re.match(r"allow_anonymous\s+true\s*$", line):
            yield number, "MQTT lets everybody in without a password"


def _vsftpd(view: View) -> Said:
    for number, line in numbered(view):
        if re.match(r"(?i)anonymous_enable=YES\s*$", line):
            yield number, "FTP lets everybody in without a password"


_NVRAM = re.compile(
    r"(?i)[\"']?(remote_management|remote_mgt_(?:https?|ssh|telnet)|rmgt_\w*en(?:able)?|http_wanenable|wan_(?:telnet|ssh|http)\w*"
    r"|telnetd?_(?:enabled?|wan)|misc_http_x|web_wan_enable|sshd?_wan\w*)[\"']?\s*[=:]\s*[\"']?(?:1|on|yes|true|enabled?)\b"
)


def _nvram(view: View) -> Said:
    for number, line in numbered(view):
        if found := _NVRAM.match(line):
            yield number, f"{found.group(1)} is on from the factory"


READERS: tuple[tuple[re.Pattern[str], Callable[[View], Said]], ...] = (
    (re.compile(r"(?:^|/)snmpd?\.conf$|(?:^|/)etc/config/snmpd$"), _snmp),
    (re.compile(r"(?:^|/)miniupnpd?\.conf$|(?:^|/)etc/config/upnpd$"), _upnp),
    (re.compile(r"(?i)^(?>(?:.*?/)??(?:etc|config)/)(?>(?:.*/)?)[^/]*(?:cwmp|tr-?069)"), _tr069),
    (re.compile(r"^(?>(?:.*?/)??mosquitto).*\.conf$"), _mosquitto),
    (re.compile(r"(?:^|/)vsftpd[^/]*\.conf$"), _vsftpd),
    (re.compile(r"(?:^|/)sshd_config(?:\.d/[^/]+\.conf)?$"), _sshd),
    (
        re.compile(
            r"(?:^|/)(?:nvram|router_defaults?|default(?:s|_config)?|factory)[^/]*(?:\.(?:conf|cfg|txt|default|ini|nvram|xml))?$"
        ),
        _nvram,
    ),
)
