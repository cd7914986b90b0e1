"""What stands damaged inside unknown bytes is told by its name, hides nothing behind it, and chance finds nothing.

More of chance: ``python tests/benchmarks/bench_false_hits.py 1024`` searches a GiB of noise and of compressed bytes.
"""

import gzip
import lzma
import random
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from firmware_checks.budget import Budget
from firmware_checks.formats import found
from firmware_checks.reading import Context
from firmware_checks.recognise import recognise
from firmware_checks.view import View
from probe.model.firmware import ImageLayer
from tests.firmware_checks.filesystems.test_mutated import _made, sample

Call = Callable[..., Any]
TRIES = 60
BEFORE = random.Random(1).randbytes(70_000)
TEXT = b"".join(b"%d, " % number for number in range(60_000))


@cache
def erofs() -> bytes:
    return _made("mkfs.erofs", "out", "in")


@cache
def ubifs() -> bytes:
    return _made("mkfs.ubifs", "-r", "in", "-o", "out", "-m", "512", "-e", "15872", "-c", "100")


def spoiled(data: bytes, *places: int) -> bytes:
    """The bytes at the places turned."""
    out = bytearray(data)
    for place in places:
        out[place] ^= 0xFF
    return bytes(out)


DAMAGED: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "squashfs, its root": (
        "squashfs",
        lambda: spoiled(sample("squashfs, metadata as it is"), 32, 33, 34),
        "root folder cannot be read",
    ),
    "squashfs, its tables": (
        "squashfs",
        lambda: spoiled(sample("squashfs, xz"), 68, 69, 70),
        "superblock is damaged",
    ),
    "squashfs, cut": ("squashfs", lambda: sample("squashfs, zstd")[:-300], "cut short"),
    "EROFS, its checksum": ("EROFS", lambda: spoiled(erofs(), 1024 + 20), "checksum does not hold"),
    "UBIFS, its superblock": ("UBIFS", lambda: spoiled(ubifs(), 40), "superblock is damaged"),
    "UBIFS, cut": ("UBIFS", lambda: ubifs()[:40_000], "cut short"),
    "cramfs": ("cramfs", lambda: spoiled(sample("cramfs"), -40), "checksum"),
    "romfs": ("romfs", lambda: sample("romfs")[:-2000], "cut short"),
    "ext4": ("ext4", lambda: sample("ext4")[:300_000], "cut short"),
    "gzip": ("gzip", lambda: gzip.compress(TEXT)[:-4000], "cut short"),
    "xz": ("xz", lambda: spoiled(lzma.compress(TEXT, preset=0), -3000), "damaged"),
}


@pytest.mark.parametrize("which", DAMAGED)
def test_it_is_told_by_its_name(which: str, examined: Call) -> None:
    name, make, why = DAMAGED[which]
    image = examined(BEFORE + make())
    (layer,) = [one for one in image.all(ImageLayer) if one.format == name]
    assert (layer.offset, layer.name) == (len(BEFORE), "found inside")
    assert why in layer.problem
    told = [line for line in image.survey.unread if line.startswith(layer.place)]
    assert any(why in line for line in told), image.survey.unread


@pytest.mark.parametrize("which", DAMAGED)
@pytest.mark.parametrize("before", [b"", BEFORE], ids=["at the beginning", "inside"])
def test_what_stands_whole_behind_it_is_found(which: str, before: bytes, examined: Call) -> None:
    """The claim of a damaged layer may go to the end of the image."""
    name, make, _ = DAMAGED[which]
    image = examined(
        before + make() + b"\xff" * 4096 + sample("cpio") * 3 + sample("squashfs, lzo")
    )
    formats = Counter(image.formats().values())
    assert formats[name] == (2 if name == "squashfs" else 1), formats
    assert formats["squashfs"] >= 1
    assert image.survey.files >= 20


def test_a_whole_one_is_found_too(examined: Call) -> None:
    for name, data in (("ext4", sample("ext4")), ("ext2", sample("ext2")), ("UBIFS", ubifs())):
        image = examined(BEFORE + data + BEFORE)
        assert name in image.formats().values()
        assert image.survey.files > 10


def test_many_archives_beside_each_other_are_no_depth(examined: Call) -> None:
    image = examined(sample("cpio") * 30)
    assert Counter(image.formats().values()) == {"cpio archive": 30}
    assert image.survey.unread == ()


def test_a_magic_before_noise_is_no_layer() -> None:
    """A magic of four bytes stands in 4 GiB of noise once: what follows it has to show what it is."""
    chance = random.Random(4)
    noise = chance.randbytes(1 << 20)
    hits, tries = Counter[str](), 0
    for one in found():
        for magic, offset in one.anchors if one.searched else ():
            for _ in range(max(4, TRIES // len(one.anchors))):
                at = chance.randrange(len(noise) - 66_000)
                data = bytearray(noise[at : at + chance.choice((5_000, 20_000, 66_000))])
                data[offset : offset + len(magic)] = magic
                reading = recognise(View(bytes(data)), Context(Budget()), searched=True)
                tries += 1
                if reading is not None and not reading.doubtful:
                    hits[reading.format] += 1
    assert tries > 1500
    assert not {name: number for name, number in hits.items() if number > 2}


def test_noise_and_compressed_bytes_hold_nothing(examined: Call) -> None:
    for data in (
        random.Random(5).randbytes(24 << 20),
        lzma.compress(random.Random(6).randbytes(2 << 20) + TEXT)[100:],
        gzip.compress(TEXT * 20)[100:],
    ):
        assert list(examined(data).formats().values()) == ["unknown"]
