"""Bundles that rauc itself makes: plain, verity, crypt, encrypted, and what is left without a signature."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.model.firmware import ImageLayer, Signing

Examine = Callable[..., Any]


@pytest.fixture
def bundle(tool: Callable[..., Any], tmp_path: Path) -> Callable[..., bytes]:
    def make(form: str, holder: Any) -> bytes:
        folder = tmp_path / "content"
        folder.mkdir(exist_ok=True)
        (folder / "rootfs.img").write_bytes(os.urandom(50_000))
        (folder / "manifest.raucm").write_text(
            "[update]\ncompatible=Board One\nversion=2026.11\n\n"
            f"[bundle]\nformat={form}\n\n[image.rootfs]\nfilename=rootfs.img\n"
        )
        out = tmp_path / f"{form}.raucb"
        out.unlink(missing_ok=True)
        tool(
            "rauc",
            "--cert",
            str(holder.cert),
            "--key",
            str(holder.key),
            "bundle",
            "content",
            out.name,
        )
        return out.read_bytes()

    return make


def payload_size(image: bytes) -> int:
    return len(image) - 8 - int.from_bytes(image[-8:])


@pytest.mark.parametrize("form", ["plain", "verity"])
def test_signed_with_and_without_the_certificate(
    form: str, bundle: Any, pair: Any, examined: Examine
) -> None:
    root, other = pair("root"), pair("other")
    mine = pair("signer", issuer=root)
    image = bundle(form, mine)
    alone = examined(image)
    assert alone.protection().signing is Signing.NOT_VERIFIED
    assert "CN=signer" in alone.protection().detail
    layer = alone.all(ImageLayer)[0]
    assert (layer.title, layer.version) == ("Board One", "2026.11")
    assert ("bundle format", form) in layer.details
    assert examined(image, mine.certificate).protection().signing is Signing.VERIFIED
    assert examined(image, other.certificate).protection().signing is Signing.NOT_VERIFIED
    told = examined(image, root.certificate).protection()
    assert told.signing is Signing.VERIFIED
    assert told.binds_payload is True


@pytest.mark.parametrize("form", ["plain", "verity"])
def test_one_changed_byte_of_the_payload(
    form: str, bundle: Any, pair: Any, examined: Examine
) -> None:
    mine = pair()
    image = bundle(form, mine)
    for at in (0, 20_000):
        changed = image[:at] + bytes([image[at] ^ 1]) + image[at + 1 :]
        for keys in ((), (mine.certificate,)):
            assert examined(changed, *keys).protection().signing is Signing.TAMPERED


def test_a_manifest_changed_under_its_signature(bundle: Any, pair: Any, examined: Examine) -> None:
    mine = pair()
    image = bundle("verity", mine)
    at = image.index(b"version=2026.11", payload_size(image))
    forged = image[: at + 8] + b"9" + image[at + 9 :]
    assert examined(forged, mine.certificate).protection().signing is Signing.TAMPERED


def test_a_bundle_whose_signature_was_cut_off(bundle: Any, pair: Any, examined: Examine) -> None:
    mine = pair()
    for form in ("plain", "verity"):
        image = bundle(form, mine)
        found = examined(image[: payload_size(image)], mine.certificate)
        assert found.protection().signing is Signing.STRIPPED
        assert found.all(ImageLayer)[0].title == "Board One"


def test_an_encrypted_bundle_is_not_judged(
    bundle: Any, pair: Any, examined: Examine, tool: Any, tmp_path: Path
) -> None:
    mine, device = pair(), pair("device")
    image = bundle("crypt", mine)
    for data in (image, image[:20_000] + bytes([image[20_000] ^ 1]) + image[20_001:]):
        found = examined(data, mine.certificate)
        assert found.protection().signing is Signing.ENCRYPTED
        assert "readable in the manifest" in found.protection().detail
        assert found.survey.unread
    keys = ["--keyring", str(mine.cert), "encrypt", "--to", str(device.cert)]
    tool("rauc", *keys, "crypt.raucb", "closed.raucb")
    closed = examined((tmp_path / "closed.raucb").read_bytes(), mine.certificate)
    assert closed.protection().signing is Signing.ENCRYPTED
    assert closed.survey.unread


def test_a_weak_and_a_publicly_known_signer(bundle: Any, pair: Any, examined: Examine) -> None:
    weak = bundle("plain", pair("small", "rsa-1024"))
    assert "1024 bits" in examined(weak).protection().weak
    known = bundle("plain", pair("DO NOT TRUST - Sample Key"))
    assert "DO NOT TRUST" in examined(known).protection().public_key
