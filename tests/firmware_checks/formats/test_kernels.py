"""Kernels with own headers around real packed bytes; real ones are tried by hand."""

import gzip
import lzma
import os
import struct
from collections.abc import Callable
from typing import Any

import pytest

from probe.model.firmware import ImageLayer

Examine = Callable[..., Any]
BANNER = b"Linux version 6.1.55-maker (build@host) (gcc 12.2.0) #1 SMP\n\0"


def vmlinux() -> bytes:
    return os.urandom(30_000) + bytes(range(256)) * 6000 + BANNER + bytes(range(256)) * 400


PACKERS = [gzip.compress, lzma.compress, lambda d: lzma.compress(d, format=lzma.FORMAT_ALONE)]


@pytest.mark.parametrize("pack", PACKERS, ids=["gzip", "xz", "lzma"])
def test_a_zimage_says_its_version(pack: Callable[[bytes], bytes], examined: Examine) -> None:
    packed = pack(vmlinux())
    size = 256 + len(packed)
    head = bytes(36) + struct.pack("<III", 0x016F2818, 0, size)
    image = head.ljust(256, b"\x01") + packed
    found = examined(image + b"\xff" * 5000)
    layer = found.all(ImageLayer)[0]
    assert (layer.format, layer.version, layer.size) == (
        "Linux kernel, ARM zImage",
        "6.1.55-maker",
        size,
    )
    assert found.survey.files == 1
    assert "cut short" in examined(image[: size // 2]).survey.unread[0]


def test_an_image_for_arm64_says_its_version_and_is_not_its_own_part(examined: Examine) -> None:
    body = vmlinux()
    head = struct.pack("<IIQQQ24x4sI", 0, 0, 0x80000, len(body) + 64, 0xA, b"ARM\x64", 0)
    found = examined(head + body)
    assert found.formats() == {"0": "Linux kernel, ARM 64 Image"}
    assert found.all(ImageLayer)[0].version == "6.1.55-maker"


def test_a_bzimage_says_its_version(examined: Examine) -> None:
    packed = gzip.compress(vmlinux())
    head = bytearray(1024)
    head[0x1F1], head[0x1FE:0x200] = 1, b"\x55\xaa"
    head[0x202:0x206], head[0x206:0x208] = b"HdrS", b"\x0f\x02"
    struct.pack_into("<I", head, 0x1F4, -(-len(packed) // 16))
    struct.pack_into("<H", head, 0x20E, 0x100)
    head[0x300:0x310] = b"6.1.55-maker (b@"
    found = examined(bytes(head) + packed + bytes(-len(packed) % 16))
    assert found.all(ImageLayer)[0].version == "6.1.55-maker"
