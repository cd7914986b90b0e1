"""Updates, start-up, consoles, management, rights, tools: each line with the twin that is no finding."""

from collections.abc import Callable
from typing import Any

import pytest

from probe.model.firmware import ImageUrl, ImageWeakness

Facts = Callable[..., list[Any]]
SKIPS = [
    "curl -k -o /tmp/fw.bin https://updates.maker.net/fw.bin",
    "curl -sk https://updates.maker.net/fw.bin",
    "  curl --insecure https://updates.maker.net/x || exit 1",
    "wget -q --no-check-certificate https://updates.maker.net/fw.bin",
    "apk add --allow-untrusted /tmp/a.apk",
    "opkg install --force-checksum a.ipk",
    "sysupgrade -F /tmp/fw.bin",
    "rauc install --no-verify /tmp/x.raucb",
    "requests.get(url, verify=False)",
    "ctx = ssl._create_unverified_context()",
    '  "ssl_verify": false,',
    "verify_signature = no",
    "option verify_cert '0'",
    "export NODE_TLS_REJECT_UNAUTHORIZED=0",
    "fw_setenv verify no",
    "insecure_skip_tls_verify: true",
    "skip_signature_verification=1",
]


@pytest.mark.parametrize("line", SKIPS)
def test_a_line_that_skips_the_verification(line: str, facts: Facts) -> None:
    text = f"#!/bin/sh\nset -e\n{line}\n".encode()
    found = facts({"usr/bin/update.sh": text}, ImageWeakness)
    assert [(one.kind, one.line) for one in found] == [("verification skipped", 3)]
    assert not facts({"usr/share/doc/update/README": text}, ImageWeakness)
    assert not facts({"usr/bin/update.sh": f"#!/bin/sh\n# {line}\n".encode()}, ImageWeakness)


FINE = [
    "curl --keepalive-time 5 -o k https://updates.maker.net/fw.bin",
    "curl -fsS --cacert /etc/ca.pem https://updates.maker.net/ok",
    "wget --ca-certificate=/etc/ca.pem https://updates.maker.net/ok",
    "requests.get(url, verify=CA)",
    "verify_signature = yes",
    "sysupgrade /tmp/fw.bin",
    "echo 'never use curl -k'",
    "insecure_skip_tls_verify=False",
    "self.tls_verify = None",
    "claims = jwt.decode(token, verify=False)",
]


@pytest.mark.parametrize("line", FINE)
def test_a_line_that_does_not(line: str, facts: Facts) -> None:
    assert not facts({"usr/bin/update.sh": f"#!/bin/sh\n{line}\n".encode()}, ImageWeakness)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("usr/lib/python3.11/site-packages/maker_ota/client.py", True),
        ("usr/lib/python3/dist-packages/fw_update.py", True),
        ("usr/lib/node_modules/maker-firmware/index.js", True),
        ("usr/lib/python3/dist-packages/requests/api.py", False),
        ("usr/lib/python3.11/site-packages/maker_ota/client.pyc", False),
        ("usr/lib/python3.11/site-packages/maker_ota/data.txt", False),
    ],
)
def test_an_updater_in_a_library_folder(path: str, told: bool, facts: Facts) -> None:
    text = b"import requests\nrequests.get(url, verify=False)\n"
    assert bool(facts({path: text}, ImageWeakness)) is told


def test_a_command_inside_a_program(facts: Facts) -> None:
    def program(text: bytes) -> bytes:
        return b"\x7fELF\0\0" + b"\0" * 600 + text + b"\0"

    command = program(b"curl -k -o %s https://updates.maker.net/fw.bin")
    helped = program(b"  --no-check-certificate  wget does not check; --insecure for curl -k")
    (one,) = facts({"usr/sbin/updated": command}, ImageWeakness)
    assert one.kind == "verification skipped"
    assert not facts({"usr/bin/help": helped}, ImageWeakness)


def test_signatures_that_are_not_required(facts: Facts) -> None:
    (one,) = facts({"lib/upgrade/platform.sh": b"REQUIRE_IMAGE_SIGNATURE=0\n"}, ImageWeakness)
    assert one.kind == "signature not required"
    assert not facts({"lib/upgrade/platform.sh": b"REQUIRE_IMAGE_SIGNATURE=1\n"}, ImageWeakness)
    feeds = b"src/gz core http://downloads.maker.net/core\n"
    without = facts({"etc/opkg/customfeeds.conf": feeds}, ImageWeakness)
    assert [one.kind for one in without] == ["signature not required"]
    both = {"etc/opkg/customfeeds.conf": feeds, "etc/opkg.conf": b"option check_signature\n"}
    assert not facts(both, ImageWeakness)
    assert facts(
        {"etc/apt/sources.list": b"deb [trusted=yes] http://a.maker.net x main\n"}, ImageWeakness
    )


