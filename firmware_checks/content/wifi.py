"""Wi-Fi secrets that every device of the model would have: passphrases, keys, networks without any."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.content import Facts
from firmware_checks.content.files import (
    NOT_READ,
    is_documentation,
    is_file,
    is_text,
    numbered,
    raw_lines,
    shown,
    weakness,
)
from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View
from probe.model.firmware import ImageSecret
from probe.model.text import clean

MOST = 50
OPEN = "open Wi-Fi"
_EXAMPLE = re.compile(
    r"(?:very )?secret passphrase|example.*|your.*|changeme|passphrase|password|psk|x+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of settings file: where it lies, and how it names a secret."""

    path: re.Pattern[str]
    secret: re.Pattern[str]


FORMS = (
    Form(
        re.compile(
            r"(?:^|/)(?>[^/]*?wpa_supplicant)[^/]*\.conf(?:\.[a-z]+)?$|(?:^|/)wpa_supplicant/[^/]+\.conf$"
        ),
        re.compile(
            r"""(?P<kind>psk|password|wep_key[0-3]|sae_password)\s*=\s*(?P<value>"[^"]{1,128}"|[0-9a-fA-F]{10,64})\s*$"""
        ),
    ),
    Form(
        re.compile(r"(?:^|/)(?>[^/]*?hostapd)[^/]*\.conf(?:\.[a-z]+)?$"),
        re.compile(
            r"""(?P<kind>wpa_passphrase|wpa_psk|sae_password|wep_key[0-3]|auth_server_shared_secret)\s*=\s*(?P<value>\S.{0,127})$"""
        ),
    ),
    Form(
        re.compile(r"(?:^|/)(?:etc|default)[^/]*/(?:config|defaults?)/wireless$"),
        re.compile(
            r"""option\s+(?P<kind>key[1-4]?|sae_password|auth_secret|password)\s+(?P<value>'[^']{5,128}'|"[^"]{5,128}"|\S{5,128})\s*$"""
        ),
    ),
    Form(
        re.compile(r"\.nmconnection$|(?:^|/)system-connections/[^/]+$"),
        re.compile(r"(?P<kind>psk|password|wep-key[0-3])\s*=\s*(?P<value>\S.{0,127})$"),
    ),
    Form(
        re.compile(r"(?:^|/)(?:iwd|connman)/[^/]+\.(?:psk|8021x|config)$"),
        re.compile(r"(?P<kind>Passphrase|PreSharedKey)\s*=\s*(?P<value>\S.{0,127})$"),
    ),
    Form(
        re.compile(r"(?:^|/)(?:RT\w*|MT\w*|iNIC\w*)\.dat$"),
        re.compile(
            r"(?P<kind>WPAPSK[1-8]?|Key[1-4]Str[1-8]?|RADIUS_Key\d?)\s*=\s*(?P<value>\S.{4,127})$"
        ),
    ),
)
_UCI_SECTION = re.compile(r"config\s+wifi-iface\b")
_UCI_OPTION = re.compile(r"""option\s+(\w+)\s+(?=\S)['"]?([^'"]*)['"]?$""")
"""Of a line without white space around it."""


class Wifi:
    """One file system."""

    name = "Wi-Fi secrets"

    def __init__(self, image: str, place: str) -> None:
        self.image, self.place = image, place

    def look(self, entry: Entry, view: View) -> Facts:
        form = next((f for f in FORMS if f.path.search(entry.path)), None)
        if form is None or is_documentation(entry.path) or entry.kind is not Kind.FILE:
            return
        where = (self.image, self.place)
        if entry.size and not (is_file(entry) and is_text(view)):
            what = f"the networks in it ({entry.size} bytes, too many or no text)"
            yield weakness(where, entry.path, NOT_READ, what)
            return
        found = list(secrets(form, view))
        raw = raw_lines(view, [number for number, _, _ in found[:MOST]])
        for number, line, value in found[:MOST]:
            excerpt = shown(line, value)
            fact = ImageSecret(
                image=self.image,
                place=self.place,
                path=clean(entry.path, 300),
                kind="Wi-Fi passphrase",
                line=number,
                excerpt=excerpt,
                secret=value,
            )
            yield fact, raw[number]
        for number, ssid in list(open_networks(entry.path, view))[:MOST]:
            what = f"the access point {ssid or 'without name'} has no encryption"
            yield weakness(where, entry.path, OPEN, what, number, view)

    def end(self) -> Facts:
        yield from ()


TOPIC = Wifi


def secrets(form: Form, view: View) -> Iterator[tuple[int, str, str]]:
    """Line number, line and value of each secret that is no placeholder."""
    for number, line in numbered(view):
        found = form.secret.search(line)
        if found is None:
            continue
        value = found["value"].strip().strip("\"'")
        if value and not _EXAMPLE.fullmatch(value) and not value.startswith(("$", "%", "@", "/")):
            yield number, line, value


def open_networks(path: str, view: View) -> Iterator[tuple[int, str]]:
    """Line and name of each access point that asks for no key."""
    name = path.rsplit("/", 1)[-1]
    if name == "wireless":
        yield from _open_in_uci(view)
    elif name.startswith("hostapd"):
        yield from _open_in_hostapd(view)
    elif name.endswith(".dat"):
        yield from _open_in_ralink(view)


def _open_in_hostapd(view: View) -> Iterator[tuple[int, str]]:
    """``ssid`` or ``bss`` begins a network; ``wpa``, ``wep_key`` or ``ieee8021x`` asks for something."""
    networks: list[tuple[int, str]] = []
    closed: set[int] = set()
    for number, line in numbered(view):
        if found := re.match(r"ssid2?=(.*)", line):
            networks.append((number, found.group(1).strip('"')))
        elif re.match(r"(?:wpa=[123]|wep_key\d=|ieee8021x=1|osen=1)", line):
            closed.add(len(networks) - 1 if networks else 0)
    yield from (one for index, one in enumerate(networks) if index not in closed)


def _open_in_ralink(view: View) -> Iterator[tuple[int, str]]:
    """Lists with a part for each network: ``AuthMode=OPEN;WPA2PSK``."""
    said = {k: (n, v) for n, line in numbered(view) for k, _, v in [line.partition("=")]}
    number, modes = said.get("AuthMode", (0, ""))
    ciphers = said.get("EncrypType", (0, ""))[1].split(";")
    for index, mode in enumerate(modes.split(";")):
        cipher = ciphers[index] if index < len(ciphers) else ""
        ssid = said.get(f"SSID{index + 1}", (0, ""))[1]
        if mode.strip() == "OPEN" and cipher.strip() == "NONE" and ssid:
            yield number, ssid


def _open_in_uci(view: View) -> Iterator[tuple[int, str]]:
    """Line and name of the access points of a uci file that ask for no key and are not disabled."""
    sections: list[tuple[int, dict[str, str]]] = []
    inside = False
    for number, line in numbered(view):
        if line.startswith("config"):
            if inside := bool(_UCI_SECTION.match(line)):
                sections.append((number, {}))
        elif inside and (found := _UCI_OPTION.match(line)):
            sections[-1][1][found.group(1)] = found.group(2)
    for number, options in sections:
        access_point = options.get("mode", "ap") == "ap"
        is_open = options.get("encryption", "none") == "none" and options.get("disabled") != "1"
        if access_point and is_open:
            yield number, options.get("ssid", "")
