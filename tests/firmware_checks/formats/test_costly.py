"""What a device or an attacker writes into an image must not decide how long the examination takes."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from firmware_checks.formats.tuf_files import described
from tests.firmware_checks.formats.costly_images import IMAGES

SECONDS, MOST_KIB = 20, 420 << 10
"""The bar for hostile images; the memory is the bar of 300 MiB and the image itself, which is made here too."""
RUN = """
import re, sys
from pathlib import Path
from tests.firmware_checks.conftest import examined
found = examined(Path(sys.argv[1]).read_bytes())
assert found.survey
print(re.search(r"VmHWM:\\s*([0-9]+)", Path("/proc/self/status").read_text()).group(1))
"""


@pytest.mark.parametrize("name", list(IMAGES))
def test_an_image_that_asks_for_much(name: str, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(IMAGES[name]())
    command = [sys.executable, "-c", RUN, str(tmp_path / "image")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) < MOST_KIB


def test_a_name_of_many_folders_costs_little() -> None:
    """The folder from which a target's path counts is looked for; names of zip and tar have up to 64 KiB."""
    targets: dict[str, dict[str, object]] = {"slot/app.bin": {"length": 1}}
    begun = time.process_time()
    for _ in range(200):
        assert described("a/" * 30_000 + "app.bin", targets) is None
        assert described("a/" * 30_000 + "slot/app.bin", targets) is not None
    assert time.process_time() - begun < 5
