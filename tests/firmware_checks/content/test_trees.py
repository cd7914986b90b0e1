"""Whole file systems: a clean one full of traps, a planted one, and bytes that mean harm."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_checks.content.files import is_documentation
from firmware_checks.content.scan import Pattern, Scanner, scanner
from firmware_checks.view import View
from probe.model.firmware import (
    AccountState,
    ImageAccount,
    ImageCertificate,
    ImageHardening,
    ImageKey,
    ImageSecret,
    ImageUrl,
    ImageWeakness,
)

Facts = Callable[..., list[Any]]
MARKERS = b"\0".join(
    [
        b"-----BEGIN RSA PRIVATE KEY-----",
        b"-----END RSA PRIVATE KEY-----",
        b"-----BEGIN CERTIFICATE-----",
        b"PRIVATE KEY",
        b"--no-check-certificate  Do not check the server's certificate",
        b"-k, --insecure  Allow insecure server connections",
        b"usage: telnetd [-l /bin/sh]",
        b"http://www.openssl.org/support/faq.html",
        b"needs OpenSSL 1.0.1 or BusyBox",
        b"ssh-rsa AAAA",
        b"password",
    ]
)
CLEAN: dict[str, Any] = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/usr/sbin/nologin\n",
    "etc/shadow": (b"root:!:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n", 0o640),
    "etc/inittab": b"::sysinit:/etc/init.d/rcS\n#::askfirst:-/bin/sh\nttyS0::respawn:/sbin/getty -L ttyS0 115200 vt100\n",
    "etc/init.d/rcS": (b"#!/bin/sh\n# telnetd is not started here\n[ -x /usr/sbin/telnetd ] || exit 0\n/etc/init.d/app start\n", 0o755),
    "etc/opkg.conf": b"option check_signature\nsrc/gz core https://downloads.maker.net/core\n",
    "etc/wpa_supplicant.conf": b'ctrl_interface=/run/wpa\n# network={ psk="secret passphrase" }\n',
    "etc/hostapd.conf": b"#wpa_passphrase=secret passphrase\nssid=setup\nwpa=2\n",
    "etc/ssh/sshd_config": b"#PermitRootLogin yes\nPermitEmptyPasswords no\nPasswordAuthentication no\n",
    "etc/app.conf": b"password=\napi_key=$API_KEY\ntoken_file=/data/token\nssl_verify=yes\nurl=https://api.maker.net/v1\n",
    "etc/pam.d/common-password.conf": b"password [success=1 default=ignore] pam_unix.so obscure yescrypt\n",
    "etc/nsswitch.conf": b"passwd: files\nshadow: files\n",
    "usr/bin/update.sh": (b"#!/bin/sh\n# never: curl -k https://updates.maker.net/\ncurl --cacert /etc/ca.pem -fO https://api.maker.net/x\n", 0o755),
    "usr/lib/libcrypto.so.3": b"\x7fELF\1\1\1" + b"\0" * 600 + MARKERS,
    "usr/share/doc/app/README": b"password=hunter2-example\ncurl -k http://updates.maker.net/firmware.bin\nAKIAIOSFODNN7EXAMPLE\n",
    "usr/share/doc/app/examples/passwd": b"demo:$1$salt$qJH7.N4xYta3aEG/dfqo/0\n",
    "usr/share/man/man1/telnetd.1": b"telnetd -l /bin/sh\n",
    "bin/su": (b"\x7fELF", 0o4755),
    "tmp": 0o1777,
    "var/run": "/run",
}  # fmt: skip


def above_info(found: list[Any]) -> list[Any]:
    """What a check may turn into more than information."""
    quiet = ("setuid, usual", "debug service, not started")
    return [
        fact
        for fact in found
        if isinstance(fact, ImageSecret | ImageCertificate)
        or (isinstance(fact, ImageKey) and fact.use != "example key")
        or (isinstance(fact, ImageAccount) and fact.state is not AccountState.LOCKED)
        or (isinstance(fact, ImageWeakness) and fact.kind not in quiet)
        or (isinstance(fact, ImageUrl) and not fact.encrypted)
        or isinstance(fact, ImageHardening)
    ]


def test_a_clean_file_system_gives_nothing(facts: Facts) -> None:
    assert above_info(facts(CLEAN)) == []


PLANTED: dict[str, Any] = {
    "etc/passwd": b"root:$1$abc$Qjp3oKWdlf0gcqpAsQcY7.:0:0::/:/bin/sh\n",
    "etc/inittab": b"ttyS0::respawn:-/bin/sh\n",
    "etc/init.d/S50telnet": (b"#!/bin/sh\ntelnetd -l /bin/sh\n", 0o777),
    "etc/opkg.conf": b"src/gz core http://downloads.maker.net/core\n",
    "usr/bin/update.sh": b"#!/bin/sh\nwget --no-check-certificate http://updates.maker.net/firmware/a.bin\n",
    "etc/hostapd.conf": b"wpa_passphrase=fleet-wide-41\n",
}


def test_a_planted_one_gives_each(facts: Facts) -> None:
    kinds = {getattr(fact, "kind", type(fact).__name__) for fact in above_info(facts(PLANTED))}
    assert kinds == {
        "ImageAccount", "ImageUrl", "Wi-Fi passphrase", "console without login", "debug service",
        "signature not required", "verification skipped", "world-writable",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("usr/share/doc/a/b", True),
        ("usr/share/man/man1/a.1", True),
        ("opt/app/README.md", True),
        ("usr/lib/python3/x/tests/k.pem", True),
        ("etc/app/config.sample", True),
        ("etc/license.conf", False),
        ("etc/test/server.key", False),
        ("opt/examples/start.sh", False),
        ("etc/doc/passwd", False),
    ],
)
def test_documentation(path: str, expected: bool) -> None:
    """A folder of the device's own that is called test is not taken for one."""
    assert is_documentation(path) is expected


