"""Imported advisories: which versions each format speaks of, and that a broken file changes nothing.

The files have the shapes of the NVD's API (JSON 2.0), of OSV's exports and of the Debian tracker's JSON;
what they say is made up.
"""

import io
import json
import os
import sqlite3
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import ProbeError
from probe.model.firmware import ImageComponent
from probe.runner import json_stream
from probe.runner.advisories import AGES, COLUMNS, FILE, Advisories
from probe.runner.advisory_formats import Row, Told, rows
from probe.runner.debversion import deb_key

DAY = 86_400.0
NOW = 1_795_200_000.0


def component(name: str, version: str, purl: str = "") -> ImageComponent:
    return ImageComponent(
        image="a",
        place="0",
        path="p",
        name=name,
        version=version,
        evidence="package database",
        text="",
        purl=purl or f"pkg:generic/{name}@{version}",
    )


def deb(name: str, version: str, release: str = "12", source: str = "") -> ImageComponent:
    query = "&".join(
        f"{k}={v}"
        for k, v in (("distro", f"debian-{release}" if release else ""), ("upstream", source))
        if v
    )
    purl = f"pkg:deb/debian/{name}@{version.replace('+', '%2B')}" + (f"?{query}" if query else "")
    return component(name, version, purl)


def said(folder: Path, plain: Any, *facts: ImageComponent) -> tuple[str, ...]:
    file = folder / "advisories.json"
    file.write_text(json.dumps(plain))
    known = Advisories(folder)
    try:
        known.take_in(file, NOW)
        return tuple(text for fact in facts for text in known.said_of(fact))
    finally:
        known.close()


# --- NVD -------------------------------------------------------------------------------------------


def cpe(product: str, version: str = "*", update: str = "*", **more: str) -> str:
    fields = ("edition", "language", "sw_edition", "target_sw", "target_hw", "other")
    return ":".join(("cpe:2.3", product, version, update, *(more.get(f, "*") for f in fields)))


def match(criteria: str, *, vulnerable: bool = True, **ends: Any) -> dict[str, Any]:
    return {
        "vulnerable": vulnerable,
        "criteria": criteria,
        "matchCriteriaId": "DA94EB44-C98E-419B-9153-DA373002A3CA",
        **ends,
    }


def node(*matches: dict[str, Any]) -> dict[str, Any]:
    return {"operator": "OR", "negate": False, "cpeMatch": list(matches)}


def nvd(*configurations: dict[str, Any], **more: Any) -> dict[str, Any]:
    cve = {
        "id": "CVE-2099-4",
        "sourceIdentifier": "security@example.org",
        "published": "2026-01-15T21:15:07.540",
        "lastModified": "2026-02-17T04:09:42.950",
        "vulnStatus": "Analyzed",
        "cveTags": [],
        "descriptions": [{"lang": "en", "value": "Made up \u2013 for a test"}],
        "metrics": {},
        "weaknesses": [],
        "configurations": list(configurations),
        "references": [],
        **more,
    }
    return {
        "resultsPerPage": 1,
        "startIndex": 0,
        "totalResults": 1,
        "format": "NVD_CVE",
        "version": "2.0",
        "timestamp": "2026-03-01T10:00:00.000",
        "vulnerabilities": [{"cve": cve}],
    }


def one(*matches: dict[str, Any]) -> dict[str, Any]:
    return nvd({"nodes": [node(*matches)]})


BUSYBOX = "a:busybox:busybox"
KERNEL = "o:linux:linux_kernel"


@pytest.mark.parametrize(
    ("ends", "hit", "miss"),
    [
        ({"versionStartIncluding": "1.27.0", "versionEndIncluding": "1.33.1"}, "1.27.0 1.33.1", "1.26.9 1.33.2"),
        ({"versionStartExcluding": "1.27.0", "versionEndExcluding": "1.33.1"}, "1.27.1 1.33.0", "1.27.0 1.33.1"),
        ({"versionEndExcluding": "1.34.0"}, "0.60 1.33.9", "1.34.0"),
        ({"versionStartIncluding": "1.30.0"}, "1.30.0 9.0", "1.29.9"),
        ({}, "1.0 9.9", ""),
    ],
)  # fmt: skip
def test_ranges_of_the_nvd(ends: dict[str, Any], hit: str, miss: str, tmp_path: Path) -> None:
    plain = one(match(cpe(BUSYBOX), **ends))
    for version in hit.split():
        assert said(tmp_path, plain, component("busybox", version)), version
    for version in miss.split():
        assert not said(tmp_path, plain, component("busybox", version)), version


