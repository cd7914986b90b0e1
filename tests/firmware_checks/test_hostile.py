"""The hostile set, through the real command in a child: soon done, little memory, nothing written, no traceback.

A seeded quick part of the mutated headers runs with the suite. The whole, 100,000 over the samples of all
tests of images: ``HOSTILE_SAMPLES=FOLDER pytest tests/firmware_checks --ignore=tests/firmware_checks/test_hostile.py``
keeps the samples, ``HOSTILE_SAMPLES=FOLDER HOSTILE_MUTANTS=100000 pytest tests/firmware_checks/test_hostile.py -k mutated -s``
reads their mutants (``HOSTILE_SEED=WORD`` others), and ``HOSTILE=all`` gives every image of the set.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from probe.cli.results import opened
from probe.model.firmware import ImageSurvey
from probe.model.observation import NotMeasured
from tests.firmware_checks.hostile_images import BOMBS, IMAGES, TOKEN

ROOT = Path(__file__).parents[2]
LONGEST_S, MOST_MIB = 20.0, 300
MOST_WRITTEN = 64 << 20
SPACE = 16 << 30
"""Address space of the child; its reader takes less itself."""
LAUNCHER = """
import json, os, resource, sys
space, written = int(sys.argv[1]), int(sys.argv[2])
child = os.fork()
if not child:
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(2, 1)
    os.execv(sys.argv[3], sys.argv[3:])
