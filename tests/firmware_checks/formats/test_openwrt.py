"""OpenWrt images by an own writer, from fwtool's and usign's formats; neither is packaged."""

import base64
import io
import json
import os
import struct
import tarfile
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probe.model.firmware import ImageLayer, Signing

Examine = Callable[..., Any]
ABOUT = {
    "metadata_version": "1.1",
    "supported_devices": ["maker,router-1"],
    "version": {"dist": "OpenWrt", "version": "23.05.5", "revision": "r1", "board": "generic"},
}


class Signer:
    """A usign key: 8 bytes that name it, Ed25519."""

    def __init__(self) -> None:
        self.private, self.name = Ed25519PrivateKey.generate(), os.urandom(8)

    @property
    def public(self) -> bytes:
        raw = self.private.public_key().public_bytes(s.Encoding.Raw, s.PublicFormat.Raw)
        return self._file(b"public key", raw)

    def sign(self, data: bytes) -> bytes:
        return self._file(b"signed by a key", self.private.sign(data))

    def _file(self, comment: bytes, raw: bytes) -> bytes:
        coded = base64.b64encode(b"Ed" + self.name + raw)
        return b"untrusted comment: " + comment + b"\n" + coded + b"\n"


def appended(image: bytes, kind: int, data: bytes) -> bytes:
    checksum = zlib.crc32(image + data) ^ 0xFFFFFFFF
    return image + data + struct.pack(">4sIB3xI", b"FWx0", checksum, kind, len(data) + 16)


def plain() -> bytes:
    return os.urandom(20_000)


def archive() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        folder = tarfile.TarInfo("sysupgrade-maker_router-1/")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in (("CONTROL", b"BOARD=router\n"), ("root", os.urandom(9000))):
            info = tarfile.TarInfo(f"sysupgrade-maker_router-1/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def about(image: bytes) -> bytes:
    return appended(image, 1, bytes(8) + json.dumps(ABOUT).encode())


@pytest.mark.parametrize("body", [plain, archive])
def test_signed_with_and_without_the_key(body: Callable[[], bytes], examined: Examine) -> None:
    mine, other = Signer(), Signer()
    image = about(body())
    signed = appended(image, 0, mine.sign(image))
    alone = examined(signed)
    assert alone.protection().signing is Signing.NOT_VERIFIED
    assert mine.name.hex() in alone.protection().detail
    assert examined(signed, other.public).protection().signing is Signing.NOT_VERIFIED
    found = examined(signed, mine.public)
    assert found.protection().signing is Signing.VERIFIED
    layer = found.all(ImageLayer)[0]
    assert (layer.title, layer.version) == ("generic", "23.05.5 r1")
    assert ("supported device", "maker,router-1") in layer.details
    changed = bytes([signed[0]]) + bytes([signed[1] ^ 1]) + signed[2:]
    assert examined(changed, mine.public).protection().signing is Signing.NOT_VERIFIED


@pytest.mark.parametrize("body", [plain, archive])
def test_metadata_alone_is_no_signature(body: Callable[[], bytes], examined: Examine) -> None:
    found = examined(about(body())).protection()
    assert found.signing is Signing.UNSIGNED
    assert "does not ask" in found.detail


def test_an_archive_with_nothing_appended(examined: Examine) -> None:
    found = examined(archive())
    assert found.formats()["0"] == "OpenWrt sysupgrade image"
    assert found.protection().signing is Signing.UNSIGNED
    assert found.survey.files >= 2


def test_a_piece_that_lies_about_its_size(examined: Examine) -> None:
    image = plain() + struct.pack(">4sIB3xI", b"FWx0", 0, 0, 0x7FFFFFFF)
    assert examined(image).formats()["0"] == "unknown"
