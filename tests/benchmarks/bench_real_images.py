"""Time and memory of every image of real packages, each in a process of its own.

    python tests/benchmarks/bench_real_images.py

The images and what must be said of them are ``tests/firmware_checks/real/images.py``. The whole command is
measured, with the start of its interpreter, the journal and the verdicts.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.bench_firmware import launched  # noqa: E402
from tests.firmware_checks.real.archive import Archive, debian  # noqa: E402
from tests.firmware_checks.real.images import IMAGES, KERNEL, PYTHON  # noqa: E402


def main() -> None:
    archive, command = Archive(), str(Path(sys.executable).with_name("probe"))
    known = debian(tuple(sorted({one.package for one in IMAGES} - {KERNEL} - PYTHON.keys())))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'image':<58}{'kB':>8}{'wall s':>8}{'cpu s':>8}{'MiB':>6}")
    with tempfile.TemporaryDirectory(prefix="bench-real-") as work:
        for one in IMAGES:
            if one.package in PYTHON:
                package = archive.wheel(one.package, PYTHON[one.package])
            elif one.package in known:
                package = known[one.package].path
            else:
                continue
            path = archive.file(package, one.path)
            store = Path(work) / "store"
            shutil.rmtree(store, ignore_errors=True)
            wall, cpu, rss, _ = launched(command, "firmware", str(path), "--store", str(store))
            size = path.stat().st_size / 1000
            print(f"{one.path[-56:]:<58}{size:8.0f}{wall:8.2f}{cpu:8.2f}{rss:6.0f}", flush=True)


if __name__ == "__main__":
    main()
