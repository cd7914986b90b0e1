"""Tokens by their issuers' forms, passwords of settings, Wi-Fi; examples and placeholders are none."""

import base64
import json
import secrets
import string
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from firmware_checks.content.tokens import BASE62, TOKENS, base62_crc32
from probe.model.firmware import ImageSecret, ImageWeakness

Facts = Callable[..., list[Any]]


def random(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def with_checksum(body: str) -> str:
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        digits = BASE62[digit] + digits
    return body + digits


def test_the_checksum_is_the_issuers_own() -> None:
    """A revoked token that an analysis of the form published."""
    assert base62_crc32(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17")
    assert not base62_crc32(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18")


MADE: dict[str, Callable[[], str]] = {
    "AWS access key": lambda: "AKIA" + random(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "GitHub token": lambda: "ghp_" + with_checksum(random(30)),
    "GitLab token": lambda: "glpat-" + random(20),
    "npm token": lambda: "npm_" + with_checksum(random(30)),
    "Google API key": lambda: "AIza" + random(35),
    "Slack webhook": lambda: (
        "https://hooks.slack.com/services/T"
        + "/B".join([random(9, string.ascii_uppercase + "23456789")] * 2)
        + "/"
        + random(24)
    ),
    "Stripe key": lambda: "sk_" + "live_" + random(24),
    "SendGrid key": lambda: f"SG.{random(22)}.{random(43)}",
    "Telegram bot token": lambda: f"{random(9, '123456789')}:AA{random(33)}",
    "Azure IoT connection string": lambda: (
        "HostName=h.azure-devices.net;DeviceId=d;SharedAccessKey="
        + base64.b64encode(secrets.token_bytes(32)).decode()
    ),
    "WireGuard private key": lambda: (
        "PrivateKey = " + base64.b64encode(secrets.token_bytes(32)).decode()
    ),
    "password in a URL": lambda: f"mqtts://device:{random(12)}@broker.maker.net:8883",
}


@pytest.mark.parametrize("kind", sorted(MADE))
def test_a_token_is_found_in_text_and_in_a_program_and_masked(kind: str, facts: Facts) -> None:
    token = MADE[kind]()
    text = f"a = 1\nvalue = {token}\nb = 2\n".encode()
    program = b"\x7fELF\0\0\0" + b"\0" * 600 + token.encode() + b"\0rest"
    in_text, in_program = facts({"etc/cloud.ini": text, "usr/bin/agent": program}, ImageSecret)
    assert (in_text.kind, in_text.line, in_program.line) == (kind, 2, 0)
    for one in (in_text, in_program):
        assert token not in one.excerpt
        assert token.split("@")[0][-8:] not in one.excerpt
    assert not facts({"usr/share/doc/agent/README": text}, ImageSecret)


def test_a_signed_token(facts: Facts) -> None:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    signed = f"{part({'alg': 'HS256'})}.{part({'sub': 'device-fleet'})}.{random(43)}"
    unsigned = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part({'sub': 'device-fleet'})}.{random(43)}"
    (one,) = facts({"etc/token": signed.encode(), "etc/other": unsigned.encode()}, ImageSecret)
    assert (one.kind, one.path) == ("signed token (JWT)", "etc/token")


NONE = [
    b"aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n",
    b"token = ghp_" + b"a" * 36 + b"\n",
    b"token = ghp_" + b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18" + b"\n",
    b"url = http://user:password@host.example\n",
    b"url = http://$USER:$PASS@host\n",
    b"key = AIza" + b"x" * 35 + b"\n",
    b"jwt eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c\n",
    b"password = $PASSWORD\npassword=\npasswd: files\npassword: ''\n# password = Zaq1!xsw2\n",
    b"password requisite pam_pwquality.so retry=3\nPasswordAuthentication yes\n",
    b"secret = /etc/secret.key\npassword=********\nssl_password_file = none\n",
]


@pytest.mark.parametrize("text", NONE)
def test_examples_and_placeholders_are_no_secrets(text: bytes, facts: Facts) -> None:
    assert not facts({"etc/service.conf": text, "etc/pam.d/x.conf": text}, ImageSecret)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("etc/config/mqtt", b"config broker\n\toption password 'T0ps3cret-fleet'\n"),
        ("etc/cloud.conf", b"mqtt_password=T0ps3cret-fleet\n"),
        ("etc/app.json", b'{"user": "x", "password": "T0ps3cret-fleet"}\n'),
        ("etc/ppp/chap-secrets", b"isp-user * T0ps3cret-fleet *\n"),
        ("www/config.xml", b"<password>T0ps3cret-fleet</password>\n"),
    ],
)
def test_a_password_in_a_setting(path: str, text: bytes, facts: Facts) -> None:
    (one,) = facts({path: text}, ImageSecret)
    assert one.kind == "password in a setting"
    assert "T0ps3cret-fleet" not in one.excerpt
    assert one.line


WIFI = [
    ("etc/wpa_supplicant.conf", b'network={\n ssid="maker"\n psk="fleet-wide-41"\n}\n'),
    ("etc/hostapd.conf", b"ssid=ap\nwpa_passphrase=fleet-wide-41\n"),
    (
        "etc/config/wireless",
        b"config wifi-iface\n\toption encryption 'psk2'\n\toption key 'fleet-wide-41'\n",
    ),
    (
        "etc/NetworkManager/system-connections/a.nmconnection",
        b"[wifi-security]\npsk=fleet-wide-41\n",
    ),
    ("etc/Wireless/RT2860AP.dat", b"SSID1=ap\nWPAPSK1=fleet-wide-41\n"),
]


@pytest.mark.parametrize(("path", "text"), WIFI)
def test_a_wifi_passphrase(path: str, text: bytes, facts: Facts) -> None:
    (one,) = facts({path: text}, ImageSecret)
    assert one.kind == "Wi-Fi passphrase"
    assert "fleet-wide-41" not in one.excerpt
    commented = text.replace(b"psk=", b"#psk=").replace(b"wpa_pass", b"#wpa_pass")
    commented = commented.replace(b"\toption key", b"#option key").replace(b"WPAPSK1", b"#WPAPSK1")
    assert not facts({path: commented}, ImageSecret)


def test_an_open_access_point(facts: Facts) -> None:
    text = b"config wifi-iface 'a'\n\toption mode 'ap'\n\toption ssid 'Maker'\n\toption encryption 'none'\n"
    (one,) = facts({"etc/config/wireless": text}, ImageWeakness)
    assert (one.kind, one.line) == ("open Wi-Fi", 1)
    assert not facts({"etc/config/wireless": text + b"\toption disabled '1'\n"}, ImageWeakness)


def test_a_comment_of_several_lines_and_shared_data_are_no_settings(facts: Facts) -> None:
    text = b"<a>\n<!-- an example:\n<password>T0ps3cret-fleet</password>\n-->\n<x/></a>\n"
    assert not facts({"etc/app/a.xml": text}, ImageSecret)
    (one,) = facts({"etc/app/a.xml": text.replace(b"-->", b"").replace(b"<!--", b"")}, ImageSecret)
    assert one.line == 3
    lua = b'{username = "x", password = "T0ps3cret-fleet"}\n'
    assert not facts({"usr/share/scanner/data/list.lua": lua}, ImageSecret)
    assert facts({"usr/share/app/config/list.lua": lua}, ImageSecret)


def test_names_of_tokens_are_single() -> None:
    assert len({token.name for token in TOKENS}) == len(TOKENS)


@pytest.mark.parametrize(
    ("line", "bad"),
    [
        ("password = 'Zaq1xsw2q'", True),
        ("self.access_token = credentials.token", False),
        ("KEY_SECRET = 'CLIENT_SECRET'", False),
        ("$password = $_POST['password'];", False),
    ],
)
def test_in_a_program_only_a_quoted_value_is_one(line: str, bad: bool, facts: Any) -> None:
    for path in ("opt/app/a.py", "www/a.php", "www/a.php.bak"):
        assert bool(facts({path: f"{line}\n".encode()}, ImageSecret)) is bad
