"""EROFS made by mkfs.erofs: plain, chunked, LZ4 with every index; then damaged and lying ones."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.filesystems.erofs import crc32c
from firmware_checks.filesystems.erofs_clusters import decompressed, unlz4_partly
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind
from tests.firmware_checks.filesystems.mutation import mutants, survives

Call = Callable[..., Any]
WAYS = [
    [],
    ["-Enoinline_data"],
    ["-Eforce-inode-extended", "--chunksize=4096"],
    ["--chunksize=16384", "-Eforce-chunk-indexes"],
    ["-zlz4"],
    ["-zlz4hc,9"],
    ["-zlz4", "-Elegacy-compress"],
    ["-zlz4", "-Eztailpacking"],
    ["-zlz4hc", "-C65536"],
    ["-zlz4hc", "-C65536", "-Eztailpacking"],
]


@pytest.fixture
def make(run: Call, planted: Path, tmp_path: Path) -> Callable[..., bytes]:
    def image(*options: str, of: Path | None = None) -> bytes:
        out = tmp_path / "out.erofs"
        run("mkfs.erofs", "-d1", *options, out, of or planted)
        return out.read_bytes()

    return image


@pytest.mark.parametrize("options", WAYS, ids=lambda options: " ".join(options) or "plain")
def test_every_way_of_packing(
    options: list[str], make: Call, reading_of: Call, same: Call, planted: Path
) -> None:
    data = make(*options)
    found = reading_of(data)
    assert (found.format, found.kind, found.problem) == ("EROFS", LayerKind.FILE_SYSTEM, "")
    assert dict(found.details)["checksum"].endswith("holds")
    assert found.size == len(data)
    same(found, planted)


def test_cut_short_and_damaged_are_said(make: Call, examined: Call) -> None:
    data = make()
    assert "cut short" in examined(data[: len(data) // 2]).survey.unread[0]
    spoiled = bytearray(data)
    spoiled[1024 + 20] ^= 1
    found = examined(bytes(spoiled))
    assert found.formats()["0"] == "EROFS"
    assert any("checksum does not hold" in line for line in found.survey.unread)


def test_a_damaged_cluster_is_a_problem_of_its_file_alone(
    make: Call, reading_of: Call, listed: Call, planted: Path
) -> None:
    data = bytearray(make("-zlz4"))
    data[-2 * 4096 :] = b"\xff" * (2 * 4096)
    found = listed(reading_of(bytes(data)))
    broken = [path for path, (entry, _) in found.items() if entry.problem]
    assert 1 <= len(broken) <= 2
    assert found["etc/passwd"][1] == (planted / "etc" / "passwd").read_bytes()


def test_lzma_deflate_and_zstd_clusters() -> None:
    """Debian's mkfs.erofs makes LZ4 only: these clusters are made by hand."""
    import lzma
    import zlib

    import zstandard

    text = b"some words and some words again " * 100
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    squeezed = raw.compress(text) + raw.flush()
    alone = lzma.compress(text, lzma.FORMAT_ALONE)
    micro = bytes([alone[0] ^ 0xFF]) + alone[14:]
    made = {1: micro, 2: squeezed, 3: zstandard.compress(text)}
    for algorithm, data in made.items():
        cluster = View(data.rjust(4096, b"\0"))
        assert decompressed(cluster, algorithm, len(text), padded=True) == text
    with pytest.raises(Malformed):
        decompressed(View(bytes(4096)), 1, 100, padded=True)


def test_lz4_with_other_bytes_behind_it() -> None:
    import lz4.block  # type: ignore[import-untyped]

    text = b"ab" * 5000 + bytes(range(256)) + b"z" * 700
    packed = lz4.block.compress(text, store_size=False)
    assert unlz4_partly(packed + b"\0" * 500, len(text)) == text
    assert unlz4_partly(packed, 100) == text[:100]
    for bad in (b"", packed[:10], b"\x1f\x01\xff\xff" + packed):
        with pytest.raises(Malformed):
            unlz4_partly(bad, len(text))


def refit(data: bytearray) -> None:
    """The checksum of the superblock made anew."""
    covered = bytearray(data[1024:4096])
    covered[4:8] = bytes(4)
    struct.pack_into("<I", data, 1028, crc32c(covered))


@pytest.mark.parametrize("options", WAYS[2:], ids=" ".join)
def test_mutants(options: list[str], make: Call, tmp_path: Path) -> None:
    (tmp_path / "some" / "deep").mkdir(parents=True)
    for number in range(12):
        text = b"".join(b"line %d\n" % line for line in range(400 * number))
        (tmp_path / "some" / "deep" / f"file{number}").write_bytes(text)
    (tmp_path / "some" / "link").symlink_to("deep")
    data = make(*options, of=tmp_path / "some")
    full, entries = survives(data), 0
    for one in mutants(data, 150, 4, 1024, 1152):
        refit(one)
        entries += survives(one)
    for one in mutants(data, 250, 5, 1152):
        refit(one)
        entries += survives(one)
    assert entries > 100 * full
