"""Files of a tree that were compressed alone: files when nothing but a file is in them, layers when more is."""

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable
from typing import Any

import pytest

from firmware_checks.budget import MIB, Limits
from probe.model.firmware import ImageLayer, ImageSecret, LayerKind
from tests.firmware_checks.content.planted import archive, github

Examine = Callable[..., Any]
PAGE = b".TH PAGE 1\n" + b"What the program does, line by line.\n" * 60


def zstd(data: bytes) -> bytes:
    import zstandard

    return bytes(zstandard.compress(data))


WAYS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstd,
}


def test_a_system_with_thousands_of_manual_pages_is_read_whole(examined: Examine) -> None:
    files: dict[str, Any] = {f"usr/lib/a/{n}.so": b"\x7fELF" + bytes(64) for n in range(3_600)}
    files |= {f"usr/share/man/man1/p{n}.1.gz": gzip.compress(PAGE, 1) for n in range(5_000)}
    done = examined(archive(files))
    assert done.survey.files == 8_600
    assert done.survey.layers == 1
    assert done.survey.unread == ()
    assert [layer.kind for layer in done.all(ImageLayer)] == [LayerKind.ARCHIVE]


@pytest.mark.parametrize("suffix", WAYS)
def test_what_is_in_one_is_looked_at(suffix: str, examined: Examine) -> None:
    text = b"# settings\n" * 10 + f"GITHUB={github()}\n".encode()
    done = examined(archive({f"opt/app/deploy.env{suffix}": WAYS[suffix](text)}))
    one = done.all(ImageSecret)[-1]  # short text stands in zstd as it is
    assert (one.place, one.path, one.line) == ("0", "opt/app/deploy.env", 11)
    assert len(done.all(ImageLayer)) == 1
    good = examined(archive({f"opt/app/deploy.env{suffix}": WAYS[suffix](b"# settings\n" * 10)}))
    assert not good.all(ImageSecret)
    assert not good.survey.unread


@pytest.mark.parametrize("suffix", WAYS)
def test_an_archive_in_one_is_a_layer(suffix: str, examined: Examine) -> None:
    inner = archive({"opt/app/deploy.env": f"GITHUB={github()}\n".encode()})
    done = examined(archive({f"rootfs{suffix}": WAYS[suffix](inner)}))
    one = done.all(ImageSecret)[-1]  # short text stands in zstd as it is
    assert one.place == "0/0/0"
    assert done.survey.layers == 3


def test_an_archive_behind_other_bytes_in_one_is_found(examined: Examine) -> None:
    inner = archive({"opt/app/deploy.env": f"GITHUB={github()}\n".encode()})
    squashed = gzip.compress(bytes(range(1, 200)) * 5 + gzip.compress(inner))
    done = examined(archive({"part.gz": squashed}))
    assert len(done.all(ImageSecret)) == 1


def test_a_kernel_module_is_a_file(examined: Examine) -> None:
    module = struct.pack("<16sHH", b"\x7fELF\2\1\1", 1, 62) + bytes(300)
    done = examined(archive({"lib/modules/6.1.0/a.ko.xz": lzma.compress(module)}))
    assert done.survey.layers == 1
    assert not done.survey.unread


def test_noise_in_one_is_told(examined: Examine) -> None:
    import random

    data = gzip.compress(random.Random(1).randbytes(20_000))
    done = examined(archive({"update/app.gz": data}))
    assert any("encrypted or compressed" in said for said in done.survey.unread)


def test_one_that_is_damaged_is_told(examined: Examine) -> None:
    done = examined(archive({"etc/a.txt.gz": gzip.compress(PAGE * 20)[:-30]}))
    assert any("cut short" in said for said in done.survey.unread)


def test_too_much_in_them_is_told(examined: Examine) -> None:
    files: dict[str, Any] = {f"a{n}.txt.gz": gzip.compress(b"a line\n" * 40_000) for n in range(9)}
    done = examined(archive(files), limits=Limits(in_compressed_files=MIB))
    assert sum("too much was in the compressed files" in said for said in done.survey.unread) == 5
