"""The probe beside unblob and Debian's binwalk on the same images.

    python tests/benchmarks/bench_firmware.py [--rounds N] [--unblob PROGRAM] [--no-others] [IMAGE ...]

Prints one table: wall and CPU time, peak memory of the largest process, files read, and what was said. Without
images it makes its own: a 20 kB MCUboot image, and root file systems of 38 and of 134 MB content as xz
squashfs from this machine's own /usr/bin and /usr/lib. The whole process is measured, with the start of its
interpreter, and for the probe with its journal and verdicts. Then the bars: 20 kB within 0.4 s, 38 MB content
within 2.0 s, 134 MB content within 4.5 s and 400 MiB.

unblob (MIT) is installed for the run into a virtual environment of its own unless one is named; binwalk is
the Debian package (tests/lab/packages.txt). Neither is ever imported. Both extract into a folder that is
removed; they find files, and say nothing about signatures. binwalk runs without -M, so that nothing is mounted.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNBLOB = "unblob==26.6.4"
LIMIT_S = 300.0
ROOTFS = {"rootfs.sqsh": 38_000_000, "large.sqsh": 134_000_000}
"""Bytes of the files in each."""
BARS = {"mcu.bin": 0.4, "rootfs.sqsh": 2.0, "large.sqsh": 4.5}
MOST_MIB = 400

# Figures are taken in a small process between, because a child starts with its parent's peak memory.
LAUNCH = """
import json, resource, subprocess, sys, time
begin = time.perf_counter()
# With pipes to read the end is seen at once; without them a wait with a timeout looks every 50 ms only.
done = subprocess.run(sys.argv[2:], capture_output=True, timeout=float(sys.argv[1]))
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, done.returncode]))
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """One tool on one image. ``said``: verdicts and findings, or why there are none."""

    wall_s: float
    cpu_s: float
    rss_mib: float
    files: int
    said: str


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("images", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--unblob", type=Path, help="an installed unblob")
    parser.add_argument("--no-others", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-firmware-") as folder:
        work, named = Path(folder), [image.absolute() for image in wanted.images]
        os.chdir(work)  # unblob leaves a log where it is started
        images = named or made(work)
        tools: dict[str, Callable[[Path], Figures]] = {"probe": lambda i: probe(i, work)}
        if not wanted.no_others:
            tools |= others(work, wanted.unblob)
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        print(f"{'image':<16}{'tool':<10}{'wall s':>8}{'cpu s':>8}{'MiB':>7}{'files':>7}  said")
        for image in images:
            for name, tool in tools.items():
                rounds = [tool(image) for _ in range(wanted.rounds)]
                wall = statistics.median(r.wall_s for r in rounds)
                one = min(rounds, key=lambda r: abs(r.wall_s - wall))
                print(
                    f"{image.name:<16}{name:<10}{wall:8.2f}{one.cpu_s:8.2f}{one.rss_mib:7.0f}{one.files:7}  {one.said}",
                    flush=True,
                )
                if name == "probe" and image.name in BARS:
                    bar = BARS[image.name]
                    held = wall <= bar and one.rss_mib <= MOST_MIB
                    print(f"{'':<16}bar {bar} s, {MOST_MIB} MiB: {'held' if held else 'MISSED'}")


def launched(*argv: str) -> tuple[float, float, float, int]:
    command = [sys.executable, "-c", LAUNCH, str(LIMIT_S), *argv]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return LIMIT_S, 0.0, 0.0, -1
    wall, cpu, rss, code = json.loads(done.stdout)
    return wall, cpu, rss, code


def probe(image: Path, work: Path) -> Figures:
    store = work / "store"
    shutil.rmtree(store, ignore_errors=True)
    command = str(Path(sys.executable).with_name("probe"))
    wall, cpu, rss, code = launched(command, "firmware", str(image), "--store", str(store))
    shown = subprocess.run(
        [command, "report", "last", "-f", "json", "--store", str(store)],
        capture_output=True,
        check=False,
    )
    if shown.returncode:
        return Figures(wall, cpu, rss, 0, f"exit code {code}")
    (device,) = json.loads(shown.stdout)["devices"]
    tables = {t["id"]: t["rows"] for t in device["inventory"]}
    files = int(tables["images"][0][3].split(" files")[0].rsplit(" ", 1)[-1])
    signed = tables["protections"][0][1] if "protections" in tables else "no update format"
    bad = sum(f["outcome"] == "violated" for f in device["findings"])
    known = len(tables.get("components", ()))
    return Figures(wall, cpu, rss, files, f"{signed}; {bad} findings, {known} components")


def others(work: Path, unblob: Path | None) -> dict[str, Callable[[Path], Figures]]:
    """unblob and binwalk, as far as they are there."""
    if unblob is None:
        venv.create(work / "venv", with_pip=True)
        unblob = work / "venv" / "bin" / "unblob"
        pip = [str(unblob.with_name("pip")), "install", "-q", UNBLOB]
        subprocess.run(pip, check=False)
    found: dict[str, Callable[[Path], Figures]] = {}
    if unblob.exists():
        program = str(unblob)
        found["unblob"] = lambda i: extracted(i, work, lambda out: (program, "-p", "2", "-e", out))
    if binwalk := shutil.which("binwalk"):
        root = ("--run-as=root",) if os.geteuid() == 0 else ()
        found["binwalk"] = lambda i: extracted(
            i, work, lambda out: (binwalk, *root, "-e", "-C", out)
        )
    return found


def extracted(image: Path, work: Path, argv: Callable[[str], tuple[str, ...]]) -> Figures:
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    wall, cpu, rss, code = launched(*argv(str(out)), str(image))
    files = sum(p.is_file() and not p.is_symlink() for p in out.rglob("*"))
    return Figures(wall, cpu, rss, files, "files only" if not code else f"exit code {code}")


# --- images ----------------------------------------------------------------------------------------


def made(work: Path) -> list[Path]:
    """An MCUboot image of 20 kB, and a squashfs of this machine's own programs."""
    raw, image, key = work / "mcu.raw", work / "mcu.bin", work / "key.pem"
    raw.write_bytes(os.urandom(20_000))
    imgtool = str(Path(sys.executable).with_name("imgtool"))
    subprocess.run([imgtool, "keygen", "-k", str(key), "-t", "ecdsa-p256"], check=True, stdout=2)
    sign = ["sign", "-k", str(key), "-v", "1.2.3", "-H", "32", "--pad-header", "--align", "4"]
    subprocess.run([imgtool, *sign, "-S", "0x20000", str(raw), str(image)], check=True, stdout=2)
    return [image, *(rootfs(work, name, size) for name, size in ROOTFS.items())]


def rootfs(work: Path, name: str, wanted: int) -> Path:
    """A squashfs of about so many bytes of this machine's own programs and libraries."""
    root, total = work / f"{name}-tree", 0
    (root / "usr" / "bin").mkdir(parents=True)
    folders = (Path("/usr/bin"), Path("/usr/lib"), *sorted(Path("/usr/lib").glob("*-linux-gnu")))
    for path in (p for folder in folders for p in sorted(folder.iterdir())):
        if path.is_file() and not path.is_symlink() and total < wanted:
            shutil.copy(path, root / "usr" / "bin" / path.name)
            total += path.stat().st_size
    squashed = work / name
    make = ["mksquashfs", str(root), str(squashed), "-comp", "xz", "-quiet", "-noappend"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    return squashed


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    begin = time.perf_counter()
    main()
    print(f"took {time.perf_counter() - begin:.0f} s")
