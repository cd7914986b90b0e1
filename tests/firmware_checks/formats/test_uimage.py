"""Legacy uImages by mkimage; TRX by an own writer from the header's description."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.model.firmware import ImageLayer, Signing

Examine = Callable[..., Any]


@pytest.fixture
def uimage(tool: Callable[..., Any], tmp_path: Path) -> Callable[..., bytes]:
    def make(kind: str, *bodies: bytes) -> bytes:
        for number, body in enumerate(bodies):
            (tmp_path / f"{number}").write_bytes(body)
        data = ":".join(str(n) for n in range(len(bodies)))
        common = ["-A", "arm", "-O", "linux", "-C", "none", "-n", "Linux-6.1"]
        tool("mkimage", *common, "-T", kind, "-d", data, "out")
        return (tmp_path / "out").read_bytes()

    return make


def test_a_kernel(uimage: Any, examined: Examine) -> None:
    image = uimage("kernel", os.urandom(9000))
    found = examined(image)
    one = found.protection()
    assert (one.signing, one.can_be_signed) == (Signing.UNSIGNED, False)
    assert one.integrity == "CRC-32 of the header holds; that of the data holds"
    assert found.all(ImageLayer)[0].title == "Linux-6.1"
    changed = image[:500] + bytes([image[500] ^ 1]) + image[501:]
    assert examined(changed).protection().integrity.endswith("does not hold")
    assert examined(changed).protection().signing is Signing.UNSIGNED
    assert examined(image[:4000]).protection().signing is Signing.UNREADABLE
    header = image[:8] + b"\0\0\0\1" + image[12:]
    assert "U-Boot legacy uImage" not in examined(header).formats().values()


def test_the_files_of_a_multi_file_image(uimage: Any, examined: Examine) -> None:
    first, second = os.urandom(5001), os.urandom(3000)
    layers = examined(uimage("multi", first, second)).all(ImageLayer)
    assert [(layer.name, layer.size) for layer in layers[1:]] == [
        ("file 1", 5001),
        ("file 2", 3000),
    ]


def test_an_image_behind_others_is_found(uimage: Any, examined: Examine) -> None:
    image = os.urandom(70_000) + uimage("kernel", os.urandom(9000)) + b"\xff" * 1000
    found = examined(image)
    assert "U-Boot legacy uImage" in found.formats().values()


def trx(*parts: bytes, version: int = 1) -> bytes:
    number = 3 if version == 1 else 4
    at, offsets = 16 + 4 * number, []
    for part in parts:
        offsets.append(at)
        at += len(part)
    offsets += [0] * (number - len(parts))
    rest = struct.pack(f"<HH{number}I", 0, version, *offsets) + b"".join(parts)
    return struct.pack("<4sII", b"HDR0", 12 + len(rest), zlib.crc32(rest) ^ 0xFFFFFFFF) + rest


@pytest.mark.parametrize("version", [1, 2])
def test_trx(version: int, examined: Examine) -> None:
    image = trx(os.urandom(3000), os.urandom(4000), version=version)
    found = examined(image)
    one = found.protection()
    assert (one.signing, one.can_be_signed, one.integrity) == (
        Signing.UNSIGNED,
        False,
        "CRC-32 holds",
    )
    assert [layer.size for layer in found.all(ImageLayer)[1:]] == [3000, 4000]
    changed = image[:100] + bytes([image[100] ^ 1]) + image[101:]
    assert examined(changed).protection().integrity == "CRC-32 does not hold"
    assert examined(image[:3000]).protection().signing is Signing.UNREADABLE