SPECIAL = [
    "etc/passwd", "etc/shadow", "etc/.htpasswd", "etc/x.htdigest", "etc/mosquitto/passwd", "etc/httpd.conf",
    "etc/inittab", "etc/init.d/S1", "lib/systemd/system/a.service", "etc/opkg.conf", "etc/hostapd.conf",
    "etc/config/wireless", "boot/config-1", "config.gz", "var/lib/dpkg/status", "lib/apk/db/installed",
    "etc/os-release", "root/.ssh/authorized_keys", "etc/a.key", "etc/a.p12", "etc/a.crt", "bin/dropbear",
    "usr/lib/libsqlite3.so", "etc/snmp/snmpd.conf", "etc/ppp/chap-secrets", "etc/dropbear/dropbear_rsa_host_key",
]  # fmt: skip
SEEDS = [
    b"root:$1$a$b:0:0:::\n", b"-----BEGIN RSA PRIVATE KEY-----\nMII=\n-----END RSA PRIVATE KEY-----\n",
    b"\x7fELF\2\1\1" + bytes(60), b"\0\0\0\x07ssh-rsa\0\0\0\1\3\xff\xff\xff\xff", b"\x1f\x8b\x08" + bytes(40),
    b"Package: a\nVersion: 1\n\n", b"IKCFG_ST\x1f\x8b\x08\0", b"OpenSSL 1.0.1e 11 Feb 2013", b"\x30\x82\x01\x00\x02\x01\x03",
    b"eyJhbGciOiJIUzI1NiJ9.eyJhbGciOiJIUzI1NiJ9.AAAAAAAAAAAAAAAAAAAAAAAA", b"option key 'a'\n", b"curl -k http://x/firmware\n",
    b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDIPLMuOSKrdyB5vaGCjVg4 x\n", b"$6$rounds=4294967295$a$" + b"b" * 86,
]  # fmt: skip


@given(
    files=st.dictionaries(
        st.sampled_from(SPECIAL),
        st.lists(st.one_of(st.sampled_from(SEEDS), st.binary(max_size=40)), max_size=6).map(
            b"".join
        ),
        max_size=6,
    ),
    mode=st.integers(0, 0o7777),
)
@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_topic_ever_raises(files: dict[str, bytes], mode: int, facts: Facts) -> None:
    begin = time.process_time()
    facts({path: (data, mode) for path, data in files.items()})
    assert time.process_time() - begin < 5