def test_the_vendor_counts(tmp_path: Path) -> None:
    other = one(match(cpe("a:acme:busybox")), match(cpe("a:curl_project:curl_for_acme")))
    assert not said(tmp_path, other, component("busybox", "1.30.0"), component("curl", "7.0.0"))
    for product in ("a:haxx:curl", "a:haxx:libcurl", "a:curl:curl"):
        assert said(tmp_path, one(match(cpe(product))), component("curl", "7.0.0")), product


@pytest.mark.parametrize(
    ("configuration", "hit"),
    [
        # The platform is marked as one, as it should be.
        ({"operator": "AND", "nodes": [node(match(cpe("a:acme:app"))), node(match(cpe(KERNEL), vulnerable=False))]}, 0),
        # It is not, and a version of it is named even.
        ({"operator": "AND", "nodes": [node(match(cpe("a:acme:app"))), node(match(cpe(KERNEL)))]}, 0),
        ({"operator": "AND", "nodes": [node(match(cpe(KERNEL, "5.10.1"))), node(match(cpe("o:acme:nas_firmware")))]}, 0),
        # A field of the product that names the platform is not the platform.
        ({"nodes": [node(match(cpe("a:acme:app", target_sw="linux_kernel")))]}, 0),
        ({"nodes": [{**node(match(cpe(KERNEL))), "negate": True}]}, 0),
        # The kernel itself, also on certain hardware only.
        ({"nodes": [node(match(cpe(KERNEL)))]}, 1),
        ({"operator": "AND", "nodes": [node(match(cpe(KERNEL))), node(match(cpe("h:acme:nas"), vulnerable=False))]}, 1),
    ],
)  # fmt: skip
def test_the_kernel_is_never_met_as_a_platform(
    configuration: dict[str, Any], hit: int, tmp_path: Path
) -> None:
    plain = nvd(configuration, {"nodes": [node(match(cpe("a:acme:app")))]})
    assert len(said(tmp_path, plain, component("linux", "5.10.1"))) == hit


@pytest.mark.parametrize(
    ("name", "criteria", "hit", "miss"),
    [
        ("openssh", cpe("a:openbsd:openssh", "8.5", "p1"), "8.5p1", "8.5 8.5p2 8.6p1"),
        ("openssh", cpe("a:openbsd:openssh", "8.5"), "8.5 8.5p1", "8.5.1 8.6p1"),
        ("openssl", cpe("a:openssl:openssl", "1.1.1", "-"), "1.1.1", "1.1.1a"),
        ("openssl", cpe("a:openssl:openssl", "3.0.0", "alpha1"), "3.0.0-alpha1 3.0.0alpha1", "3.0.0"),
        ("busybox", cpe(BUSYBOX, "-"), "", "1.30.0"),
        ("busybox", cpe(BUSYBOX, "1.30.0", target_sw="windows"), "", "1.30.0"),
        ("hostapd", cpe("a:w1.fi:hostapd", "2.9"), "2.9", "2.10"),
        ("pppd", r"cpe:2.3:a:point-to-point_protocol_project:point-to-point_protocol:2\.4\.8:*:*:*:*:*:*:*", "2.4.8", "2.4.9"),
    ],
)  # fmt: skip
def test_updates_and_single_versions(
    name: str, criteria: str, hit: str, miss: str, tmp_path: Path
) -> None:
    plain = one(match(criteria), match(cpe("a:acme:app")))
    for version in hit.split():
        assert said(tmp_path, plain, component(name, version)), version
    for version in miss.split():
        assert not said(tmp_path, plain, component(name, version)), version


def test_an_edition_is_told(tmp_path: Path) -> None:
    plain = one(match(cpe("a:eclipse:mosquitto", sw_edition="pro")))
    assert said(tmp_path, plain, component("mosquitto", "2.0.1")) == (
        "CVE-2099-4 (nvd, edition pro)",
    )


