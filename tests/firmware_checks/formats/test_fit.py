"""FIT images and control device trees that U-Boot's own mkimage makes."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.model.firmware import ImageLayer, ImageWeakness, Rollback, Signing

Examine = Callable[..., Any]
TREE = """/dts-v1/;
/ {{ description = "sample"; #address-cells = <1>;
  images {{
    kernel-1 {{ description = "k"; data = /incbin/("kernel.bin"); type = "kernel"; arch = "arm64";
      os = "linux"; compression = "none"; load = <0x80000>; entry = <0x80000>;
      hash-1 {{ algo = "{hash}"; }}; {image} }};
    fdt-1 {{ description = "f"; data = /incbin/("board.bin"); type = "flat_dt"; arch = "arm64";
      compression = "none"; hash-1 {{ algo = "{hash}"; }}; }};
  }};
  configurations {{ default = "conf-1";
    conf-1 {{ kernel = "kernel-1"; fdt = "fdt-1"; {rollback} {conf} }}; }};
}};
"""
SIGNATURE = 'signature-1 {{ algo = "sha256,{kind}"; key-name-hint = "dev"; {padding} {images} }};'


@pytest.fixture
def fit(tool: Callable[..., Any], tmp_path: Path) -> Callable[..., bytes]:
    def make(
        *options: str,
        conf: bool = False,
        image: bool = False,
        kind: str = "rsa2048",
        padding: str = "",
        hash_name: str = "sha256",
        rollback: str = "",
        required: bool = True,
    ) -> bytes:
        (tmp_path / "kernel.bin").write_bytes(b"<<kernel>>" + os.urandom(5000))
        (tmp_path / "board.bin").write_bytes(b"board" + os.urandom(500))
        said = f'padding = "{padding}";' if padding else ""
        by = SIGNATURE.format(kind=kind, padding=said, images='sign-images = "kernel", "fdt";')
        alone = SIGNATURE.format(kind=kind, padding=said, images="")
        text = TREE.format(
            hash=hash_name, image=alone if image else "", conf=by if conf else "", rollback=rollback
        )
        (tmp_path / "image.its").write_text(text)
        (tmp_path / "control.dts").write_text("/dts-v1/; / { signature { }; };")
        tool("dtc", "-I", "dts", "-O", "dtb", "-o", "control.dtb", "control.dts")
        need = ["-r"] if required else []
        keys = ["-k", ".", "-K", "control.dtb", *need]
        tool("mkimage", *options, "-f", "image.its", *keys, "image.itb")
        return (tmp_path / "image.itb").read_bytes()

    return make


@pytest.mark.parametrize("options", [(), ("-E",)], ids=["inside", "external"])
@pytest.mark.parametrize("padding", ["", "pss"])
def test_a_signed_configuration_with_and_without_its_key(
    options: tuple[str, ...], padding: str, pair: Any, fit: Any, examined: Examine
) -> None:
    mine, other = pair("dev"), pair("other")
    image = fit(*options, conf=True, padding=padding)
    assert examined(image).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, other.certificate).protection().signing is Signing.NOT_VERIFIED
    found = examined(image, mine.public).protection()
    assert found.signing is Signing.VERIFIED
    assert found.binds_payload is True
    assert found.scheme == f"RSA-2048 {'PSS' if padding else 'PKCS#1 v1.5'} SHA-256"
    assert found.rollback is Rollback.NONE
    assert not found.weak


@pytest.mark.parametrize("options", [(), ("-E",)], ids=["inside", "external"])
def test_a_changed_kernel_is_tampering_with_the_hash_as_it_was_and_made_anew(
    options: tuple[str, ...], pair: Any, fit: Any, examined: Examine
) -> None:
    mine = pair("dev")
    image = fit(*options, conf=True)
    at = image.index(b"<<kernel>>")
    old = hashlib.sha256(image[at : at + 5010]).digest()
    changed = bytearray(image)
    changed[at + 100] ^= 1
    assert examined(bytes(changed)).protection().signing is Signing.TAMPERED
    new = hashlib.sha256(changed[at : at + 5010]).digest()
    assert old in bytes(changed)
    forged = bytes(changed).replace(old, new)
    assert examined(forged).protection().signing is Signing.NOT_VERIFIED
    told = examined(forged, mine.public).protection()
    assert told.signing is Signing.TAMPERED
    assert "over other content" in told.detail


def test_ecdsa_cannot_tell_a_wrong_key_from_a_change(
    pair: Any, fit: Any, examined: Examine
) -> None:
    """mkimage reads keys for ECDSA from files that end in .pem."""
    mine = pair("dev", "ec")
    Path(mine.key).with_suffix(".pem").write_bytes(mine.key.read_bytes())
    image = fit(conf=True, kind="ecdsa256")
    found = examined(image, mine.public).protection()
    assert (found.signing, found.scheme) == (Signing.VERIFIED, "EC-256 SHA-256")
    assert examined(image, pair("other", "ec").public).protection().signing is Signing.NOT_VERIFIED


def test_signatures_on_images_alone_allow_mixing(pair: Any, fit: Any, examined: Examine) -> None:
    mine = pair("dev")
    found = examined(fit(image=True), mine.public).protection()
    assert found.signing is Signing.VERIFIED
    assert found.binds_payload is False
    assert "mixed" in found.detail
    assert "fdt-1" in found.detail


def test_without_signature(pair: Any, fit: Any, examined: Examine) -> None:
    pair("dev")
    found = examined(fit()).protection()
    assert found.signing is Signing.UNSIGNED
    assert found.integrity == "sha256 of 2 images holds"


def test_a_signed_configuration_whose_images_have_a_weak_hash_only(
    pair: Any, fit: Any, examined: Examine
) -> None:
    mine = pair("dev")
    found = examined(fit(conf=True, hash_name="crc32"), mine.public).protection()
    assert found.signing is Signing.VERIFIED
    assert found.binds_payload is False
    assert "crc32" in found.weak


def test_a_weak_key(pair: Any, fit: Any, examined: Examine) -> None:
    mine = pair("dev", "rsa-1024")
    try:
        image = fit(conf=True, kind="rsa1024")
    except AssertionError:
        # This mkimage knows no such name; the key's own size decides once it is given.
        image = fit(conf=True)
    assert "1024" in examined(image, mine.public).protection().weak


def test_a_rollback_index_counts_when_it_is_signed(pair: Any, fit: Any, examined: Examine) -> None:
    pair("dev")
    found = examined(fit(conf=True, rollback="rollback-index = <7>;")).protection()
    assert (found.rollback, found.rollback_value) == (Rollback.COUNTER, 7)
    found = examined(fit(rollback="rollback-index = <7>;")).protection()
    assert (found.rollback, found.rollback_value) == (Rollback.UNSIGNED_COUNTER, 7)


@pytest.mark.parametrize("conf", [True, False])
def test_cut_inside_its_tree(conf: bool, pair: Any, fit: Any, examined: Examine) -> None:
    pair("dev")
    image = fit(conf=conf)
    found = examined(image[: len(image) // 2])
    assert found.protection().signing is Signing.UNREADABLE
    assert "cut short" in found.survey.unread[0]
    assert examined(image[:60]).formats()["0"] != "U-Boot FIT image"


def test_cut_in_half(pair: Any, fit: Any, examined: Examine) -> None:
    pair("dev")
    image = fit("-E", conf=True)
    found = examined(image[: len(image) - 3000])
    assert found.protection().signing is Signing.UNREADABLE
    assert "cut short" in found.survey.unread[0]


def test_the_keys_of_a_control_tree_and_whether_they_are_required(
    pair: Any, fit: Any, examined: Examine, tmp_path: Path
) -> None:
    pair("dev")
    for options, wanted in (
        ({"conf": True}, None),
        ({"conf": True, "required": False}, "of which none is required"),
        ({"image": True}, "only single images"),
    ):
        fit(**options)
        found = examined((tmp_path / "control.dtb").read_bytes())
        (layer,) = found.all(ImageLayer)
        assert layer.format == "device tree"
        assert any("2048 bits" in v for k, v in layer.details if k.startswith("verification key"))
        said = [w.what for w in found.all(ImageWeakness)]
        assert (wanted is None) == (not said)
        assert wanted is None or wanted in said[0]