def test_a_file_of_hits_is_bounded(facts: Facts) -> None:
    line = (
        b"password in http://user:Zaq1xsw2q@h.net/ curl -k http://x.net/firmware AKIA"
        + b"Q7" * 8
        + b"\n"
    )
    begin = time.process_time()
    found = facts({"etc/big.conf": line * 20_000, "bin/big": b"\x7fELF\0" + line * 20_000})
    assert len(found) < 300
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    "line",
    [b"a" * 900_000, b"curl " * 180_000, b"A" * 500_000 + b"=", b"password" * 100_000, b"- " * 400_000, b"eyJ" * 300_000, b"telnetd " * 100_000],
)  # fmt: skip
def test_long_lines_cost_no_more_than_others(line: bytes, facts: Facts) -> None:
    begin = time.process_time()
    paths = (
        "etc/passwd",
        "etc/init.d/S1",
        "etc/a.conf",
        "etc/hostapd.conf",
        "etc/opkg.conf",
        "etc/inittab",
    )
    facts(
        dict.fromkeys(
            (*paths, "etc/config/wireless", "var/lib/dpkg/status", "root/.ssh/authorized_keys"),
            line,
        )
    )
    assert time.process_time() - begin < 5


def test_hits_at_the_edge_of_a_window_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_checks.content.scan.WINDOW", 8192)
    one = Scanner((Pattern("word", b"needle"),))
    data = bytearray(b"\0" * 40_000)
    for at in (0, 4093, 8190, 39_994):
        data[at : at + 6] = b"needle"
    assert one.hits(View(bytes(data))) == {"word": [6, 4099, 8196, 40_000]}


def test_a_file_made_to_cost_time_is_said_not_to_be_read(facts: Facts) -> None:
    word = b"curl -k http://x.net/ "
    found = facts({"etc/made.txt": word * 150_000}, ImageWeakness)
    assert "not read" in {one.kind for one in found}


def test_the_same_file_is_searched_once() -> None:
    view = View(b"AKIA" + b"Q7" * 8)
    assert scanner().hits(view) is scanner().hits(view)
    assert scanner().hits(View(b"nothing")) == {}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("etc/opkg.conf", b"a\n"),
        ("etc/opkg.conf", b"src a http://a.b/c\n"),
        ("etc/opkg.conf", b"src a https://a.b/c\n"),
        ("etc/apt/sources.list", b"deb [trusted=yes] http://a.b/c\n"),
        ("etc/os-release", b"ID=a\n"),
        ("etc/snmp/snmpd.conf", b"a\n"),
        ("root/.ssh/authorized_keys", b"a\n"),
    ],
)
def test_many_short_lines_cost_no_more_than_others(path: str, line: bytes, facts: Facts) -> None:
    begin = time.process_time()
    found = facts({path: (line * (1 << 20))[: 1 << 20]})
    assert len(found) < 300
    assert time.process_time() - begin < 5


SSH_KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB" + b"x" * 41 + b"A me@home"


@pytest.mark.parametrize("options", [0, 1_000, 1_950, 2_000, 5_000, 16_000])
def test_a_key_behind_long_options_lets_in(options: int, facts: Facts) -> None:
    before = b'environment="A=' + b"o" * options + b'" ' if options else b""
    keys = facts({"root/.ssh/authorized_keys": b"# keys\n" + before + SSH_KEY + b"\n"}, ImageKey)
    assert [(key.use, key.line) for key in keys] == [("authorised key", 2)]


def test_more_keys_than_are_shown_are_told(facts: Facts) -> None:
    found = facts({"root/.ssh/authorized_keys": (SSH_KEY + b"\n") * 53})
    assert len([one for one in found if isinstance(one, ImageKey)]) == 50
    (left,) = [one for one in found if isinstance(one, ImageWeakness)]
    assert (left.kind, left.what) == ("not read", "3 keys behind the first 50")


def test_a_line_of_a_key_file_that_is_too_long_is_told(facts: Facts) -> None:
    line = b'environment="A=' + b"o" * 17_000 + b'" ' + SSH_KEY + b"\n"
    found = facts({"root/.ssh/authorized_keys": line}, ImageWeakness)
    assert [(one.kind, one.what) for one in found] == [
        ("not read", "line 1 is longer than 16384 characters")
    ]
