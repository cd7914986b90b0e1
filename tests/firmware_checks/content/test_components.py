"""Components: what shows a version, what beats what, and what the shipped table says of it."""

import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from firmware_checks.content import advisories
from firmware_checks.content.advisories import (
    TABLE,
    end_of_life,
    is_before,
    key,
    known_as,
    said_of,
    table,
    weaknesses,
)
from firmware_checks.content.banners import BANNERS
from firmware_checks.content.packages import Package
from probe.model.firmware import ImageComponent, ImageWeakness

Facts = Callable[..., list[Any]]


def binary(*texts: bytes) -> bytes:
    return b"\x7fELF\0\0" + b"\0" * 600 + b"\0".join(texts) + b"\0"


def named(found: list[ImageComponent]) -> dict[str, tuple[str, str]]:
    return {one.name: (one.version, one.evidence) for one in found}


SHOWN = [
    ("bin/busybox", b"BusyBox v1.30.1 (2019-03-01)", "busybox", "1.30.1"),
    ("usr/sbin/dropbear", b"SSH-2.0-dropbear_2022.83", "dropbear", "2022.83"),
    ("usr/lib/libcrypto.so.1.1", b"OpenSSL 1.1.1k  25 Mar 2021", "openssl", "1.1.1k"),
    ("usr/sbin/lighttpd", b"lighttpd/1.4.59", "lighttpd", "1.4.59"),
    ("usr/sbin/dnsmasq", b"dnsmasq-2.80", "dnsmasq", "2.80"),
    ("usr/sbin/hostapd", b"hostapd v2.9\n", "hostapd", "2.9"),
    ("usr/lib/libz.so.1", b" deflate 1.2.11 Copyright 1995-2017", "zlib", "1.2.11"),
    ("usr/lib/libuClibc-0.9.33.2.so", b"", "uclibc", "0.9.33.2"),
    ("usr/sbin/pppd", b"2.4.7", "pppd", "2.4.7"),
    ("usr/sbin/sshd", b"OpenSSH_8.9p1 Debian-3", "openssh", "8.9p1"),
    ("usr/sbin/miniupnpd", b"MiniUPnPd/2.1", "miniupnpd", "2.1"),
    ("bin/bash", b"@(#)Bash version 4.3.20(1) release GNU", "bash", "4.3.20"),
    ("usr/bin/webs", b"Server: GoAhead/3.6.4", "goahead", "3.6.4"),
    ("boot/vmlinux", b"Linux version 4.14.90 (build@host) (gcc 7.3) #1", "linux", "4.14.90"),
    ("boot/u-boot.bin", b"U-Boot 2019.07 (Jul 08 2019)", "u-boot", "2019.07"),
    ("lib/ld-musl-armhf.so.1", b"1.1.24", "musl", "1.1.24"),
]


@pytest.mark.parametrize(("path", "text", "name", "version"), SHOWN)
def test_the_banner_in_the_programs_own_file(
    path: str, text: bytes, name: str, version: str, facts: Facts
) -> None:
    found = named(facts({path: binary(text)}, ImageComponent))
    assert found == {name: (version, "banner")}


def test_a_mention_is_no_component(facts: Facts) -> None:
    files = {
        "usr/bin/app": binary(b"needs OpenSSL 1.0.1", b"use BusyBox or dropbear", b"OpenSSH_8.9p1"),
        "etc/motd": b"BusyBox v1.30.1 and OpenSSL 1.0.1e 11 Feb 2013\n",
        "usr/share/doc/openssl/changelog.bin": binary(b"OpenSSL 1.0.1e 11 Feb 2013"),
        "usr/bin/scanner": binary(b"2.4.7", b"1.1.24"),
    }
    assert not facts(files, ImageComponent)


def test_linked_in_is_known_by_its_text_until_better_is_known(facts: Facts) -> None:
    app = {"usr/bin/app": binary(b"OpenSSL 1.0.1e 11 Feb 2013")}
    assert named(facts(app, ImageComponent)) == {"openssl": ("1.0.1e", "string")}
    library = {"usr/lib/libssl.so.1.1": binary(b"OpenSSL 1.1.1w  11 Sep 2023")}
    assert named(facts({**app, **library}, ImageComponent)) == {"openssl": ("1.1.1w", "banner")}


DPKG = b"""Package: libssl1.1
Status: install ok installed
Architecture: armhf
Source: openssl
Version: 1.1.1n-0+deb11u4

Package: gone
Status: deinstall ok config-files
Version: 1.0-1
"""
OPKG = b"Package: busybox\nVersion: 1.30.1-6\nStatus: install user installed\nArchitecture: mipsel_24kc\n"
APK = b"C:Q1\nP:dropbear\nV:2020.81-r0\nA:armv7\no:dropbear\n\nP:musl\nV:1.2.2-r7\nA:armv7\n"