def test_update_addresses(facts: Facts) -> None:
    files = {
        "etc/opkg.conf": b"src/gz core http://downloads.maker.net/core\n",
        "etc/apt/sources.list": b"deb https://deb.maker.net/ x main\n# deb http://old.maker.net x main\n",
        "etc/ota.conf": b"server=http://fw.maker.net/firmware/latest.bin\n",
        "usr/sbin/otad": b"\x7fELF\0\0" + b"\0" * 600 + b"https://ota.maker.net/update/check\0",
    }
    found = {one.url: one.encrypted for one in facts(files, ImageUrl)}
    assert found == {
        "http://downloads.maker.net/core": False,
        "https://deb.maker.net/": True,
        "http://fw.maker.net/firmware/latest.bin": False,
        "https://ota.maker.net/update/check": True,
    }
    other = b"see http://www.maker.net/about and http://localhost/update\n"
    assert not facts({"etc/motd.conf": other, "usr/share/doc/x/y": files["etc/ota.conf"]}, ImageUrl)


CONSOLES = [
    ("etc/inittab", "::askfirst:-/bin/sh"),
    ("etc/inittab", "ttyS0::respawn:/bin/ash"),
    ("etc/inittab", "ttyS0::respawn:/sbin/getty -n -l /bin/sh 115200 ttyS0"),
    ("etc/inittab", "T0:23:respawn:/sbin/agetty --autologin root ttyS0 115200"),
    ("etc/inittab", "::askconsole:/usr/libexec/login.sh"),
]


@pytest.mark.parametrize(("path", "line"), CONSOLES)
def test_a_console_without_login(path: str, line: str, facts: Facts) -> None:
    found = facts({path: f"# start\n{line}\n".encode()}, ImageWeakness)
    assert [(one.kind, one.line) for one in found] == [("console without login", 2)]
    assert not facts({path: f"#{line}\n".encode()}, ImageWeakness)


@pytest.mark.parametrize(
    "line",
    [
        "ttyS0::respawn:/sbin/getty -L ttyS0 115200 vt100",
        "::sysinit:/etc/init.d/rcS",
        "::respawn:/bin/login",
        "::ctrlaltdel:/bin/sh",
    ],
)
def test_a_console_with_login(line: str, facts: Facts) -> None:
    assert not facts({"etc/inittab": f"{line}\n".encode()}, ImageWeakness)


def test_openwrt_asks_for_a_login_when_told_to(facts: Facts) -> None:
    files = {"etc/inittab": b"::askconsole:/usr/libexec/login.sh\n"}
    told = {**files, "etc/config/system": b"config system\n\toption ttylogin '1'\n"}
    assert not facts(told, ImageWeakness)


def test_a_debug_service_that_starts(facts: Facts) -> None:
    script = (
        b"#!/bin/sh\ncase $1 in start) /usr/sbin/telnetd -p 2323 ;; stop) killall telnetd ;; esac\n"
    )
    idle = facts({"etc/init.d/telnet": script}, ImageWeakness)
    assert [one.kind for one in idle] == ["debug service, not started"]
    for link in ("etc/rc.d/S50telnet", "etc/rc3.d/S50telnet"):
        found = facts({"etc/init.d/telnet": script, link: "../init.d/telnet"}, ImageWeakness)
        assert [one.kind for one in found] == ["debug service"]
    found = facts(
        {"etc/init.d/telnet": script, "etc/init.d/rcS": b"/etc/init.d/telnet start\n"},
        ImageWeakness,
    )
    assert [one.kind for one in found] == ["debug service"]
    message = b'#!/bin/sh\nlog_warning_msg "vsftpd failed"\n'
    assert not facts({"etc/init.d/S50x": message}, ImageWeakness)
    (one,) = facts({"etc/init.d/S50telnet": script}, ImageWeakness)
    assert (one.kind, one.line) == ("debug service", 2)


STARTS = [
    ("etc/inetd.conf", "telnet stream tcp nowait root /usr/sbin/telnetd telnetd -i"),
    ("etc/inittab", "::respawn:/usr/sbin/telnetd -F"),
    ("etc/rc.local", "busybox telnetd -l /bin/sh &"),
    ("etc/rc.local", "/usr/bin/gdbserver :1234 /usr/bin/app"),
    ("etc/rc.local", "/usr/sbin/tcf-agent -d"),
    ("etc/rc.local", "nc -l -p 4444 -e /bin/sh"),
    ("etc/rc.local", "tcpsvd -vE 0 21 ftpd /"),
    ("default.prop", "ro.debuggable=1"),
]


@pytest.mark.parametrize(("path", "line"), STARTS)
def test_each_way_to_start_one(path: str, line: str, facts: Facts) -> None:
    found = facts({path: f"\n{line}\n".encode()}, ImageWeakness)
    assert [(one.kind, one.line) for one in found] == [("debug service", 2)]
    assert not facts({path: f"\n#{line}\n".encode()}, ImageWeakness)


