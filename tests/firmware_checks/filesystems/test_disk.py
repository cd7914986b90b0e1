"""Disk images that parted makes, with file systems in their partitions; then lying tables."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.model.firmware import LayerKind

Call = Callable[..., Any]
MIB = 1 << 20


@pytest.fixture
def disk(run: Call, planted: Path, tmp_path: Path) -> Callable[..., bytes]:
    """A disk of 40 MiB: boot files as FAT at 1 MiB, a root file system as ext4 at 8 MiB."""

    def image(label: str, *partitions: str) -> bytes:
        for name, size in (("boot", 4), ("root", 16), ("out.img", 40)):
            with (tmp_path / name).open("wb") as file:
                file.truncate(size << 20)
        run("mkfs.vfat", "-F", "12", "boot")
        run("mcopy", "-i", "boot", planted / "etc" / "passwd", "::/")
        run("mkfs.ext4", "-q", "-F", "-d", planted, "root")
        run("parted", "-s", "out.img", "mklabel", label, *partitions)
        data = bytearray((tmp_path / "out.img").read_bytes())
        data[1 * MIB : 5 * MIB] = (tmp_path / "boot").read_bytes()
        data[8 * MIB : 24 * MIB] = (tmp_path / "root").read_bytes()
        return bytes(data)

    return image


PLAIN = ["mkpart", "primary", "1MiB", "5MiB", "mkpart", "primary", "8MiB", "24MiB"]
LOGICAL = ["mkpart", "primary", "1MiB", "5MiB", "mkpart", "extended", "7MiB", "100%"]
LOGICAL += ["mkpart", "logical", "8MiB", "24MiB"]


@pytest.mark.parametrize(
    ("label", "partitions"),
    [("msdos", PLAIN), ("msdos", LOGICAL), ("gpt", PLAIN)],
    ids=["MBR", "MBR with logical partitions", "GPT"],
)
def test_partitions(label: str, partitions: list[str], disk: Call, examined: Call) -> None:
    found = examined(disk(label, *partitions))
    name = "GPT disk" if label == "gpt" else "MBR disk"
    assert found.formats() == {"0": name, "0/0": "FAT12", "0/1": "ext4"}
    assert found.survey.unread == ()
    assert found.survey.files > 300


def test_cut_short_and_overlapping(disk: Call, examined: Call, reading_of: Call) -> None:
    data = disk("msdos", *PLAIN)
    found = examined(data[: 12 * MIB])
    assert "cut short" in found.survey.unread[0]
    lying = bytearray(data)
    lying[446 + 16 + 8 : 446 + 16 + 12] = struct.pack("<I", 2048)  # the second where the first is
    again = reading_of(bytes(lying))
    assert "another partition" in again.problem
    assert (again.kind, len(again.parts)) == (LayerKind.FLASH, 1)


def test_a_chain_of_partitions_that_goes_round_ends(disk: Call, reading_of: Call) -> None:
    data = bytearray(disk("msdos", *LOGICAL))
    link = 7 * MIB + 446 + 16
    data[link : link + 16] = struct.pack("<B3xB3xII", 0, 5, 0, 2048)
    assert len(reading_of(bytes(data)).parts) == 2


def test_a_boot_sector_of_something_else_is_no_disk(reading_of: Call) -> None:
    for filling in (b"\xff", b"A", b"\0"):
        with pytest.raises(AssertionError):
            reading_of(filling * 510 + b"\x55\xaa" + filling * 4096)