_, status, use = os.wait4(child, 0)
told = {"code": os.waitstatus_to_exitcode(status), "seconds": use.ru_utime + use.ru_stime}
print(json.dumps({**told, "mib": use.ru_maxrss / 1024}))
"""
"""A small process between: what this one takes would count as the command's. Seconds are those of the
processors, of all threads and readers together, for other tests run beside."""
WATCHED = ("/", "/tmp", "/etc", "/root", "/dev", "/var/tmp", "/home")
DOCUMENTED = {0, 1, 2, 3, 4}
"""Of README.md, without 5 (a defect of the probe) and 6 (stopped)."""


@dataclass(frozen=True)
class Outcome:
    """What one run of the command did: what it said, processor time and the largest process's memory."""

    code: int
    out: str
    seconds: float
    mib: float


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Outcome]:
    """Runs ``probe`` with limits, and looks at the file system before and after."""
    for name in ("cwd", "home", "temporary"):
        (tmp_path / name).mkdir()

    def run(*argv: str | Path) -> Outcome:
        before = looked_at(tmp_path)
        seen = watched()
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path / "home"),
            "TMPDIR": str(tmp_path / "temporary"),
            "PROBE_STORE": str(tmp_path / "store"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        words = [str(Path(sys.executable).with_name("probe")), *(str(word) for word in argv)]
        launcher = [sys.executable, "-I", "-c", LAUNCHER, str(SPACE), str(MOST_WRITTEN), *words]
        done = subprocess.run(
            launcher,
            cwd=tmp_path / "cwd",
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=6 * LONGEST_S,
            check=False,
        )
        told = json.loads(done.stdout)
        out = done.stderr.decode("utf-8", "replace")
        after = looked_at(tmp_path)
        new = {path for path in after if after[path] != before.get(path)}
        allowed = {p for p in new if p.startswith("store/") or is_report(p)}
        assert new == allowed, "written outside the store"
        assert set(before) <= set(after), "something was deleted"
        assert watched() == seen, "written outside, or mounted"
        return Outcome(told["code"], out, told["seconds"], told["mib"])

    return run


def is_report(path: str) -> bool:
    """The report that the command writes where it was started, and says so."""
    return path.startswith("cwd/probe-") and path.endswith(".html")


def looked_at(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Every path in the test's folder with mode, size and time of change."""
    found = {}
    for path in folder.rglob("*"):
        known = path.lstat()
        found[str(path.relative_to(folder))] = (known.st_mode, known.st_size, known.st_mtime_ns)
    return {path: what for path, what in found.items() if path not in ("cwd", "store")}


def watched() -> tuple[list[str], str]:
    """Whether a name of the images stands anywhere that they aim at, and what is mounted."""
    names = [
        f"{folder}/{name}" for folder in WATCHED for name in os.listdir(folder) if TOKEN in name
    ]
    return names, Path("/proc/self/mounts").read_text()


QUICK = {
    "gzip_of_zeros",
    "gzip_40_deep",
    "xz_of_zeros",
    "zip_of_zips_of_zips",
    "zip_that_holds_itself",
    "squashfs_with_a_hole_of_3_gib",
    "squashfs_with_lying_inode_table",
    "magics_of_everything",
    "tar_that_climbs",
    "yaffs2_that_climbs_and_loops",
    "json_100000_deep",
    "noise",
}
"""Those that run with the suite; ``HOSTILE=all`` for the whole set."""
CHOSEN = sorted(IMAGES if os.environ.get("HOSTILE") == "all" else QUICK)


@pytest.mark.parametrize("name", CHOSEN)
def test_an_image_that_means_harm(
    name: str, command: Callable[..., Outcome], tmp_path: Path
) -> None:
    (tmp_path / "making").mkdir()
    data = IMAGES[name](tmp_path / "making")
    (tmp_path / "image.bin").write_bytes(data)
    did = command("firmware", tmp_path / "image.bin")
    print(
        f"{name}: {len(data)} bytes, {did.seconds:.1f} s, {did.mib:.0f} MiB, exit code {did.code}"
    )
    assert did.code in DOCUMENTED, did.out[-2000:]
    assert "Traceback" not in did.out
    assert "\x1b]" not in did.out
    assert did.seconds < LONGEST_S
    assert did.mib <= MOST_MIB
    facts = [o.fact for o in opened(None, str(tmp_path / "store")).state.observations.values()]
    gaps = [f for f in facts if isinstance(f, NotMeasured) and f.collector == "firmware"]
    assert not gaps, "the reader met its end"
    (survey,) = [f for f in facts if isinstance(f, ImageSurvey)]
    if name in BOMBS:
        assert survey.unread, "a bomb was taken for a whole image"


def test_what_is_no_file_is_one_clear_line(command: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "empty", tmp_path / "pipe", Path("/dev/null"), tmp_path / "missing"):
        did = command("firmware", path)
        assert did.code == 2, did.out
        assert "Traceback" not in did.out
        assert 1 <= len(did.out.strip().splitlines()) <= 3, did.out


def test_a_folder_of_hostile_images_is_gone_through(
    command: Callable[..., Outcome], tmp_path: Path
) -> None:
    """One bad image does not end the others; the names of the files are hostile too."""
    (tmp_path / "many").mkdir()
    (tmp_path / "making").mkdir()
    for number, name in enumerate(("one_byte", "tar_that_climbs", "gzip_40_deep", "a_pdf")):
        data = IMAGES[name](tmp_path / "making")
        (tmp_path / "many" / f"<b>\x1b]0;{number}\x07\n{name}").write_bytes(data)
    (tmp_path / "many" / "empty").write_bytes(b"")
    (tmp_path / "many" / "outside").symlink_to("/etc/shadow")
    did = command("firmware", tmp_path / "many")
    assert did.code in DOCUMENTED, did.out
    assert "\x1b" not in did.out
    assert "Traceback" not in did.out
    facts = [o.fact for o in opened(None, str(tmp_path / "store")).state.observations.values()]
    assert len([f for f in facts if isinstance(f, ImageSurvey)]) == 4


def test_nothing_is_started_opened_or_asked(tmp_path: Path) -> None:
    """The interpreter itself tells of every file written, program started and address asked for."""
    (tmp_path / "making").mkdir()
    samples = tmp_path / "samples"
    samples.mkdir()
    for name in ("tar_that_climbs", "zip_that_climbs", "squashfs_that_climbs", "cpio_that_climbs"):
        (samples / name).write_bytes(
            IMAGES[name](tmp_path / "making" if "squ" in name else tmp_path)
        )
    told = mutated(samples, 40, watch=True)
    assert told["done"], "\n".join(told["errors"])
    assert told["events"] == []


@pytest.mark.timeout(7200)
def test_mutated_headers(tmp_path: Path) -> None:
    """Of every format: its magic before noise and lies, and small images; see above for the whole."""
    given = os.environ.get("HOSTILE_SAMPLES")
    number = int(os.environ.get("HOSTILE_MUTANTS", "1500"))
    samples = Path(given) if given else tmp_path / "samples"
    if not given:
        samples.mkdir()
        made = tmp_path / "making"
        made.mkdir()
        (samples / "squashfs").write_bytes(IMAGES["squashfs_that_climbs"](made))
        for name in ("tar_that_climbs", "zip_that_climbs", "cpio_that_climbs"):
            (samples / name).write_bytes(IMAGES[name](made))
        (samples / "yaffs2").write_bytes(IMAGES["yaffs2_that_climbs_and_loops"](made))
    told = mutated(samples, number)
    print(
        json.dumps({key: told[key] for key in ("done", "slowest_s", "slowest", "mib", "formats")})
    )
    assert told["errors"] == []
    assert told["done"] == number
    assert told["slowest_s"] < LONGEST_S
    assert told["mib"] <= MOST_MIB


def mutated(samples: Path, number: int, *, watch: bool = False) -> dict[str, Any]:
    """What the child says that read mutants of the samples."""
    script = Path(__file__).with_name("hostile_mutants.py")
    words = [sys.executable, str(script), str(samples), str(number), "watch" if watch else ""]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=7200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told