def test_what_is_rejected_is_nothing(tmp_path: Path) -> None:
    configuration = {"nodes": [node(match(cpe(BUSYBOX)))]}
    with pytest.raises(ProbeError, match="no advisory"):
        said(tmp_path, nvd(configuration, vulnStatus="Rejected"), component("busybox", "1.30.0"))


def test_a_package_of_opkg_may_be_patched(tmp_path: Path) -> None:
    plain = one(match(cpe("a:haxx:curl"), versionEndExcluding="7.84.0"))
    package = component("libcurl4", "7.66.0-2", "pkg:opkg/libcurl4@7.66.0-2?arch=mipsel_24kc")
    assert said(tmp_path, plain, package) == (
        "CVE-2099-4 fixed in 7.84.0 (nvd); unless the package's revision has the fix",
    )


# --- OSV -------------------------------------------------------------------------------------------


def osv(*affected: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "schema_version": "1.6.0",
        "id": "OSV-2099-1",
        "aliases": ["CVE-2099-1"],
        "modified": "2026-05-01T00:00:00Z",
        "published": "2026-04-01T00:00:00Z",
        "affected": list(affected),
        **more,
    }


def of(
    ecosystem: str, name: str, *events: dict[str, str], kind: str = "", **more: Any
) -> dict[str, Any]:
    ranges = [{"type": kind or "ECOSYSTEM", "events": list(events)}] if events else []
    return {"package": {"ecosystem": ecosystem, "name": name}, "ranges": ranges, **more}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("version", "hit"),
    [("1.1.9", 0), ("1.2.0", 1), ("1.2.11", 1), ("1.2.12", 0), ("1.3.0", 1), ("1.3.4", 1), ("1.3.5", 0)],
)  # fmt: skip
def test_ranges_of_osv(version: str, hit: int, order: int, tmp_path: Path) -> None:
    """Their events tell the same in any order; commits name no version."""
    events = [
        {"introduced": "1.2.0"},
        {"fixed": "1.2.12"},
        {"introduced": "1.3.0"},
        {"last_affected": "1.3.4"},
    ]
    plain = osv(of("OSS-Fuzz", "zlib", *events[::order], kind="SEMVER"))
    plain["affected"][0]["ranges"].append({"type": "GIT", "events": [{"introduced": "0"}]})
    assert len(said(tmp_path, plain, component("zlib", version))) == hit
    assert len(said(tmp_path, [plain, plain], component("zlib", version))) == hit


def test_versions_and_ranges_of_osv_both_count(tmp_path: Path) -> None:
    plain = osv(of("OSS-Fuzz", "zlib", {"introduced": "0"}, {"fixed": "1.0"}, versions=["1.2.3"]))
    hits = [
        len(said(tmp_path, plain, component("zlib", v))) for v in ("0.1", "1.0", "1.2.3", "1.2.4")
    ]
    assert hits == [1, 0, 1, 0]


