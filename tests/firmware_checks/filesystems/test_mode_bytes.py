"""The record that is shown for a file's mode stands where it is said to stand, and says that mode."""

import lzma
import re
import struct
import subprocess
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.budget import Budget
from firmware_checks.reading import Kind, Passage, Reading
from probe.model.evidence import EvidenceRef
from probe.model.firmware import ImageWeakness
from tests.firmware_checks.filesystems.test_squashfs3 import PACKERS, Writer
from tests.firmware_checks.filesystems.test_squashfs_old import OldWriter
from tests.firmware_checks.filesystems.test_whole_trees import SQUASH, TOOLS, tree
from tests.firmware_checks.filesystems.yaffs2_writer import Writer as Yaffs

Call = Callable[..., Any]
Decode = Callable[[bytes], int]
PLAIN = ("-noI", "-noId", *SQUASH)
"""The table of inodes is not compressed."""
KINDS = {
    **{name: TOOLS[name] for name in TOOLS if name != "romfs"},
    "squashfs, inodes as they are": ("mksquashfs", "in", "out", *PLAIN),
    "zip": ("zip", "-q", "-r", "-y", "../out", "."),
}
UNPACK = {"gzip": zlib.decompress, "xz": lzma.decompress}
_DECOMPRESSED = re.compile(
    r"inode at 0x([0-9a-f]+) of the decompressed metadata block at 0x([0-9a-f]+)"
)
_PLAIN = re.compile(r"at 0x([0-9a-f]+)(?:, and on in the next block)?$")


def numbers(order: str) -> Decode:
    return lambda data: int.from_bytes(data, "little" if order == "<" else "big")


def decode(kind: str) -> Decode:
    """How the bytes say the mode, by each format's own layout."""
    if kind.startswith("tar"):
        return lambda data: int(data.strip(b"\0 "), 8)
    if kind.startswith("cpio"):
        return lambda data: int(data, 16)
    return numbers(">" if "big endian" in kind else "<")


def stands(data: bytes, found: Passage, unpack: Callable[[bytes], bytes] | None) -> None:
    """The bytes are those of the image, or of the block of it that this decompresses."""
    if there := _DECOMPRESSED.match(found.what):
        offset, block = (int(text, 16) for text in there.groups())
        if unpack is None or "next block" in found.what:
            return
        (head,) = struct.unpack_from("<H", data, block)
        assert not head & 0x8000
        table = unpack(data[block + 2 : block + 2 + (head & 0x7FFF)])
        assert table[offset : offset + len(found.data)] == found.data
        return
    place = _PLAIN.search(found.what)
    assert place, found.what
    if place.group(0).endswith("block"):
        return
    at = int(place.group(1), 16)
    assert data[at : at + len(found.data)] == found.data, found.what


def checked(data: bytes, found: Reading, says: Decode, name: str = "") -> int:
    """How many files and folders were compared."""
    assert found.tree is not None
    number, shown = 0, []
    for entry, _ in found.tree.entries(Budget()):
        if entry.kind in (Kind.FILE, Kind.DIRECTORY):
            assert entry.spot is not None, entry.path
            shown.append((entry, entry.spot.records.passage(entry.spot.at)))
    for entry, passage in shown:
        stands(data, passage, UNPACK.get(name))
        first, last = passage.mode
        assert says(passage.data[first : last + 1]) & 0o7777 == entry.mode, entry.path
        assert len(passage.data) <= 160
        number += 1
    return number


@pytest.mark.parametrize("kind", KINDS)
def test_of_the_tools(kind: str, run: Call, tmp_path: Path, reading_of: Call) -> None:
    (tmp_path / "in").mkdir()
    root = tree(tmp_path / "in", longest=98 if "ustar" in kind else 200)
    if kind == "zip":
        for name in ("pipe", "console", "disk"):  # it takes neither pipes nor devices
            (root / name).unlink(missing_ok=True)
        subprocess.run(KINDS[kind], cwd=root, check=True)
        (tmp_path / "out.zip").rename(tmp_path / "out")
    else:
        run(*KINDS[kind])
    data = (tmp_path / "out").read_bytes()
    assert checked(data, reading_of(data), decode(kind), kind.split()[-1]) > 15


@pytest.mark.parametrize("kind", ["newc", "crc"])
def test_cpio(kind: str, tmp_path: Path, reading_of: Call) -> None:
    (tmp_path / "in").mkdir()
    root = tree(tmp_path / "in")
    names = "\0".join(sorted(str(p.relative_to(root)) for p in root.rglob("*"))).encode()
    command = ["cpio", "-o", "-0", "-H", kind, "--quiet"]
    data = subprocess.run(command, cwd=root, input=names, capture_output=True, check=True).stdout
    assert checked(data, reading_of(data), decode("cpio")) > 15


