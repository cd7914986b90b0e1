"""A router's root file system of genuine programs for Arm, as four file systems by their own tools."""

import os
import re
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmware_checks.budget import Budget
from firmware_checks.content.packages import Package as Installed
from firmware_checks.reading import Context, Kind
from firmware_checks.recognise import recognise
from firmware_checks.view import View
from probe.model.firmware import (
    AccountState,
    ImageAccount,
    ImageComponent,
    ImageKey,
    ImageLayer,
    ImageSecret,
    ImageWeakness,
)
from tests.firmware_checks.conftest import Examined, examined
from tests.firmware_checks.real.archive import Package
from tests.firmware_checks.real.rootfs import PACKAGES

pytestmark = pytest.mark.timeout(300)
TOOLS = {
    "squashfs": ("mksquashfs", "root", "out", "-comp", "xz", "-noappend", "-quiet", "-no-progress"),
    "ext4": ("mke2fs", "-q", "-F", "-t", "ext4", "-d", "root", "out", "80M"),
    "JFFS2": ("mkfs.jffs2", "-d", "root", "-o", "out", "-e", "131072"),
    "UBIFS": ("mkfs.ubifs", "-r", "root", "-o", "out", "-m", "2048", "-e", "126976", "-c", "2000"),
}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_ON_ROUTERS = ("doc", "man", "locale", "info", "lintian")
WITHOUT_BANNER = {"base-files", "base-passwd", "libnl3", "ca-certificates"}
"""Packages whose files say no version of themselves."""


@dataclass(frozen=True, slots=True)
class Router:
    """The folder, its packages, and what was said of each image of it."""

    root: Path
    packages: dict[str, Package]
    images: dict[str, bytes]
    with_database: dict[str, Examined]
    without: Examined


@pytest.fixture(scope="module")
def router(packages: dict[str, Package], tmp_path_factory: pytest.TempPathFactory) -> Router:
    """Made once: xz takes ten seconds."""
    if missing := [tool[0] for tool in TOOLS.values() if not shutil.which(tool[0], path=PATH)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    work = tmp_path_factory.mktemp("router")
    root, ours = work / "root", {n: packages[n] for n in PACKAGES if n in packages}
    for package in ours.values():
        subprocess.run(["dpkg-deb", "-x", package.path, root], check=True, capture_output=True)
    for name in NOT_ON_ROUTERS:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    without = examined(_made("ext4", work))
    status = root / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True, exist_ok=True)
    stanzas = [f"{one.control.strip()}\nStatus: install ok installed\n" for one in ours.values()]
    status.write_text("\n".join(stanzas))
    images = {name: _made(name, work) for name in TOOLS}
    found = {name: examined(image) for name, image in images.items()}
    return Router(root, ours, images, found, without)


def _made(name: str, work: Path) -> bytes:
    out = work / "out"
    out.unlink(missing_ok=True)
    env = {**os.environ, "PATH": PATH}
    subprocess.run(TOOLS[name], cwd=work, env=env, check=True, capture_output=True)
    return out.read_bytes()


def components(found: Examined) -> set[tuple[str, str, str]]:
    return {(c.name, c.version, c.evidence) for c in found.all(ImageComponent)}


@pytest.mark.parametrize("name", TOOLS)
def test_every_file_is_read(name: str, router: Router) -> None:
    found = router.with_database[name]
    assert [layer.format for layer in found.all(ImageLayer)] == [name]
    assert found.survey.unread == ()
    reading = recognise(View(router.images[name]), Context(Budget()))
    assert reading is not None
    assert reading.tree is not None
    read = {
        entry.path: (entry.mode, view.read())
        for entry, view in reading.tree.entries(Budget())
        if entry.kind is Kind.FILE
    }
    there = [p for p in router.root.rglob("*") if p.is_file() and not p.is_symlink()]
    first_of = {p.stat().st_ino: None for p in there}
    assert len(read) == len(first_of)
    for path in there:
        name_in = str(path.relative_to(router.root))
        if name_in in read:  # further names of one file are links in some
            assert read[name_in] == (path.stat().st_mode & 0o7777, path.read_bytes()), name_in


def test_the_same_is_said_of_all(router: Router) -> None:
    first, *others = [components(found) for found in router.with_database.values()]
    assert all(other == first for other in others)
    weak = [
        {(w.path, w.kind, w.what) for w in found.all(ImageWeakness)}
        for found in router.with_database.values()
    ]
    assert all(one == weak[0] for one in weak)


def test_versions_are_those_of_dpkg(router: Router) -> None:
    told = components(router.with_database["squashfs"])
    of_database = {(name, version) for name, version, how in told if how == "package database"}
    assert of_database == {(one.name, one.version) for one in router.packages.values()}
    # Whatever a package has is not told again by its banner: what is left is the distribution itself.
    assert {name for name, _, how in told if how != "package database"} == {"debian"}


def test_versions_by_banners_alone(router: Router) -> None:
    """None is wrong; those that are missing are known."""
    known = defaultdict[str, set[str]](set)
    for one in router.packages.values():
        source = re.search(r"^Source: (\S+)", one.control, re.MULTILINE)
        installed = Installed("dpkg", one.name, one.version, "", source.group(1) if source else "")
        for name in (installed.component, one.name):
            known[name].add(installed.upstream.removesuffix(".dfsg"))
    told = {(name, version) for name, version, _ in components(router.without)}
    told = {row for row in told if row[0] != "debian"}
    wrong = {(name, version) for name, version in told if version not in known.get(name, ())}
    assert wrong == set()
    sources = {Installed("dpkg", one.name, one.version, "", _source(one)).component for one in router.packages.values()}  # fmt: skip
    assert sources - {name for name, _ in told} <= WITHOUT_BANNER


def _source(one: Package) -> str:
    found = re.search(r"^Source: (\S+)", one.control, re.MULTILINE)
    return found.group(1) if found else ""


def test_nothing_untrue_above_info(router: Router) -> None:
    """Packages as they ship have no default account, no secret, and the keys of self-tests only."""
    found = router.with_database["UBIFS"]
    assert found.all(ImageSecret) == []
    assert {k.use for k in found.all(ImageKey)} <= {"example key"}
    assert [a for a in found.all(ImageAccount) if a.state in (AccountState.EMPTY, AccountState.KNOWN)] == []  # fmt: skip
    loud = {w.kind for w in found.all(ImageWeakness)} - {"setuid, usual", "debug service, not started"}  # fmt: skip
    assert loud <= {"development tool"}  # tcpdump is one