DEBIAN_OSV = osv(
    of("Debian:11", "busybox", {"introduced": "0"}, {"fixed": "1:1.30.1-6+deb11u2"}),
    of("Debian:12", "busybox", {"introduced": "0"}, {"fixed": "1:1.35.0-4+deb12u1"}),
    of("Ubuntu:22.04:LTS", "busybox", {"introduced": "0"}),
    of("npm", "busybox", {"introduced": "0"}),
    id="DEBIAN-CVE-2099-7", aliases=[], upstream=["CVE-2099-7"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("version", "release", "hit"),
    [
        ("1:1.30.1-6+deb11u1", "11", 1), ("1:1.30.1-6+deb11u2", "11", 0), ("1:1.35.0-4", "12", 1),
        ("1:1.35.0-4+deb12u1", "12", 0), ("1:1.30.1-6+deb11u2", "", 0), ("1:1.37.0-1", "13", 0),
    ],
)  # fmt: skip
def test_a_release_has_its_own_fix(version: str, release: str, hit: int, tmp_path: Path) -> None:
    found = said(tmp_path, DEBIAN_OSV, deb("busybox", version, release))
    assert len(found) == hit
    assert all(text.startswith("CVE-2099-7 fixed in 1:1.3") for text in found)


def test_an_alpine_release_is_that_of_all_its_points(tmp_path: Path) -> None:
    plain = osv(of("Alpine:v3.18", "busybox", {"introduced": "0"}, {"fixed": "1.36.1-r5"}))
    hit = [
        len(said(tmp_path, plain, component("busybox", version, f"pkg:apk/alpine/busybox@{version}?distro=alpine-{release}")))
        for version, release in (("1.36.1-r4", "3.18.4"), ("1.36.1-r5", "3.18.4"), ("1.36.1-r4", "3.19.0"))
    ]  # fmt: skip
    assert hit == [1, 0, 0]


def test_a_package_of_a_programming_language_is_another_thing(tmp_path: Path) -> None:
    plain = osv(
        of("npm", "curl", {"introduced": "0"}), of("crates.io", "zlib", {"introduced": "0"})
    )
    assert not said(tmp_path, plain, component("curl", "7.0.0"), component("zlib", "1.2.3"))
    kernel = osv(of("Linux", "Kernel", {"introduced": "5.8.0"}, {"fixed": "5.10.102"}))
    assert len(said(tmp_path, kernel, component("linux", "5.10.1"))) == 1


def test_what_is_withdrawn_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="no advisory"):
        said(tmp_path, [{**DEBIAN_OSV, "withdrawn": "2026-01-01T00:00:00Z"}])


def test_a_package_of_a_distribution_is_compared_with_that_distribution_only(
    tmp_path: Path,
) -> None:
    plain = osv(of("OSS-Fuzz", "zlib", {"introduced": "0"}))
    assert not said(tmp_path, plain, deb("zlib", "1:1.2.11-1"))
    assert not said(tmp_path, one(match(cpe("a:zlib:zlib"))), deb("zlib", "1:1.2.11-1"))
    assert not said(
        tmp_path, DEBIAN_OSV, component("busybox", "1.0.0", "pkg:deb/kali/busybox@1.0.0")
    )
    assert not said(tmp_path, TRACKER, component("busybox", "1.30.0"))


# --- Debian tracker --------------------------------------------------------------------------------


def release(status: str, fixed: str = "", **more: str) -> dict[str, Any]:
    told = {
        "status": status,
        "repositories": {"bookworm": "1:1.35.0-4"},
        "urgency": "not yet assigned",
        **more,
    }
    return {**told, "fixed_version": fixed} if fixed else told


TRACKER = {
    "busybox": {
        "CVE-2099-2": {
            "description": "Made up", "debianbug": 1, "scope": "remote",
            "releases": {
                "bullseye": release("open", nodsa="Minor issue", nodsa_reason="postponed"),
                "bookworm": release("resolved", "1:1.35.0-4+deb12u1"),
                "sid": release("resolved", "1:1.37.0-1"),
            },
        },
        "CVE-2099-3": {"scope": "local", "releases": {"bookworm": release("resolved", "0"), "sid": release("resolved", "0")}},
        "CVE-2099-5": {"releases": {"bookworm": release("undetermined")}},
        "CVE-2021-42374": {"releases": {"bookworm": release("resolved", "1:1.30.1-7")}},
        "TEMP-0000000-AAAAAA": {"releases": {"bookworm": release("open", urgency="unimportant")}},
    },
    "openssl": {"CVE-2099-6": {"releases": {"bookworm": release("resolved", "3.0.14-1~deb12u2")}}},
}  # fmt: skip


def told(folder: Path, *fact: ImageComponent) -> dict[str, str]:
    """By id, without those of which nothing else is asked here."""
    every = said(folder, TRACKER, *fact)
    names = [
        next(w for w in t.replace(":", " ").replace(",", " ").split() if w[:4] in ("CVE-", "TEMP"))
        for t in every
    ]
    return dict(zip(names, every, strict=True))


