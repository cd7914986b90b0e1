"""Encrypted addresses of updates: what names an authority of its own beside them, and the twin that does not."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.content.pinning import Pins
from firmware_checks.view import View
from probe.model.firmware import ImageUrl

Facts = Callable[..., list[Any]]
URL = "https://fw.maker.net/firmware/latest.bin"
SCRIPTS = [
    f"curl --cacert /etc/own.pem -o /tmp/fw {URL}",
    f"curl -o /tmp/fw {URL} --pinnedpubkey sha256//AAAA=",
    f"curl --capath=/etc/own/ {URL}",
    f"curl \\\n  --cacert /etc/own.pem \\\n  {URL}",
    f"wget -q --ca-certificate=/etc/own.pem {URL}",
    f"uclient-fetch --ca-certificate=/etc/own.pem {URL}",
    f"rauc install --tls-ca=/etc/own.pem {URL}",
    f"export CURL_CA_BUNDLE=/etc/own.pem\ncurl {URL}",
    f'OPTS="-s --cacert /etc/own.pem"\ncurl $OPTS {URL}',
    f'CA=/etc/own.pem\ncurl --cacert "$CA" {URL}',
    f'URL="{URL}"\nwget --ca-certificate=/etc/own.pem "$URL"',
]
LOOSE = [
    f"curl -o /tmp/fw {URL}",
    f"curl --cacert /etc/ssl/certs/ca-certificates.crt {URL}",
    f"curl --capath /etc/ssl/certs/ {URL}",
    f"wget {URL} # --ca-certificate",
    f"curl --cacert /etc/own.pem https://other.maker.net/x\ncurl {URL}",
    f"CAFILE=/etc/own.pem\ncurl {URL}",
    f"#export CURL_CA_BUNDLE=/etc/own.pem\ncurl {URL}",
    f"export CURL_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt\ncurl {URL}",
    f'OPTS="-s --cacert /etc/own.pem"\ncurl {URL}',
    f'URL="{URL}"\nwget --ca-certificate=/etc/own.pem "$URL"\nwget "$URL.sig"',
    f'URL="{URL}"',
]


def pinned(facts: Facts, files: dict[str, Any]) -> list[bool]:
    return [bool(one.pinned) for one in facts(files, ImageUrl) if one.encrypted]


@pytest.mark.parametrize("body", SCRIPTS)
def test_a_command_that_names_its_own(body: str, facts: Facts) -> None:
    assert pinned(facts, {"usr/bin/up.sh": f"#!/bin/sh\n{body}\n".encode()}) == [True]


@pytest.mark.parametrize("body", LOOSE)
def test_a_command_that_does_not(body: str, facts: Facts) -> None:
    assert pinned(facts, {"usr/bin/up.sh": f"#!/bin/sh\n{body}\n".encode()}) == [False]


@pytest.mark.parametrize(
    ("path", "body", "own"),
    [
        ("etc/rauc/system.conf", f"[streaming]\nurl={URL}\ntls-ca=/etc/own.pem\n", True),
        ("etc/rauc/system.conf", f"[streaming]\nurl={URL}\n#tls-ca=/etc/own.pem\n", False),
        ("etc/mender/mender.conf", '{"ServerURL": "https://ota.maker.net/", "ServerCertificate": "/etc/own.crt"}', True),
        ("etc/mender/mender.conf", '{\n"ServerURL": "https://ota.maker.net/",\n"ServerCertificate": ""\n}', False),
        ("etc/hawkbit.conf", f"url = {URL}\nssl_ca_file = /etc/own.pem\n", True),
        ("etc/agent.toml", f'url = "{URL}"\nroot_cert_path = "/etc/own.pem"\n', True),
        ("etc/agent.toml", f'url = "{URL}"\nssl_verify = "true"\n', False),
        ("opt/up.py", f'URL = "{URL}"\nrequests.get(\n    URL,\n    verify="/etc/own.pem",\n)\n', True),
        ("opt/up.py", f'requests.get("{URL}", verify=True)\n', False),
        ("opt/up.py", f'CA = "/etc/own.pem"\nurlopen("{URL}", cafile=CA)\n', True),
    ],
)  # fmt: skip
def test_a_setting_beside_the_address(path: str, body: str, own: bool, facts: Facts) -> None:
    assert pinned(facts, {path: body.encode()}) == [own]


FEEDS = {
    "opkg": {"etc/opkg/feeds.conf": b"src/gz core https://feeds.maker.net/core\n"},
    "apt": {"etc/apt/sources.list": b"deb https://deb.maker.net/ x main\n"},
    "apk": {"etc/apk/repositories": b"https://apk.maker.net/main\n"},
}
OWN = {
    "opkg": ("etc/opkg.conf", b"option ssl_ca_file /etc/own.pem\n"),
    "apt": ("etc/apt/apt.conf.d/90tls", b'Acquire::https::CaInfo "/etc/own.pem";\n'),
    "apk": ("etc/apk/ca.pem", b"-----BEGIN CERTIFICATE-----\n"),
}


@pytest.mark.parametrize("manager", FEEDS)
def test_feeds_have_the_authority_of_their_package_manager(manager: str, facts: Facts) -> None:
    path, data = OWN[manager]
    assert pinned(facts, FEEDS[manager]) == [False]
    assert pinned(facts, {**FEEDS[manager], path: data}) == [True]
    assert pinned(facts, {path: data, **FEEDS[manager]}) == [True]
    other = next(files for name, files in FEEDS.items() if name != manager)
    assert pinned(facts, {path: data, **other}) == [False]


def test_the_list_of_the_system_is_no_authority_of_its_own(facts: Facts) -> None:
    files = {**FEEDS["apk"], "etc/apk/ca.pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n" * 130}
    assert pinned(facts, files) == [False]
    files = {**FEEDS["opkg"], "etc/opkg.conf": b"option ssl_ca_path /etc/ssl/certs\n"}
    assert pinned(facts, files) == [False]


def test_of_a_program_it_is_not_known(facts: Facts) -> None:
    data = b"\x7fELF\0\0" + bytes(600) + f"--cacert /etc/own.pem {URL}".encode() + b"\0"
    (one,) = facts({"usr/sbin/otad": data}, ImageUrl)
    assert (one.line, one.pinned, one.encrypted) == (0, "", True)


PIECES = (
    "#!/bin/sh\n",
    "\n",
    "\\\n",
    "(",
    ")",
    ",",
    "\x0b",
    "\u2028",
    "\r",
    "A=$A",
    "URL=",
    "$URL",
    "curl ",
    URL,
)
OPTIONS = (
    "--cacert ",
    "/etc/own.pem",
    "/etc/ssl/certs/",
    "cafile = ",
    '{"ca": "',
    '"',
    " verify=",
    "\0",
    "\xff",
)


@given(st.lists(st.sampled_from(PIECES + OPTIONS), max_size=60), st.integers(-2, 70))
@settings(max_examples=300, deadline=1000)
def test_no_text_makes_it_stumble(pieces: list[str], number: int) -> None:
    data = "".join(pieces).encode()
    said = Pins.of("etc/a.conf", View(data)).at(number), Pins.of("a.sh", View(data)).at(number)
    assert all(s == "" or s.isprintable() for s in said)


def test_an_address_behind_what_is_read_of_a_file(facts: Facts) -> None:
    text = b"curl -s x\n" * 110_000 + f"curl {URL}\n".encode()
    assert pinned(facts, {"usr/bin/up.sh": b"#!/bin/sh\n" + text}) == [False]


@pytest.mark.parametrize(
    "piece", ["a=$a ", "(", "x \\\n", "ca", "--cacert ", "A", '{"ca":', "ca_ca-"]
)
def test_a_long_line_costs_little(piece: str) -> None:
    data = (f"curl {URL} " + piece * 20_000 + "\n").encode() * 4
    begin = time.process_time()
    for path in ("a.sh", "etc/a.conf"):
        Pins.of(path, View(data)).at(1)
    assert time.process_time() - begin < 1
