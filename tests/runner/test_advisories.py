"""Imported advisories: which versions each format speaks of, and that hostile files are only left out."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import ProbeError
from probe.model.firmware import ImageComponent
from probe.runner.advisories import Advisories, read
from probe.runner.debversion import deb_key


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


def said(folder: Path, plain: Any, fact: ImageComponent) -> tuple[str, ...]:
    file = folder / "advisories.json"
    file.write_text(json.dumps(plain))
    known = Advisories(folder)
    known.take_in(file, 0.0)
    try:
        return known.said_of(fact)
    finally:
        known.close()


OSV = {
    "id": "OSV-1",
    "aliases": ["CVE-2099-1"],
    "modified": "2026-05-01T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "OSS-Fuzz", "name": "zlib"},
            "ranges": [
                {"type": "SEMVER", "events": [{"introduced": "1.2.0"}, {"fixed": "1.2.12"}]},
                {"type": "GIT", "events": [{"introduced": "0"}]},
            ],
        }
    ],
}
DEBIAN = {
    "busybox": {
        "CVE-2099-2": {
            "releases": {
                "bookworm": {"status": "resolved", "fixed_version": "1:1.35.0-4+deb12u1"},
                "sid": {"status": "resolved", "fixed_version": "1:1.37.0-1"},
            }
        },
        "CVE-2099-3": {"releases": {"sid": {"status": "resolved", "fixed_version": "0"}}},
    }
}


@pytest.mark.parametrize(
    ("version", "hit"), [("1.1.9", 0), ("1.2.0", 1), ("1.2.11", 1), ("1.2.12", 0)]
)
def test_ranges_of_osv(version: str, hit: int, tmp_path: Path) -> None:
    assert len(said(tmp_path, OSV, component("zlib", version))) == hit


def test_a_package_of_a_distribution_is_compared_with_that_distribution_only(
    tmp_path: Path,
) -> None:
    debian = component("zlib", "1:1.2.11-1", "pkg:deb/debian/zlib@1:1.2.11-1")
    assert not said(tmp_path, OSV, debian)
    generic = component("busybox", "1.30.0")
    assert not said(tmp_path, DEBIAN, generic)


@pytest.mark.parametrize(
    ("version", "hit"), [("1:1.35.0-4", 1), ("1:1.35.0-4+deb12u1", 0), ("1:1.36.1-2", 0)]
)
def test_backports_of_debian_count(version: str, hit: int, tmp_path: Path) -> None:
    fact = component("busybox", version, f"pkg:deb/debian/busybox@{version}")
    assert len(said(tmp_path, DEBIAN, fact)) == hit


def test_the_platform_of_a_product_is_not_the_product(tmp_path: Path) -> None:
    nodes = [{"cpeMatch": [{"vulnerable": False, "criteria": "cpe:2.3:o:linux:linux_kernel:*"}]}]
    nvd = {"vulnerabilities": [{"cve": {"id": "CVE-2099-4", "configurations": [{"nodes": nodes}]}}]}
    with pytest.raises(ProbeError, match="no advisory"):
        said(tmp_path, nvd, component("linux", "5.10.1"))


def test_a_newer_file_of_the_same_name_takes_the_place_of_the_older(tmp_path: Path) -> None:
    assert said(tmp_path, OSV, component("zlib", "1.2.11"))
    assert not said(tmp_path, DEBIAN, component("zlib", "1.2.11"))
    assert "Debian" in list(Advisories(tmp_path).ages(10.0))[-1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["affected", "vulnerabilities", "cve", "releases", "id", "ranges", "events", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_a_file_holds_reading_ends(plain: Any) -> None:
    kind, newest, rows = read(plain)
    assert isinstance(kind, str)
    assert isinstance(newest, str)
    assert isinstance(rows, list)


@pytest.mark.parametrize(
    ("lower", "higher"),
    [("1.0~rc1", "1.0"), ("1.0", "1.0-1"), ("1.9", "1.10"), ("9.0", "1:0.5"), ("1.0", "1.0+deb1")],
)
def test_versions_of_debian_are_in_their_order(lower: str, higher: str) -> None:
    assert deb_key(lower) < deb_key(higher)