def test_the_tracker_of_debian(tmp_path: Path) -> None:
    found = told(tmp_path, deb("busybox", "1:1.35.0-4"))
    assert found["CVE-2099-2"] == "CVE-2099-2 fixed in 1:1.35.0-4+deb12u1 (Debian 12)"
    assert found["CVE-2099-5"] == "CVE-2099-5, not determined by Debian (Debian 12)"
    assert found["TEMP-0000000-AAAAAA"].endswith("not fixed (Debian 12; unimportant to Debian)")
    assert "CVE-2099-3" not in found
    older = told(tmp_path, deb("busybox", "1:1.30.1-6+deb11u1", "11"))
    assert older == {"CVE-2099-2": "CVE-2099-2 not fixed (Debian 11; Minor issue, postponed)"} | {
        k: v for k, v in older.items() if k != "CVE-2099-2"
    }


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("", "the image does not tell its release of Debian"),
        ("10", "the file does not speak of Debian 10"),
    ],
)
def test_what_some_releases_have_is_not_determined(number: str, why: str, tmp_path: Path) -> None:
    fixed = {"bullseye": "1:1.30.1-6+deb11u1", "bookworm": "1:1.35.0-4+deb12u1"}
    plain = {
        "foo": {"CVE-2099-9": {"releases": {k: release("resolved", v) for k, v in fixed.items()}}}
    }
    fact = deb("foo", "1:1.35.0-4", number)
    assert said(tmp_path, plain, fact) == (f"CVE-2099-9, not determined: {why}",)
    old, new = deb("foo", "1:1.2-3", number), deb("foo", "1:1.36-1", number)
    assert "fixed in 1:1.30.1" in said(tmp_path, plain, old)[0]
    assert said(tmp_path, plain, new) == ()


def test_a_backport_is_told_as_not_affected_with_its_reason(tmp_path: Path) -> None:
    found = told(tmp_path, deb("busybox", "1:1.35.0-4+deb12u1"))
    assert found["CVE-2099-2"] == (
        "not affected by CVE-2099-2: the package's version 1:1.35.0-4+deb12u1 has the fix, "
        "which came with 1:1.35.0-4+deb12u1 (Debian tracker, Debian 12)"
    )
    assert "CVE-2021-42374" not in found, "neither its number nor a revision makes it doubtful"
    by_number = told(tmp_path, deb("busybox", "1:1.30.1-7", "12"))
    assert by_number["CVE-2021-42374"].startswith(
        "not affected by CVE-2021-42374: the package's version"
    )


def test_a_package_is_looked_up_by_its_source(tmp_path: Path) -> None:
    assert "CVE-2099-6" in told(tmp_path, deb("libssl3", "3.0.13-1~deb12u1", source="openssl"))
    fixed = told(
        tmp_path, deb("libssl3", "3.0.14-1~deb12u2+b1", source="openssl%403.0.14-1~deb12u2")
    )
    assert fixed["CVE-2099-6"].startswith("not affected by")


@pytest.mark.parametrize(
    ("version", "hit"), [("1:1.29.0-1", 1), ("1:1.36.1-2", 0), ("1:1.37.0-1", 0)]
)
def test_without_a_release_only_what_every_release_has_is_said(
    version: str, hit: int, tmp_path: Path
) -> None:
    plain = {"busybox": {"CVE-2099-2": {"releases": {
        "bookworm": release("resolved", "1:1.35.0-4+deb12u1"), "sid": release("resolved", "1:1.37.0-1"),
    }}}}  # fmt: skip
    found = said(tmp_path, plain, deb("busybox", version, ""))
    assert len([t for t in found if t.startswith("CVE-2099-2 fixed")]) == hit


def test_a_revision_tells_its_release(tmp_path: Path) -> None:
    assert "CVE-2099-2" in told(tmp_path, deb("busybox", "1:1.30.1-6+deb11u9", ""))


# --- the store -------------------------------------------------------------------------------------


def test_a_newer_file_of_the_same_name_takes_the_place_of_the_older(tmp_path: Path) -> None:
    plain = osv(of("OSS-Fuzz", "zlib", {"introduced": "0"}))
    assert said(tmp_path, plain, component("zlib", "1.2.11"))
    assert not said(tmp_path, TRACKER, component("zlib", "1.2.11"))
    ages = list(Advisories(tmp_path).ages(NOW))
    assert len(ages) == 2
    assert "Debian" in ages[1]
    assert all(text.startswith(AGES) for text in ages)


