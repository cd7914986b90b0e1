"""ext2 to ext4, FAT, cramfs and romfs made by their own tools."""

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.reading import Kind

Call = Callable[..., Any]
OLD = "^extents,^64bit,^metadata_csum,^flex_bg,^huge_file,^extra_isize,^dir_nlink"
EXT = {
    "ext4": [],
    "ext4, small blocks": ["-b", "1024"],
    "ext4, inline data": ["-O", "inline_data", "-I", "256"],
    "ext3": ["-O", OLD],
    "ext2": ["-O", f"{OLD},^has_journal", "-b", "1024"],
    "ext2, kinds only in inodes": ["-O", f"{OLD},^has_journal,^filetype", "-b", "1024"],
}


@pytest.fixture
def ext(run: Call, planted: Path, tmp_path: Path) -> Callable[..., bytes]:
    def image(*options: str, of: Path | None = None) -> bytes:
        out = tmp_path / "out.ext"
        with out.open("wb") as file:
            file.truncate(16 << 20)
        named = ["-L", "volume", "-N", "2000"]
        run("mkfs.ext4", "-q", "-F", "-d", of or planted, *named, *options, out)
        return out.read_bytes()

    return image


@pytest.mark.parametrize("kind", EXT)
def test_ext(kind: str, ext: Call, planted: Path, reading_of: Call, same: Call) -> None:
    data = ext(*EXT[kind])
    found = reading_of(data + b"\xa5" * 9000)
    assert (found.format, found.title, found.problem) == (kind.split(",")[0], "volume", "")
    assert found.size == len(data)
    same(found, planted)


def test_ext_cut_short_and_not_unmounted(ext: Call, examined: Call) -> None:
    data = ext()
    found = examined(data[: len(data) // 2])
    assert "cut short" in found.survey.unread[0]
    assert found.survey.files > 100
    dirty = bytearray(data)
    dirty[1024 + 0x60] |= 4
    assert "journal holds is not read" in examined(bytes(dirty)).survey.unread[0]


def test_ext_a_folder_inside_itself(
    ext: Call, tmp_path: Path, reading_of: Call, listed: Call
) -> None:
    (tmp_path / "loop" / "aaaa" / "bbbb").mkdir(parents=True)
    data = bytearray(ext(of=tmp_path / "loop"))
    inner = data.index(struct.pack("<BB", 4, 2) + b"bbbb") - 6
    outer = data.index(struct.pack("<BB", 4, 2) + b"aaaa") - 6
    data[inner : inner + 4] = data[outer : outer + 4]
    found = listed(reading_of(bytes(data)))
    assert "inside itself" in found["aaaa/bbbb"][0].problem


@pytest.mark.parametrize(("bits", "size"), [(12, 4), (16, 40), (32, 40)])
def test_fat(
    bits: int, size: int, run: Call, planted: Path, tmp_path: Path, reading_of: Call, same: Call
) -> None:
    out = tmp_path / "out.fat"
    with out.open("wb") as file:
        file.truncate(size << 20)
    (planted / "etc" / "SHORT.TXT").write_bytes(b"eight and three")
    run("mkfs.vfat", "-F", str(bits), "-s", "1" if bits == 32 else "4", "-n", "VOLUME", out)
    for path in planted.rglob("*"):  # FAT has no links
        if path.is_symlink():
            path.unlink()
    run("mcopy", "-s", "-Q", "-m", "-i", out, *sorted(planted.iterdir()), "::/")
    data = out.read_bytes()
    found = reading_of(data)
    assert (found.format, found.title, found.problem) == (f"FAT{bits}", "VOLUME", "")
    for path in planted.rglob("*"):
        if path.is_file() and path.stat().st_nlink > 1:
            body = path.read_bytes()
            path.unlink()
            path.write_bytes(body)
    same(found, planted, modes=False, owners=False)


@pytest.mark.parametrize("order", ["little", "big"])
def test_cramfs(
    order: str,
    run: Call,
    planted: Path,
    tmp_path: Path,
    reading_of: Call,
    same: Call,
    examined: Call,
) -> None:
    if os.geteuid() == 0:
        os.chown(planted / "etc" / "passwd", 1000, 100)  # it holds 8 bits of a group
    run("mkfs.cramfs", "-n", "volume", "-N", order, planted, tmp_path / "out.cramfs")
    data = (tmp_path / "out.cramfs").read_bytes()
    found = reading_of(data + b"\xa5" * 100)
    assert (found.format, found.title, found.problem) == ("cramfs", "volume", "")
    assert found.size == len(data)
    same(found, planted)
    changed = bytearray(data)
    changed[-100] ^= 1
    assert "checksum" in examined(bytes(changed)).survey.unread[0]
    assert "cut short" in examined(data[: len(data) // 2]).survey.unread[0]


def test_romfs(
    run: Call, planted: Path, tmp_path: Path, reading_of: Call, same: Call, listed: Call
) -> None:
    (planted / "usr" / "bin" / "zweiter").unlink()
    run("genromfs", "-d", planted, "-f", tmp_path / "out.romfs", "-V", "volume")
    data = (tmp_path / "out.romfs").read_bytes()
    found = reading_of(data)
    assert (found.format, found.title, found.problem) == ("romfs", "volume", "")
    same(found, planted, modes=False, owners=False)
    assert listed(found)["usr/bin/setuid"][0].mode == 0o555
    # A list of names that goes round: the header of the volume's first file names itself.
    first = 16 + 16
    looped = bytearray(data)
    looped[first : first + 4] = struct.pack(">I", first | 1)
    again = reading_of(bytes(looped))
    assert "checksum" in again.problem
    assert all(entry.kind is Kind.DIRECTORY for entry, _ in listed(again).values())


def test_ext_an_extent_tree_that_names_itself_ends(
    ext: Call, tmp_path: Path, reading_of: Call, listed: Call
) -> None:
    """Every node of five levels names the next one 84 times: 4 * 10^9 in all, and not one block of the file."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "bomb").write_bytes(os.urandom(5000))
    (tmp_path / "one" / "plain").write_bytes(b"plain")
    data = bytearray(ext("-b", "1024", "-O", "^metadata_csum,^has_journal", of=tmp_path / "one"))
    root = struct.pack("<HHHH", 0xF30A, 1, 4, 0)  # of the inode of "bomb": one run of five blocks
    at = data.index(root + bytes(4) + struct.pack("<IHH", 0, 5, 0))
    block = struct.unpack_from("<I", data, at + 20)[0]
    row = struct.pack("<IIHH", 0, block, 0, 0)
    data[at : at + 24] = struct.pack("<HHHHI", 0xF30A, 1, 4, 5, 0) + row
    for depth in (4, 3, 2, 1, 0):
        here = (block + 4 - depth) * 1024
        row = struct.pack("<IIHH", 1 << 20, block + 5 - depth, 0, 0)
        data[here : here + 1020] = struct.pack("<HHHHI", 0xF30A, 84, 84, depth, 0) + row * 84
    begun = time.process_time()
    found = listed(reading_of(bytes(data)))
    assert time.process_time() - begun < 1
    assert "extents are damaged" in found["bomb"][0].problem
    assert found["plain"][1] == b"plain"
