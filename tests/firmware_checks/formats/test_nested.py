"""Images inside each other: every layer is judged on its own, wherever it stands."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.model.firmware import ImageProtection, Signing
from tests.firmware_checks.formats import test_openwrt, test_uimage, test_vbmeta

Examine = Callable[..., Any]


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def said(found: Any) -> dict[str, Signing]:
    return {one.format: one.signing for one in found.all(ImageProtection)}


def test_a_signed_image_in_an_unsigned_carrier(pair: Any, examined: Examine) -> None:
    mine = pair()
    inside = test_vbmeta.footed(test_vbmeta.vbmeta(mine))
    image = test_uimage.trx(gzip.compress(packed({"boot.img": inside})))
    found = examined(image, mine.public)
    assert said(found) == {
        "TRX image": Signing.UNSIGNED,
        "Android partition with AVB footer": Signing.VERIFIED,
    }


def test_an_unsigned_image_in_a_signed_carrier(examined: Examine) -> None:
    signer = test_openwrt.Signer()
    image = test_openwrt.about(test_uimage.trx(os.urandom(5000)))
    found = examined(test_openwrt.appended(image, 0, signer.sign(image)), signer.public)
    assert said(found) == {
        "OpenWrt sysupgrade image": Signing.VERIFIED,
        "TRX image": Signing.UNSIGNED,
    }


@pytest.fixture
def encrypted_fit(tool: Callable[..., Any], tmp_path: Path, pair: Any) -> tuple[bytes, bytes]:
    """A FIT whose kernel mkimage encrypts, and the public key of its configuration."""
    mine = pair("dev")
    (tmp_path / "aes.bin").write_bytes(os.urandom(16))
    (tmp_path / "iv.bin").write_bytes(os.urandom(16))
    (tmp_path / "body").write_bytes(os.urandom(4000))
    (tmp_path / "image.its").write_text(
        '/dts-v1/; / { description = "e"; images { k { data = /incbin/("body"); type = "kernel";'
        ' arch = "arm64"; os = "linux"; compression = "none"; load = <0>; entry = <0>;'
        ' cipher { algo = "aes128"; key-name-hint = "aes"; iv-name-hint = "iv"; };'
        ' hash-1 { algo = "sha256"; }; }; };'
        ' configurations { default = "c"; c { kernel = "k"; signature-1 { algo = "sha256,rsa2048";'
        ' key-name-hint = "dev"; sign-images = "kernel"; }; }; }; };'
    )
    (tmp_path / "control.dts").write_text("/dts-v1/; / { };")
    tool("dtc", "-I", "dts", "-O", "dtb", "-o", "control.dtb", "control.dts")
    tool("mkimage", "-f", "image.its", "-k", ".", "-K", "control.dtb", "-r", "image.itb")
    return (tmp_path / "image.itb").read_bytes(), mine.public


def test_an_encrypted_image_of_a_fit_is_unread_and_never_tampered(
    encrypted_fit: tuple[bytes, bytes], examined: Examine
) -> None:
    image, public = encrypted_fit
    found = examined(image, public)
    assert found.protection().signing is Signing.VERIFIED
    assert found.protection().encrypted
    assert "encrypted" in found.survey.unread[0]
    at = image.index(b"kernel") - 500
    changed = image[:at] + bytes([image[at] ^ 1]) + image[at + 1 :]
    assert examined(changed, public).protection().signing is Signing.ENCRYPTED