def test_the_same_file_under_another_name_leaves_no_orphans(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(TRACKER))
        Advisories(tmp_path).take_in(tmp_path / name, NOW)
    with sqlite3.connect(tmp_path / FILE) as db:
        assert db.execute("select count(distinct source), count(*) from advisory").fetchone() == (
            1,
            9,
        )


def test_old_tables_are_said_to_be_old(tmp_path: Path) -> None:
    (tmp_path / "o.json").write_text(json.dumps(one(match(cpe(BUSYBOX)))))
    Advisories(tmp_path).take_in(tmp_path / "o.json", NOW)
    known = Advisories(tmp_path)
    shipped, imported = known.ages(1_795_300_000.0)
    assert "old" not in shipped.replace("days old", "")
    assert "newest entry of 2026-03-01" in imported
    assert "imported 1 day before. Its data are old: import a newer file." in imported
    shipped, imported = known.ages(NOW + 400 * DAY)
    assert "which is old: use a newer version" in shipped
    assert "imported 400 days before. Its data are old" in imported


HOSTILE = {
    "deep": (b"[" * 200_000, "nested too deeply"),
    "deep in an entry": (b'{"vulnerabilities": [' + b'{"a":' * 100_000, "nested too deeply"),
    "cut": (json.dumps(TRACKER).encode()[:-40], "cut short"),
    "empty": (b"", "no JSON object or list"),
    "text": (b"hello", "no JSON object or list"),
    "a number": (b"1", "no JSON object or list"),
    "two": (b"{} {}", "follows its end"),
    "no UTF-8": (b'{"a": "\xff\xfe\xfa"}', "no UTF-8"),
    "binary": (b"\x7fELF" + bytes(range(256)), "no"),
    "digits": (b"[" + b"9" * 100_000 + b"]", "nested too deeply, or holds numbers"),
    "names": (b"{1: 2}", "a name is missing"),
    "wrong types": (b'{"vulnerabilities": [1, null, {"cve": [3]}, {"cve": {"configurations": 1}}]}', "no advisory"),
    "other": (b'{"affected": {"a": 1}, "id": [], "aliases": 7}', "no advisory"),
    "surrogate": (b'{"busybox": {"CVE-2099-1": {"releases": {"sid": {"status": "resolved", "fixed_version": "\\ud800"}}}}}', "cannot be taken in"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_line_and_changes_nothing(name: str, tmp_path: Path) -> None:
    assert said(tmp_path, TRACKER, deb("busybox", "1:1.35.0-4"))
    data, words = HOSTILE[name]
    (tmp_path / "advisories.json").write_bytes(data)
    known = Advisories(tmp_path)
    with pytest.raises(ProbeError, match=words) as caught:
        known.take_in(tmp_path / "advisories.json", NOW)
    assert "\n" not in str(caught.value)
    known.close()
    assert Advisories(tmp_path).said_of(deb("busybox", "1:1.35.0-4")), "the earlier import is gone"


def test_a_fault_at_the_end_takes_the_beginning_back(tmp_path: Path) -> None:
    good = json.dumps(one(match(cpe(BUSYBOX)))["vulnerabilities"][0])
    (tmp_path / "a.json").write_text('{"vulnerabilities": [' + f"{good}," * 3_000 + "{]}")
    known = Advisories(tmp_path)
    with pytest.raises(ProbeError, match="no JSON"):
        known.take_in(tmp_path / "a.json", NOW)
    assert not known.said_of(component("busybox", "1.30.0"))
    assert len(list(known.ages(NOW))) == 1


def test_what_is_no_file_of_a_usual_size_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(5 << 30)
    for name, words in (
        ("pipe", "is no file"),
        ("huge", "larger"),
        ("", "is no file"),
        ("none", "cannot be read"),
    ):
        with pytest.raises(ProbeError, match=words):
            Advisories(tmp_path).take_in(tmp_path / name, NOW)


def test_one_entry_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "ENTRY", 1 << 20)
    with (tmp_path / "a.json").open("wb") as file:
        file.write(b'{"a": "')
        file.truncate(500 << 20)
    with pytest.raises(ProbeError, match="no JSON"):
        Advisories(tmp_path).take_in(tmp_path / "a.json", NOW)


@pytest.mark.parametrize("piece", ["{},", "[[]],", '"ab",', "999,", '"\U0001f600",'])
def test_an_entry_of_many_small_values_is_given_up(piece: str, tmp_path: Path) -> None:
    """In memory they would be many times as large as the file."""
    (tmp_path / "a.json").write_text('{"a": [' + piece * 1_300_000 + "0]}")
    with pytest.raises(ProbeError, match="entry of more than"):
        Advisories(tmp_path).take_in(tmp_path / "a.json", NOW)


def test_a_broken_store_is_one_line(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(ProbeError, match="cannot be read"):
        Advisories(tmp_path).said_of(component("busybox", "1.30.0"))


def test_the_columns_are_the_fields_of_a_row() -> None:
    assert tuple(f.name for f in fields(Row)) == COLUMNS


def test_tables_of_an_older_form_are_made_anew(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("create table advisory (source integer, scheme text, name text)")
    assert said(tmp_path, one(match(cpe(BUSYBOX))), component("busybox", "1.30.0"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "affected", "vulnerabilities", "cve", "releases", "id", "ranges", "events", "x", "configurations",
                    "nodes", "cpeMatch", "criteria", "vulnerable", "package", "ecosystem", "name", "fixed", "status",
                    "fixed_version", "type", "introduced", "operator",
                ]
            ),
            inner | st.sampled_from(["ECOSYSTEM", "resolved", "open", "1.0", True, cpe(BUSYBOX), "AND"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_whatever_a_file_holds_reading_ends(plain: Any) -> None:
    told = Told()
    try:
        found = list(rows(io.BytesIO(json.dumps(plain).encode()), told))
    except json_stream.NotJson:
        assert not isinstance(plain, dict | list)
    else:
        assert all(isinstance(row.name, str) and row.name for row in found)
        assert isinstance(told.newest, str)


@given(
    st.lists(JSON, max_size=4) | st.dictionaries(st.text(max_size=6), JSON, max_size=4),
    st.integers(1, 9),
)
def test_a_file_in_pieces_is_the_file(plain: Any, size: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_stream, "CHUNK", size)
        data = json.dumps(plain, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
        try:
            data.decode()
        except UnicodeDecodeError:
            return
        got = list(json_stream.members(io.BytesIO(data), unfold="\0"))
    assert got == (
        [("", item) for item in plain] if isinstance(plain, list) else list(plain.items())
    )


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("1.0~rc1", "1.0"), ("1.0", "1.0-1"), ("1.9", "1.10"), ("9.0", "1:0.5"), ("1.0", "1.0+deb1"),
        ("1.0-1~deb12u1", "1.0-1"), ("1.0-1", "1.0-1+b1"), ("1.0-1+deb12u1", "1.0-1.1"), ("1.0a", "1.0+"),
        ("1.0~~", "1.0~"), ("1.0~", "1.0"), ("2:1-1", "10:0-1"), ("1.2.9-1", "1.2.10-1"), ("1.0-a", "1.0-a1"),
    ],
)  # fmt: skip
def test_versions_of_debian_are_in_their_order(lower: str, higher: str) -> None:
    assert deb_key(lower) < deb_key(higher)


@given(st.text(alphabet="0123456789.:~+-ab", max_size=12))
def test_zeros_before_a_number_and_an_epoch_of_nought_say_nothing(version: str) -> None:
    bare = version.replace(":", "")
    assert deb_key(bare) == deb_key(f"0:{bare}")
    assert deb_key(f"1.{7}") == deb_key("1.007")


def test_who_reads_does_not_wait_for_who_imports(tmp_path: Path) -> None:
    fact = deb("curl", "1.0-1")
    tracker = {"curl": {"CVE-2026-1": {"releases": {"bookworm": {"status": "open"}}}}}
    assert said(tmp_path, tracker, fact)
    importing = sqlite3.connect(tmp_path / FILE)
    importing.execute("begin immediate")
    importing.execute("pragma cache_size = 1")
    row = "insert into advisory (source, name, note) values (1, 'x', ?)"
    importing.executemany(row, (("y" * 1000,) for _ in range(5000)))
    known = Advisories(tmp_path)
    try:
        assert known.said_of(fact)
        assert len(list(known.ages(NOW))) == 2
    finally:
        known.close()
        importing.close()