def test_the_package_database_beats_the_banner(facts: Facts) -> None:
    files = {
        "etc/os-release": b'ID=debian\nVERSION_ID="11"\n',
        "usr/lib/libcrypto.so.1.1": binary(b"OpenSSL 1.1.1n  15 Mar 2022"),
        "var/lib/dpkg/status": DPKG,
    }
    found = {one.name: one for one in facts(files, ImageComponent)}
    assert set(found) == {"debian", "libssl1.1"}
    package = found["libssl1.1"]
    assert package.evidence == "package database"
    assert package.purl == (
        "pkg:deb/debian/libssl1.1@1.1.1n-0%2Bdeb11u4?arch=armhf&distro=debian-11&upstream=openssl"
    )
    assert package.advisories == (), "the distribution's revision has the fixes"
    alone = facts(
        {"usr/lib/libcrypto.so.1.1": binary(b"OpenSSL 1.1.1n  15 Mar 2022")}, ImageComponent
    )
    assert any("CVE-2023-0286" in text for text in alone[0].advisories)


def test_opkg_and_apk(facts: Facts) -> None:
    files = {
        "usr/lib/opkg/status": OPKG,
        "usr/lib/opkg/info/busybox.control": OPKG,
        "lib/apk/db/installed": APK,
    }
    found = {one.name: one for one in facts(files, ImageComponent)}
    assert {name: one.version for name, one in found.items()} == {
        "busybox": "1.30.1-6",
        "dropbear": "2020.81-r0",
        "musl": "1.2.2-r7",
    }
    assert any("CVE-2021-42378" in a and "unless" in a for a in found["busybox"].advisories)
    assert found["dropbear"].purl == "pkg:apk/dropbear@2020.81-r0?arch=armv7"


def test_an_rpm_database_is_said_not_to_be_read(facts: Facts) -> None:
    (one,) = facts({"var/lib/rpm/rpmdb.sqlite": b"SQLite format 3\0" + bytes(200)}, ImageWeakness)
    assert one.kind == "not read"


def test_several_kernels_stand_beside_each_other(facts: Facts) -> None:
    files = {
        "boot/vmlinux": binary(b"Linux version 4.14.90 (a@b) (gcc) #1"),
        "lib/modules/5.10.161-v7l/kernel": 0o755,
        "opt/recovery.bin": binary(b"Linux version 3.10.14 (a@b) (gcc) #2"),
    }
    found = facts(files, ImageComponent)
    assert {(one.version, one.evidence) for one in found} == {
        ("4.14.90", "banner"),
        ("5.10.161", "banner"),
        ("3.10.14", "string"),
    }


@pytest.mark.parametrize(
    ("package", "component", "upstream"),
    [
        (Package("dpkg", "wpasupplicant", "2:2.10-12+deb12u3"), "wpa_supplicant", "2.10"),
        (Package("dpkg", "zlib1g", "1:1.2.13.dfsg-1"), "zlib", "1.2.13.dfsg"),
        (Package("opkg", "libopenssl1.1", "1.1.1q-1"), "openssl", "1.1.1q"),
        (Package("opkg", "dnsmasq-full", "2.80-16.3"), "dnsmasq", "2.80"),
        (Package("opkg", "kernel", "4.14.90-1-7a2b"), "linux", "4.14.90"),
        (Package("apk", "musl", "1.2.2-r7"), "musl", "1.2.2"),
        (Package("apk", "busybox", "1.36.1-r5"), "busybox", "1.36.1"),
    ],
)
def test_the_upstream_version_of_a_package(package: Package, component: str, upstream: str) -> None:
    assert (package.component, package.upstream) == (component, upstream)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.1.1", "1.1.1a"), ("1.0.2u", "1.0.2zd"), ("1.9.0", "1.10.0"), ("2019.07-rc1", "2019.07"),
        ("9.7p1", "9.8p1"), ("2.8", "2.10"), ("0.94.14rc20", "0.94.14rc21"), ("4.3.24", "4.3.25"),
    ],
)  # fmt: skip
def test_versions_are_compared_as_their_makers_count(older: str, newer: str) -> None:
    assert key(older) < key(newer)


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("1.0.1f", True), ("1.0.1g", False), ("1.0.0t", False), ("1.0.2", False), ("3.0.2", False),
    ],
)  # fmt: skip
def test_heartbleed(version: str, affected: bool) -> None:
    assert any("CVE-2014-0160" in a for a in weaknesses("openssl", version)) is affected


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("1.0.2zc", True), ("1.0.2zd", False), ("1.1.0l", True), ("1.1.1m", True), ("1.1.1n", False),
        ("3.0.1", True), ("3.0.2", False), ("3.1.0", False),
    ],
)  # fmt: skip
def test_each_branch_has_its_own_fix(version: str, affected: bool) -> None:
    assert is_before(version, ["1.0.2zd", "1.1.1n", "3.0.2"]) is affected


