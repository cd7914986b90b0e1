"""Packages of Debian as samples: fetched once, checked against the archive's own hashes, kept between runs.

apt runs on a state of its own with the sources of this machine, for architectures that this machine need not
have; nothing is installed, and dpkg's own database is neither read nor changed. No rights are needed.
"""

import fcntl
import fnmatch
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "secure-by-design-probe"
LONGEST_S = 100.0
CONFIG = """
Dir::State "{0}/state/";
Dir::State::status "{0}/status";
Dir::Cache "{0}/cache/";
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; "armhf"; }};
APT::Sandbox::User "{1}";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "15";
"""


class NotReachable(Exception):
    """The packages cannot be had here; the text says why."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package in the cache. ``asked``: the name that it was asked for by, ``busybox:armhf``."""

    asked: str
    name: str
    version: str
    control: str
    """The stanza that apt has of it."""
    path: Path


class Archive:
    """What was fetched."""

    def __init__(self, folder: Path = CACHE / "real-images") -> None:
        self.folder = folder
        self._env = {**os.environ, "APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C"}

    def packages(self, asked: tuple[str, ...]) -> dict[str, Package]:
        """Those of the names that this release of Debian has. Raises NotReachable."""
        with self._alone():
            self._prepare()
            known = self._known(asked)
            for attempt in (1, 2):
                missing = [one for one in known.values() if not one.path.exists()]
                if known and not missing:
                    return known
                if attempt == 2 or not known:
                    # One index that does not come must not hide all others: whether it was enough shows below.
                    self._apt("apt-get", "update", "-q", needed=False)
                    known = self._known(asked)
                self._fetch([one for one in known.values() if not one.path.exists()])
            if any(not one.path.exists() for one in known.values()) or not known:
                raise NotReachable("the archive of Debian packages cannot be reached")
            return known

    def _prepare(self) -> None:
        for name in ("state/lists/partial", "cache/archives/partial", "debs", "files"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        user = "root" if os.geteuid() == 0 else ""
        (self.folder / "apt.conf").write_text(CONFIG.format(self.folder, user))

    def _known(self, asked: tuple[str, ...]) -> dict[str, Package]:
        shown = self._apt("apt-cache", "show", "--no-all-versions", *asked, needed=False)
        found: dict[str, Package] = {}
        for stanza in shown.split("\n\n"):
            fields = {
                name: value.strip()
                for name, colon, value in (line.partition(":") for line in stanza.splitlines())
                if colon and not name.startswith(" ")
            }
            if not {"Package", "Version", "SHA256"} <= fields.keys():
                continue
            name = fields["Package"]
            for want in (name, f"{name}:{fields['Architecture']}"):
                if want in asked:
                    path = self.folder / "debs" / f"{fields['SHA256']}.deb"
                    found[want] = Package(want, name, fields["Version"], stanza, path)
        return found

    def _fetch(self, wanted: list[Package]) -> None:
        """All in one go: each call reads the lists anew, which takes seconds."""
        if not wanted:
            return
        coming = self.folder / "coming"
        shutil.rmtree(coming, ignore_errors=True)
        coming.mkdir()
        self._apt("apt-get", "download", "-q", *(one.asked for one in wanted), needed=False, cwd=coming)  # fmt: skip
        hashes = {one.path.stem: one.path for one in wanted}
        for file in coming.glob("*.deb"):
            sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
            if sha256 in hashes:
                file.rename(hashes[sha256])
        shutil.rmtree(coming)

    def _apt(self, *argv: str, needed: bool = True, cwd: Path | None = None) -> str:
        try:
            done = subprocess.run(argv, cwd=cwd, env=self._env, capture_output=True, text=True, timeout=LONGEST_S, check=needed)  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            raise NotReachable(f"{argv[0]} does not work here: {error}") from None
        return done.stdout

    def wheel(self, name: str, version: str) -> Path:
        """A package of Python, not installed. Raises NotReachable."""
        with self._alone():
            folder = self.folder / "wheels"
            found = list(folder.glob(f"{name}-{version}-*.whl"))
            if not found:
                command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]  # fmt: skip
                try:
                    subprocess.run([*command, f"{name}=={version}"], capture_output=True, timeout=LONGEST_S, check=True)  # fmt: skip
                except (OSError, subprocess.SubprocessError):
                    raise NotReachable(f"{name} cannot be fetched") from None
                found = list(folder.glob(f"{name}-{version}-*.whl"))
            return found[0]

    # --- their files -----------------------------------------------------------------------------

    def file(self, package: Path, pattern: str) -> Path:
        """The first file of a package whose path fits, unpacked once. Raises KeyError when there is none."""
        kept = self.folder / "files" / package.stem / pattern.replace("/", "!").replace("*", "+")
        if kept.exists():
            return kept
        data = member(package, pattern)
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_name(f"{kept.name}.{os.getpid()}")
        part.write_bytes(data)
        part.rename(kept)
        return kept

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time, of those that run the tests."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def member(package: Path, pattern: str) -> bytes:
    """The first file of a .deb or a wheel that fits. Raises KeyError when there is none."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            for name in archive.namelist():
                if fnmatch.fnmatchcase(name, pattern):
                    return archive.read(name)
        raise KeyError(pattern)
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as made:
        try:
            with tarfile.open(fileobj=made.stdout, mode="r|") as stream:
                for one in stream:
                    if one.isfile() and fnmatch.fnmatchcase(one.name.removeprefix("./"), pattern):
                        file = stream.extractfile(one)
                        assert file is not None
                        return file.read()
        finally:
            made.kill()
    raise KeyError(f"{pattern} is not in {package.name}")


@cache
def debian(asked: tuple[str, ...]) -> dict[str, Package]:
    """The packages, or why there are none: asked once in a run. Raises NotReachable."""
    return Archive().packages(asked)