def test_systemd_units_run_when_wanted(facts: Facts) -> None:
    unit = {"lib/systemd/system/adbd.service": b"[Service]\nExecStart=/usr/bin/adbd\n"}
    wanted = {
        "etc/systemd/system/multi-user.target.wants/adbd.service": "/lib/systemd/system/adbd.service"
    }
    assert [one.kind for one in facts(unit, ImageWeakness)] == ["debug service, not started"]
    assert [one.kind for one in facts({**unit, **wanted}, ImageWeakness)] == ["debug service"]


@pytest.mark.parametrize(
    ("path", "bad", "good"),
    [
        ("etc/snmp/snmpd.conf", "rocommunity public", "agentaddress 127.0.0.1\nrocommunity public"),
        ("etc/snmp/snmpd.conf", "rwcommunity maker", "rocommunity fleet-7f3a"),
        ("etc/miniupnpd/miniupnpd.conf", "secure_mode=no", "secure_mode=yes"),
        (
            "etc/config/cwmp",
            "option acs_url 'http://acs.maker.net/'",
            "option acs_url 'https://acs.maker.net/'",
        ),
        ("etc/ssh/sshd_config", "PermitEmptyPasswords yes", "PermitEmptyPasswords no"),
        ("etc/nvram.default", "remote_management=1", "remote_management=0"),
    ],
)
def test_remote_management(path: str, bad: str, good: str, facts: Facts) -> None:
    (one,) = facts({path: f"{bad}\n".encode()}, ImageWeakness)
    assert one.kind == "remote management"
    assert not facts({path: f"{good}\n".encode()}, ImageWeakness)


def test_rights(facts: Facts) -> None:
    files = {
        "usr/bin/vendor-helper": (b"\x7fELF", 0o4755),
        "bin/su": (b"\x7fELF", 0o4755),
        "etc/init.d/rcS": (b"#!/bin/sh\n", 0o777),
        "etc/shadow": (b"root:*:1::::::\n", 0o644),
        "tmp": 0o1777,
        "var/spool/cron": 0o777,
        "etc/link": "target",
    }
    found = {one.path: one.kind for one in facts(files, ImageWeakness)}
    assert found == {
        "usr/bin/vendor-helper": "setuid",
        "bin/su": "setuid, usual",
        "etc/init.d/rcS": "world-writable",
        "etc/shadow": "world-readable",
    }


def test_a_file_system_without_rights_is_said_once(facts: Facts) -> None:
    files = {f"f{number}": (b"x", 0o777) for number in range(50)}
    (one,) = facts(files, ImageWeakness)
    assert one.what == "50 of 50 files and folders can be written by anybody"


def test_more_writable_files_than_are_named_are_counted(facts: Facts) -> None:
    files = {f"f{number}": (b"x", 0o777 if number < 27 else 0o644) for number in range(50)}
    found = facts({**files, "tmp/a": (b"x", 0o777)}, ImageWeakness)
    assert len([one for one in found if one.path]) == 20
    (rest,) = [one.what for one in found if not one.path]
    assert rest == "7 more files and folders can be written by anybody"


def test_tools(facts: Facts) -> None:
    files = {
        "usr/bin/arm-linux-gnueabihf-gcc-12": b"\x7fELF",
        "usr/bin/gdb": b"\x7fELF",
        "bin/opkg": b"\x7fELF",
        "usr/bin/apt": "busybox",
        "usr/share/bash-completion/gdb": b"complete",
        "usr/bin/ls": b"\x7fELF",
    }
    found = {one.path: one.kind for one in facts(files, ImageWeakness)}
    assert found == {
        "usr/bin/arm-linux-gnueabihf-gcc-12": "compiler",
        "usr/bin/gdb": "debugger",
        "bin/opkg": "package manager",
        "usr/bin/apt": "package manager",
    }


def test_a_page_about_firmware_is_no_place_to_fetch_it_from(facts: Facts) -> None:
    script = b"#!/bin/sh\n# see\necho https://wiki.debian.org/Firmware\nwget http://u.camera.test/fw.bin\n"
    found = facts({"usr/sbin/upgrade.sh": (script, 0o755)}, ImageUrl)
    assert [one.url for one in found] == ["http://u.camera.test/fw.bin"]


def test_a_list_of_addresses_is_read_to_its_end(facts: Facts) -> None:
    """The search keeps some hundreds of one kind; what is behind them is looked for once more."""
    line = b"// see http://registry.test/name\n"
    found = facts({"usr/share/suffix.dat": line * 5000})
    assert found == []
    more = line * 5000 + b"url=http://u.camera.test/firmware.bin\n"
    assert [one.url for one in facts({"etc/suffix.dat": more})] == [
        "http://u.camera.test/firmware.bin"
    ]
