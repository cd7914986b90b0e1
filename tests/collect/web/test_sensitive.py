"""What of a page was not meant for everybody; and what only looks so."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.web.sensitive import MOST, sensitive

MAC = "02:12:34:56:9a:0b"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7v2\n"


def kinds(text, media="text/html"):
    return [s.kind for s in sensitive(text, media, MAC)]


@pytest.mark.parametrize(
    ("text", "media", "expected"),
    [
        ('{"wifi": {"wpa_psk": "geheim1234"}}', "application/json", ["wifi key"]),
        ('{"users": [{"name": "admin", "password": "admin"}]}', "text/plain", ["password"]),
        ('{"apiKey": "a8f3e2d1"}', "application/json", ["password"]),
        ('<html><input type=password name=pw value="hunter22"></html>', "text/html", ["password"]),
        ("<html><script>var wpa_key='geheim1234';</script>", "text/html", ["wifi key"]),
        ("wpa_passphrase=geheim1234\n", "text/plain", ["wifi key"]),
        ("\toption psk 'geheim1234'\n", "text/plain", ["wifi key"]),
        ("<?xml version='1.0'?><c><adminPassword>x9y8z7</adminPassword></c>", "", ["password"]),
        ("root:$6$salt$0123456789abcdefghij:19000:0:::\n", "text/plain", ["password hash"]),
        (PEM, "text/plain", ["private key"]),
        ("<html>Serial number: AX-4711-22</html>", "text/html", ["serial"]),
        ('{"sn": "AX471122", "latitude": 52.3702}', "application/json", ["position", "serial"]),
        ('{"ssid": "Home of Ann"}', "application/json", ["ssid"]),
        ('{"email": "ann@example.com"}', "application/json", ["e-mail"]),
        ("<html>021234569A0B", "text/html", ["mac"]),
        ("Traceback (most recent call last):\n", "text/plain", ["stack trace"]),
        ("  at org.eclipse.jetty.server.Server.handle(Server.java:516)\n", "", ["stack trace"]),
    ],
)
def test_found(text, media, expected):
    assert kinds(text, media) == expected


@pytest.mark.parametrize(
    ("text", "media"),
    [
        ('{"password": "Passwort", "login.password": "Your password"}', "application/json"),
        ('{"password": "", "psk": "********", "wifiPassword": null}', "application/json"),
        ('{"wpa_psk": "short"}', "application/json"),
        ('<html><input type=password value="••••••••"><input type=password>', "text/html"),
        ('<html><input type=password value="{{ password }}">', "text/html"),
        ("<html>Enter the password: <b>at least 8 characters</b>", "text/html"),
        ("<html>write to support@example.com, see the serial number on the label", "text/html"),
        ('var passwordLabel = "Kennwort"; var key = "value1234";', "application/javascript"),
        ("-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEA7v2\n", "text/plain"),
        ("<html>-----BEGIN PRIVATE KEY----- goes here", "text/html"),
        ("root:x:0:0:root:/root:/bin/sh\n", "text/plain"),
        ("<html>12:34:56:78:9a:bc", "text/html"),
        ("[" * 60_000, "application/json"),
    ],
)
def test_not_taken_for_one(text, media):
    assert kinds(text, media) == []


def test_the_value_is_not_kept():
    [one] = sensitive('{"wpa_psk": "geheim1234"}', "application/json")
    assert "geheim" not in repr(one)


def test_bounded():
    many = "{" + ",".join(f'"password{n % 10}": "abcd{n}"' for n in range(5000)) + "}"
    assert len(sensitive(many, "application/json")) <= MOST


@given(st.text(max_size=2000), st.sampled_from(["text/html", "text/plain", "application/json", ""]))
def test_any_text_has_an_answer(text, media):
    assert len(sensitive(text, media, MAC)) <= MOST


@pytest.mark.parametrize(
    "piece",
    [
        "<a ",
        '"a',
        "a",
        "-",
        "at a.",
        "Fatal error:",
        "x=1\n",
        "<",
        "{",
        '[{"a":',
        "stack traceback: ",
    ],
)
@pytest.mark.parametrize("media", ["text/html", "text/plain", "text/javascript"])
def test_long_pages_are_linear(piece, media):
    began = time.monotonic()
    sensitive(piece * (65_536 // len(piece)), media, MAC)
    assert time.monotonic() - began < 1.0
