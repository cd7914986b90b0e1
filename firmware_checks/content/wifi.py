"""Wi-Fi secrets that every device of the model would have: passphrases, keys, networks without any."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.content import Facts
from firmware_checks.content.files import is_documentation, is_file, is_text, numbered, shown
from firmware_checks.reading import Entry
from firmware_checks.view import View
from probe.model.firmware import ImageSecret, ImageWeakness
from probe.model.text import clean

MOST = 50
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
            r"(?:^|/)[^/]*wpa_supplicant[^/]*\.conf(?:\.[a-z]+)?$|(?:^|/)wpa_supplicant/[^/]+\.conf$"
        ),
        re.compile(
            r"""(?P<kind>psk|password|wep_key[0-3]|sae_password)\s*=\s*(?P<value>"[^"]{1,128}"|[0-9a-fA-F]{10,64})\s*$"""
        ),
    ),
    Form(
        re.compile(r"(?:^|/)[^/]*hostapd[^/]*\.conf(?:\.[a-z]+)?$"),
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
_UCI_OPTION = re.compile(r"""option\s+(\w+)\s+['"]?([^'"]*)['"]?\s*$""")


class Wifi:
    """One file system."""

    name = "Wi-Fi secrets"

    def __init__(self, image: str, place: str) -> None:
        self.image, self.place = image, place

    def look(self, entry: Entry, view: View) -> Facts:
        form = next((f for f in FORMS if f.path.search(entry.path)), None)
        if form is None or is_documentation(entry.path) or not is_file(entry) or not is_text(view):
            return
        found = list(secrets(form, view))
        for number, line, value in found[:MOST]:
            excerpt = shown(line, value)
            fact = ImageSecret(
                image=self.image,
                place=self.place,
                path=clean(entry.path, 300),
                kind="Wi-Fi passphrase",
                line=number,
                excerpt=excerpt,
            )
            yield fact, clean(f"{entry.path}:{number}: {excerpt}", 500).encode()
        if entry.path.endswith("wireless"):
            for number, ssid in list(open_networks(view))[:MOST]:
                what = f"the access point {ssid or 'without name'} has no encryption"
                weakness = ImageWeakness(
                    image=self.image,
                    place=self.place,
                    path=clean(entry.path, 300),
                    kind="open Wi-Fi",
                    what=clean(what, 200),
                    line=number,
                )
                yield weakness, clean(f"{entry.path}:{number}: {what}", 500).encode()

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


def open_networks(view: View) -> Iterator[tuple[int, str]]:
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