def test_end_of_life_is_of_the_tables_day() -> None:
    assert end_of_life("openssl", "1.0.2u")[0].startswith("end of life since 2019-12-31")
    assert not end_of_life("openssl", "3.5.0")
    assert end_of_life("linux", "4.4.60")[0].startswith(
        "end of life since 2022-02-28, about (kernel.org"
    )
    assert not end_of_life("linux", "4.40.1")
    assert not end_of_life("linux", "6.6.1")
    assert said_of("nobody-knows-it", "1.0") == ()


VERSION = re.compile(r"\d{1,4}(?:\.\d{1,4}){0,3}(?:[a-z]{1,2}|p\d{1,2})?")
DAY = re.compile(r"20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")


def faults(data: dict[str, Any]) -> list[str]:
    """What is wrong with a table; the names of its rows."""
    found = []
    for one in data["component"]:
        rows = [*one.get("advisory", []), *one.get("end_of_life", [])]
        if not rows or not all(re.fullmatch(r"[\w.+-]+:[\w.+-]+", c) for c in one["cpe"]):
            found.append(one["name"])
        for row in rows:
            looked_up = row.get("source") in data["source"] and DAY.fullmatch(
                row.get("checked", "")
            )
            by_heart = row.get("source") == "memory" and "checked" not in row
            extra = {"source", "checked", "confidence"}
            if "id" in row:
                versions = [*row["fixed"], *([row["since"]] if "since" in row else [])]
                good = (
                    re.fullmatch(r"CVE-(?:19|20)\d\d-\d{4,}", row["id"])
                    and set(row) - extra - {"since"} == {"id", "fixed", "about", "year"}
                    and all(map(VERSION.fullmatch, versions))
                    and row["fixed"]
                    and sorted(row["fixed"], key=key) == row["fixed"]
                    and all(key(row.get("since", "0")) < key(fixed) for fixed in row["fixed"])
                    and int(row["id"][4:8]) <= row["year"] <= int(data["edition"][:4])
                )
            else:
                good = (
                    set(row) - extra == {"branch", "day"}
                    and DAY.fullmatch(row["day"])
                    and VERSION.fullmatch(row["branch"])
                    and row["day"] <= data["edition"]
                )
            sure = row["confidence"] == "medium" or (row["confidence"] == "high" and not by_heart)
            if not (good and sure and (looked_up or by_heart)):
                found.append(f"{one['name']} {row.get('id') or row.get('branch')}")
    return found


def test_the_table_is_sound() -> None:
    """Every row names where and when it was looked up, or that it was not; ids, versions, days have their form."""
    data = tomllib.loads(TABLE.read_text("utf-8"))
    assert len(table().components) == len(data["component"]) >= 40
    assert DAY.fullmatch(data["edition"])
    assert faults(data) == []
    assert {banner.component for banner in BANNERS} <= set(table().components)
    rows = [
        r for c in data["component"] for r in (*c.get("advisory", []), *c.get("end_of_life", []))
    ]
    used = {r["source"] for r in rows}
    assert used - {"memory"} == set(data["source"]), "a source that no row names"
    assert sum(r["source"] == "memory" for r in rows) <= 1, "look it up, or leave it out"


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": ""}, {"source": "heard"}, {"checked": "soon"}, {"checked": "2026-13-01"}, {"id": "CVE-21-1"},
        {"fixed": ["latest"]}, {"fixed": []}, {"fixed": ["2.0", "1.0"]}, {"since": "9.9"}, {"year": 2001},
        {"source": "memory"}, {"confidence": "sure"},
    ],
)  # fmt: skip
def test_a_broken_row_is_noticed(wrong: dict[str, Any]) -> None:
    good = {
        "id": "CVE-2021-1234", "fixed": ["1.2.3"], "about": "x", "year": 2021, "confidence": "high",
        "source": "cve", "checked": "2026-11-21",
    }  # fmt: skip
    one = {"name": "a", "cpe": ["a:a"], "advisory": [good]}
    data = {"edition": "2026-11-21", "source": {"cve": {}}, "component": [one]}
    assert faults(data) == []
    one["advisory"] = [{**good, **wrong}]
    assert faults(data) == ["a " + wrong.get("id", "CVE-2021-1234")]


def test_what_nobody_looked_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    (kernel,) = end_of_life("linux", "3.14.1")
    assert kernel == "end of life since 2016-09-11, about, not looked up"
    read = next(a for a in weaknesses("hostapd", "2.6") if "CVE-2019-9494" in a)
    assert "not looked up" not in read
    assert "(CVE record, 2019)" in read
    row = {"id": "CVE-2021-1", "fixed": ["2.7"], "about": "x", "source": "memory", "year": 2021}
    by_heart = advisories.Table("2026-01-01", {}, {"a": {"name": "a", "advisory": [row]}})
    monkeypatch.setattr(advisories, "table", lambda: by_heart)
    assert weaknesses("a", "2.6") == ("CVE-2021-1 fixed in 2.7, not looked up: x",)


def test_names_at_the_nvd() -> None:
    assert ("haxx", "curl") in known_as("curl")
    assert known_as("Linux") == (("linux", "linux_kernel"),)
    assert known_as("nobody-knows-it") == ()
