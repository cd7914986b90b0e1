"""Genuine firmware of computers: each file of each volume, and each program in them, counted by another reader.

The numbers were counted once, by the parser ``uefi-firmware`` 1.16 from PyPI, in the images of the version that is
named; of other versions only what holds for all is asked.
"""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_checks.budget import Budget
from firmware_checks.formats.uefi_volume import FORMAT
from firmware_checks.reading import Context, Seen
from firmware_checks.view import View
from probe.model.firmware import ImageLayer
from tests.firmware_checks.conftest import examined
from tests.firmware_checks.real.archive import Package

pytestmark = pytest.mark.timeout(300)
Real = Callable[[str, str], Path]
VERSION = "2022.11-6+deb12u2"
COUNTED = {
    ("ovmf", "usr/share/OVMF/OVMF_CODE_4M.secboot.fd"): (140, 136, 79),
    ("ovmf", "usr/share/OVMF/OVMF_CODE_4M.fd"): (128, 124, 68),
    ("ovmf", "usr/share/OVMF/OVMF_CODE.fd"): (131, 127, 71),
    ("ovmf", "usr/share/ovmf/OVMF.fd"): (131, 127, 71),
    ("qemu-efi-arm", "usr/share/AAVMF/AAVMF32_CODE.fd"): (104, 103, 56),
    ("qemu-efi-aarch64", "usr/share/AAVMF/AAVMF_CODE.fd"): (107, 106, 58),
}
"""Files without those that are padding; programs (PE32 and TE); sections that say in which order they start."""


def leaves(view: View, found: Counter[str]) -> int:
    reading = FORMAT.read(view, Context(Budget()))
    assert reading is not None
    for entry, content in reading.tree.entries(Budget()) if reading.tree else ():
        found[re.sub(r".*\.|-?depex$", "", entry.path) or "depex"] += 1
        assert entry.problem == ""
        if entry.seen is Seen.LAYER:
            leaves(content, found)
    return reading.size


@pytest.mark.parametrize("which", COUNTED, ids=lambda which: which[1].rpartition("/")[2])
def test_every_file(which: tuple[str, str], real: Real, packages: dict[str, Package]) -> None:
    data = real(*which).read_bytes()
    found = examined(data)
    volumes = [layer for layer in found.all(ImageLayer) if layer.format == FORMAT.name]
    assert len(volumes) >= 2
    # What stands before the first volume of Arm is code that jumps into it.
    assert [
        line for line in found.survey.unread if "4096 bytes of no known format" not in line
    ] == []
    if packages[which[0]].version != VERSION:
        pytest.skip(f"counted in {VERSION} only")
    rows = [dict(layer.details).get("files", "") for layer in volumes]
    counts = [re.fullmatch(r"(\d+), (\d+) of them padding", row) for row in rows if row]
    files = sum(int(c[1]) - int(c[2]) for c in counts if c)
    endings, view, at = Counter[str](), View(data), 0
    while (at := view.find(b"_FVH", at)) >= 0:
        at += leaves(view.part(at - 40), endings) - 40
    programs = endings["efi"] + endings["te"]
    order = sum(endings[kind] for kind in ("dxe", "pei", "mm"))
    assert (files, programs, order) == COUNTED[which]
