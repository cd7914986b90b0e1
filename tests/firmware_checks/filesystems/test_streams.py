"""Compressed streams made by their own tools: read whole, their end exact, cut short said, bombs refused."""

import bz2
import gzip
import lzma
import os
import random
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.budget import Budget, Limits, OutOfBudget
from firmware_checks.reading import Context, Reading
from firmware_checks.recognise import recognise
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

Call = Callable[..., Any]
BODY = b"".join(b"%d, " % n for n in range(400_000)) + random.Random(1).randbytes(100_000)
TOOLS: dict[str, tuple[str, ...]] = {
    "gzip": ("gzip", "-k", "body"),
    "xz": ("xz", "-k", "-C", "sha256", "body"),
    "xz with a filter": ("xz", "-k", "--arm", "--lzma2=preset=3", "body"),
    "xz of many blocks": ("xz", "-k", "--block-size=65536", "body"),
    "LZMA": ("xz", "-k", "--format=lzma", "body"),
    "bzip2": ("bzip2", "-k", "body"),
    "zstd": ("zstd", "-q", "-k", "--check", "body"),
    "zstd, long": ("zstd", "-q", "-k", "-19", "--no-check", "body"),
    "LZ4": ("lz4", "-q", "-k", "body", "body.lz4"),
    "LZ4, linked blocks": ("lz4", "-q", "-k", "-BD", "-B4", "--content-size", "body", "body.lz4"),
    "LZ4, legacy frame": ("lz4", "-q", "-k", "-l", "body", "body.lz4"),
    "lzop": ("lzop", "-q", "-k", "body"),
    "lzop with crc": ("lzop", "-q", "-k", "--crc32", "-9", "body"),
}


@pytest.fixture
def packed(run: Call, tmp_path: Path) -> Callable[..., bytes]:
    def pack(kind: str, body: bytes = BODY) -> bytes:
        (tmp_path / "body").write_bytes(body)
        before = set(tmp_path.iterdir())
        run(*TOOLS[kind])
        (made,) = set(tmp_path.iterdir()) - before
        data = made.read_bytes()
        made.unlink()
        return data

    return pack


def content(found: Reading, limits: Limits | None = None) -> bytes:
    (part,) = found.parts
    if part.view is not None:
        return part.view.read()
    assert part.make is not None
    return part.make(Budget(limits)).read()


@pytest.mark.parametrize("kind", TOOLS)
def test_read_whole_and_its_end_is_exact(kind: str, packed: Call, reading_of: Call) -> None:
    data = packed(kind)
    for trailing in (b"", b"\xa5" * 3000, bytes(4096)):
        found = reading_of(data + trailing)
        assert (found.kind, found.problem) == (LayerKind.COMPRESSION, "")
        assert kind.startswith(found.format)
        assert found.size == len(data)
        assert content(found) == BODY


@pytest.mark.parametrize("kind", ["gzip", "xz", "bzip2", "zstd", "LZ4"])
def test_members_that_follow_belong_to_it(kind: str, packed: Call, reading_of: Call) -> None:
    data = packed(kind, b"first, ") + packed(kind, b"second")
    found = reading_of(data + b"\xa5" * 100)
    assert (content(found), found.size) == (b"first, second", len(data))


@pytest.mark.parametrize("kind", TOOLS)
def test_cut_short_is_never_taken_for_whole(kind: str, packed: Call, examined: Call) -> None:
    found = examined(packed(kind)[:-300])
    assert any("cut short" in line or "of entropy" in line for line in found.survey.unread)


def test_a_kernel_behind_a_header_nobody_knows_is_found(packed: Call, examined: Call) -> None:
    for kind in ("gzip", "xz", "LZMA", "bzip2", "zstd", "LZ4", "lzop"):
        found = examined(b"VENDOR\0\1" * 8 + packed(kind) + b"checksum" * 20)
        assert kind in found.formats().values(), kind


BOMBS = {
    "gzip": gzip.compress(bytes(300 << 20), 9),
    "xz": lzma.compress(bytes(200 << 20), preset=0),
    "bzip2": bz2.compress(bytes(100 << 20)),
}


@pytest.mark.parametrize("kind", [*BOMBS, "zstd", "LZ4", "lzop"])
def test_a_bomb_ends_at_the_budget(kind: str, packed: Call, examined: Call) -> None:
    bomb = BOMBS[kind] if kind in BOMBS else packed(kind, bytes(200 << 20))
    begun = time.monotonic()
    found = examined(bomb, limits=Limits(one_layer=64 << 20))
    assert time.monotonic() - begun < 5
    assert any("more than is read of one stream" in line for line in found.survey.unread)


def test_bombs_inside_each_other_and_a_quine_of_bytes(examined: Call) -> None:
    data = os.urandom(100)
    for _ in range(40):
        data = gzip.compress(data, 1)
    found = examined(data)
    assert any("inside each other" in line for line in found.survey.unread)
    assert found.survey.layers <= 14


def test_an_xz_that_asks_for_much_memory_is_refused(examined: Call) -> None:
    data = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}])
    found = examined(data)
    assert "xz" not in found.formats().values() or found.survey.unread


def test_a_damaged_stream_keeps_what_came_before(packed: Call, reading_of: Call) -> None:
    for kind in ("gzip", "xz of many blocks", "bzip2"):
        data = bytearray(packed(kind))
        # Every bit turned: zeros may be what stands there, and change nothing.
        at = len(data) // 2
        data[at : at + 50] = bytes(byte ^ 0xFF for byte in data[at : at + 50])
        found = reading_of(bytes(data))
        assert "damaged" in found.problem
        kept = content(found)
        assert len(kept) > 300_000
        assert kept[:300_000] == BODY[:300_000]


@pytest.mark.parametrize("kind", ["gzip", "xz", "bzip2", "LZ4"])
def test_no_damaged_bit_is_taken_for_whole(kind: str, packed: Call) -> None:
    """One bit, at two hundred places from the first to the last byte: read as it was (bits that nothing is
    made of, like a gzip's time), told as damaged, or no such stream."""
    body = BODY[:30_000] + BODY[-5_000:]
    whole = packed(kind, body)
    harmless = 0
    for place in range(200):
        data = bytearray(whole)
        at = place * (len(data) - 1) // 199
        data[at] ^= 1 << place % 8
        found = recognise(View(bytes(data)), Context(Budget()))
        if found is None or found.format != kind or found.problem or found.size < len(data):
            continue
        assert content(found) == body, at
        harmless += 1
    assert harmless <= 8


def test_a_wrong_checksum_is_damage(packed: Call, reading_of: Call) -> None:
    data = bytearray(packed("lzop"))
    data[-2000] ^= 1
    with pytest.raises(Malformed):
        content(reading_of(bytes(data)))
    broken = gzip.compress(BODY)
    assert "damaged" in reading_of(broken[:-8] + bytes(8)).problem


def test_text_and_noise_are_no_streams(reading_of: Call) -> None:
    for noise in (
        b"\x1f\x8b\x08" + b"A" * 300,
        b"]\0\0\x80\0" + b"A" * 300,
        b"BZh91AY&SY" + b"A" * 90,
    ):
        with pytest.raises(AssertionError):
            reading_of(noise)


def test_what_a_part_makes_is_counted(packed: Call, reading_of: Call) -> None:
    found = reading_of(packed("zstd"))
    with pytest.raises(OutOfBudget):
        content(found, Limits(all_bytes=1 << 20))
    assert zlib.crc32(content(found)) == zlib.crc32(BODY)