def test_yaffs2(tmp_path: Path, reading_of: Call) -> None:
    (tmp_path / "in").mkdir()
    root = tree(tmp_path / "in")
    for name in ("pipe", "console", "disk"):
        (root / name).unlink(missing_ok=True)
    writer = Yaffs()
    writer.folder(root)
    data = bytes(writer.out)
    assert checked(data, reading_of(data), decode("YAFFS2")) > 15


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_old_squashfs(version: int, order: str, reading_of: Call) -> None:
    """In 16 bits, the kind in the upper or lower four of them."""
    pack = PACKERS["gzip"]
    writer = Writer(order, pack) if version == 3 else OldWriter(order, pack, version=version)
    data = writer.whole()
    word = numbers(order)
    says: Decode = (lambda raw: word(raw) >> 4) if order == "<" else (lambda raw: word(raw) & 0xFFF)
    assert checked(data, reading_of(data), says) >= 3


def test_romfs_says_executable_only(run: Call, tmp_path: Path, reading_of: Call) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "tool").write_bytes(b"#!/bin/sh\n")
    (tmp_path / "in" / "tool").chmod(0o755)
    run(*TOOLS["romfs"])
    data = (tmp_path / "out").read_bytes()
    ((entry, _),) = [e for e in reading_of(data).tree.entries(Budget()) if e[0].path == "tool"]
    found = entry.spot.records.passage(entry.spot.at)
    stands(data, found, None)
    assert found.data.endswith(b"tool".ljust(16, b"\0"))
    assert entry.mode == 0o555
    assert found.data[3] & 8


@pytest.mark.parametrize("kind", ["squashfs, xz", "ext4", "JFFS2, little endian", "zip"])
def test_a_finding_shows_them(kind: str, run: Call, tmp_path: Path, examined: Call) -> None:
    root = tmp_path / "in"
    (root / "opt").mkdir(parents=True)
    for name, mode in (("opt/helper", 0o4755), ("opt/settings", 0o666), ("opt/good", 0o755)):
        (root / name).write_bytes(b"a file\n")
        (root / name).chmod(mode)
    if kind == "zip":
        subprocess.run(KINDS[kind], cwd=root, check=True)
        (tmp_path / "out.zip").rename(tmp_path / "out")
    else:
        run(*KINDS[kind])
    found = examined((tmp_path / "out").read_bytes())
    told = {o.fact.path: o for o in found.observations if isinstance(o.fact, ImageWeakness)}
    assert set(told) == {"opt/helper", "opt/settings"}
    says = decode(kind)
    for path, mode in (("opt/helper", 0o4755), ("opt/settings", 0o666)):
        (proof,) = told[path].proof
        assert isinstance(proof, EvidenceRef)
        where = re.search(r" of layer 0; bytes (\d+) to (\d+) of it say mode (\d+)$", proof.caption)
        assert where, proof.caption
        first, last, said = where.groups()
        data = found.kept[proof.sha256]
        assert says(data[int(first) : int(last) + 1]) & 0o7777 == mode == int(said, 8)


def test_what_stands_in_an_inode_itself_is_not_shown(
    run: Call, tmp_path: Path, examined: Call
) -> None:
    """ext4 keeps small files in the inode, a password among them."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "note").write_bytes(b"the word is sunshine")
    (tmp_path / "in" / "note").chmod(0o666)
    run("mkfs.ext4", "-q", "-F", "-I", "256", "-O", "inline_data", "-d", "in", "out", "4M")
    data = (tmp_path / "out").read_bytes()
    assert data.count(b"sunshine") == 1
    found = examined(data)
    assert [(w.kind, w.path) for w in found.all(ImageWeakness)] == [("world-writable", "note")]
    assert not any(b"sunshine" in kept for kept in found.kept.values())


def test_of_nearly_all_files_a_few_are_shown(run: Call, tmp_path: Path, examined: Call) -> None:
    (tmp_path / "in").mkdir()
    for number in range(30):
        (tmp_path / "in" / f"{number}").write_bytes(b"x")
        (tmp_path / "in" / f"{number}").chmod(0o666)
    run("mksquashfs", "in", "out", *SQUASH)
    found = examined((tmp_path / "out").read_bytes())
    (told,) = [o for o in found.observations if isinstance(o.fact, ImageWeakness)]
    assert "30 of 30" in told.fact.what
    assert len(told.proof) == 3


def test_many_rows_of_a_zip_are_found_once(run: Call, tmp_path: Path, reading_of: Call) -> None:
    """The places of the rows are looked up once, not for each file."""
    import zipfile

    with zipfile.ZipFile(tmp_path / "out", "w") as archive:
        for number in range(20_000):
            info = zipfile.ZipInfo(f"{number}")
            info.create_system, info.external_attr = 3, 0o104755 << 16
            archive.writestr(info, b"")
    data = (tmp_path / "out").read_bytes()
    found, begin = reading_of(data), time.process_time()
    assert checked(data, found, decode("zip")) == 20_000
    assert time.process_time() - begin < 5
