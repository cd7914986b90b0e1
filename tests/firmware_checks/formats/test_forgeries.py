"""Images that an attacker without the key makes of the maker's own ones, and good ones that look forged."""

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from tuf.api.metadata import TargetFile

from firmware_checks.formats import gbl as gbl_reader
from probe.model.firmware import ImageLayer, Rollback, Signing
from tests.firmware_checks.formats import costly_images as costly
from tests.firmware_checks.formats import test_gbl as gbl
from tests.firmware_checks.formats import test_nordic_dfu as nordic
from tests.firmware_checks.formats import test_suit as suit
from tests.firmware_checks.formats import test_swupdate_gpg as swupdate
from tests.firmware_checks.formats import test_vbmeta as avb
from tests.firmware_checks.formats.test_capsule import capsule  # noqa: F401
from tests.firmware_checks.formats.test_mcuboot import key, make  # noqa: F401
from tests.firmware_checks.formats.test_rauc import bundle  # noqa: F401
from tests.firmware_checks.formats.test_tuf_repository import Delegating, packed

Examine = Callable[..., Any]
Tool = Callable[..., Any]


def test_a_counter_in_an_area_that_the_header_does_not_speak_of(
    make: Any,  # noqa: F811
    tool: Tool,
    tmp_path: Path,
    examined: Examine,
) -> None:
    mine = key(tool, tmp_path, "ecdsa-p256", "mine")
    image = make("-k", "mine.pem")
    end = 0x200 + struct.unpack_from("<I", image, 12)[0]
    assert struct.unpack_from("<H", image, 10)[0] == 0
    area = struct.pack("<HHHHI", 0x6908, 12, 0x50, 4, 999)
    found = examined(image[:end] + area + image[end:], mine).protection()
    assert found.signing is Signing.UNREADABLE
    assert found.rollback is not Rollback.COUNTER
    assert found.rollback_value is None


def test_a_role_that_speaks_of_what_it_was_not_given(examined: Examine) -> None:
    """The vendor may sign ``vendor/*`` and signs the application."""
    mine = Delegating()
    below = mine.below
    below.signed.targets["boot.bin"] = TargetFile.from_data("boot.bin", b"evil")
    below.sign(mine.vendor)
    files = {f"metadata/{name}": data for name, data in mine.files().items()}
    good = ("targets/vendor/drv.bin", b"driver")
    found = examined(packed(files, good), mine.key("root")).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)
    found = examined(
        packed(files, good, ("targets/boot.bin", b"evil")), mine.key("root")
    ).protection()
    assert found.binds_payload is False
    assert "no role describes targets/boot.bin" in found.detail


def test_a_file_beside_the_metadata_is_a_file(examined: Examine) -> None:
    mine = Delegating()
    files = mine.files()
    assert examined(packed(files), mine.key("root")).protection().binds_payload is True
    for name in ("firmware.bin", "settings.json"):
        found = examined(packed(files, (name, b"{}")), mine.key("root")).protection()
        assert found.binds_payload is False
        assert f"no role describes {name}" in found.detail


def test_a_partition_behind_vbmeta_data_that_says_nothing_of_it(
    pair: Any, examined: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = pair()
    monkeypatch.setattr(avb, "hashed", lambda name, body: b"")
    found = examined(avb.footed(avb.vbmeta(mine), b"evil" * 1000), mine.public).protection()
    assert found.binds_payload is False
    assert "no digest" in found.detail


def test_a_short_key_under_the_name_of_a_long_one(
    pair: Any, examined: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = pair("small", "rsa-1024")
    found = examined(avb.vbmeta(small), small.public).protection()
    assert (found.signing, found.key_bits) == (Signing.UNREADABLE, 1024)
    assert "1024 bits" in found.detail


def test_a_capsule_with_a_driver_that_nobody_signed(
    capsule: Any,  # noqa: F811
    pair: Any,
    examined: Examine,
) -> None:
    mine = pair()
    image = capsule(mine)
    start, _, total = struct.unpack_from("<III", image, 16)
    (item,) = struct.unpack_from("<Q", image, start + 8)
    driver = b"MZ evil driver".ljust(512, b"!")
    head = struct.pack("<IHHQQ", 1, 1, 1, 24, 24 + len(driver))
    forged = bytearray(image[:start] + head + driver + image[start + item :])
    struct.pack_into("<I", forged, 24, len(forged))
    assert len(forged) == total - item + 24 + len(driver)
    found = examined(bytes(forged), mine.certificate)
    assert (found.protection().signing, found.protection().binds_payload) == (
        Signing.VERIFIED,
        False,
    )
    assert "1 drivers" in found.protection().detail
    assert any(layer.name == "driver 1" for layer in found.all(ImageLayer))


def envelope(private: Any, payload: bytes, digests: list[Any]) -> bytes:
    steps = cbor2.dumps([x for one in digests for x in (20, {3: cbor2.dumps(one)})])
    manifest = cbor2.dumps({1: 1, 2: 5, 3: cbor2.dumps({2: [[b"app"]], 4: steps})})
    digest = cbor2.dumps([-16, hashlib.sha256(cbor2.dumps(manifest)).digest()])
    blocks = [digest, suit.sign(private, -7, digest)]
    return bytes(
        cbor2.dumps(cbor2.CBORTag(107, {2: cbor2.dumps(blocks), 3: manifest, "#x": payload}))
    )


def test_an_envelope_inside_an_envelope_is_bound_by_its_manifest(examined: Examine) -> None:
    """The digest of a dependency is that of its manifest, not that of the envelope with its signatures."""
    mine, public = suit.make_key(-7)
    inner = suit.envelope(mine)
    manifest = cbor2.loads(inner).value[3]
    digest = [-16, hashlib.sha256(cbor2.dumps(manifest)).digest()]
    found = examined(envelope(mine, inner, [digest]), public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)
    other = envelope(mine, suit.envelope(mine, sequence=9, signed_sequence=9), [digest])
    assert examined(other, public).protection().signing is Signing.TAMPERED


def test_digests_of_several_hashes(examined: Examine) -> None:
    mine, public = suit.make_key(-7)
    body, other = os.urandom(500), [-16, os.urandom(32)]
    good = envelope(mine, body, [other, [-44, hashlib.sha512(body).digest()]])
    found = examined(good, public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)
    unknown = envelope(mine, body, [other, [-45, os.urandom(64)]])
    found = examined(unknown, public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    wrong = envelope(mine, body, [other, [-44, os.urandom(64)]])
    assert examined(wrong, public).protection().signing is Signing.TAMPERED


@pytest.mark.parametrize("mask", [[], ["-keyopt", "rsa_mgf1_md:sha1"]])
def test_messages_in_pss_with_the_mask_that_is_the_default(
    mask: list[str], pair: Any, tool: Tool, tmp_path: Path, examined: Examine
) -> None:
    mine, other = pair(), pair("other")
    (tmp_path / "text").write_bytes(swupdate.TEXT)
    how = ["-keyopt", "rsa_padding_mode:pss", *mask]
    keys = ["-signer", str(mine.cert), "-inkey", str(mine.key)]
    common = ["-outform", "DER", "-nosmimecap", "-binary", "-in", "text", "-out", "text.sig"]
    tool("openssl", "cms", "-sign", *common, *keys, *how)
    image = swupdate.swu((tmp_path / "text.sig").read_bytes())
    assert examined(image).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, other.certificate).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, mine.certificate).protection().signing is Signing.VERIFIED


def test_a_kind_of_key_that_is_not_verified_is_no_tampering(
    tool: Tool, tmp_path: Path, examined: Examine
) -> None:
    tool("openssl", "dsaparam", "-out", "p", "1024")
    common = ["-nodes", "-subj", "/CN=x", "-keyout", "k", "-out", "c"]
    tool("openssl", "req", "-x509", "-newkey", "dsa:p", *common)
    (tmp_path / "text").write_bytes(swupdate.TEXT)
    common = ["-outform", "DER", "-nosmimecap", "-binary", "-in", "text", "-out", "sig"]
    tool("openssl", "cms", "-sign", *common, "-signer", "c", "-inkey", "k")
    image = swupdate.swu((tmp_path / "sig").read_bytes())
    found = examined(image, (tmp_path / "c").read_bytes()).protection()
    assert found.signing is Signing.NOT_VERIFIED
    assert "kind of key" in found.detail


def test_a_checksum_under_a_signature_that_does_not_hold(examined: Examine) -> None:
    image = nordic.package(nordic.packet(crc=True), nordic.BODY + b"evil")
    for keys in ((), (nordic.pem(nordic.KEY),)):
        assert examined(image, *keys).protection().signing is Signing.TAMPERED
    unsigned = nordic.package(nordic.packet(crc=True, key=None), nordic.BODY + b"evil")
    assert examined(unsigned).protection().signing is Signing.UNSIGNED


def test_the_worst_program_of_a_package_is_told(examined: Examine) -> None:
    rows = {"application": ("a", False), "bootloader": ("b", True)}
    manifest = {
        slot: {"bin_file": f"{n}.bin", "dat_file": f"{n}.dat"} for slot, (n, _) in rows.items()
    }
    files = {"manifest.json": json.dumps({"manifest": manifest}).encode()}
    for name, crc in rows.values():
        files |= {f"{name}.bin": nordic.BODY, f"{name}.dat": nordic.packet(crc=crc)}
    found = examined(nordic.zipped(files), nordic.pem(nordic.KEY)).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)


@pytest.mark.parametrize("nothing", [b"", bytes(64), b"\xff" * 64, b"none"])
def test_a_place_for_a_signature_is_no_signature(
    nothing: bytes,
    examined: Examine,
    make: Any,  # noqa: F811
) -> None:
    found = examined(swupdate.swu(nothing)).protection()
    assert (found.signing, found.binds_payload) == (Signing.UNSIGNED, None)
    body = gbl.opened(flags=gbl_reader.SIGNED_TYPE)
    image = gbl.closed(body + gbl.tag(gbl_reader.SIGNATURE, nothing))
    assert examined(image, gbl.pem(gbl.KEY)).protection().signing is Signing.UNREADABLE
    plain = make()
    end = 0x200 + struct.unpack_from("<I", plain, 12)[0]
    size = struct.unpack_from("<H", plain, end + 2)[0]
    area = plain[end + 4 : end + size] + struct.pack("<HH", 0x22, len(nothing)) + nothing
    image = plain[:end] + struct.pack("<HH", 0x6907, 4 + len(area)) + area
    assert examined(image).protection().signing is Signing.UNSIGNED
    parts = cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({1: -7}), {}, None, nothing]))
    body = dict(cbor2.loads(suit.envelope()).value)
    body[2] = cbor2.dumps([*cbor2.loads(body[2]), parts])
    assert examined(cbor2.dumps(cbor2.CBORTag(107, body))).protection().signing is Signing.UNSIGNED


def test_a_bundle_whose_signature_is_damaged(
    bundle: Any,  # noqa: F811
    pair: Any,
    examined: Examine,
) -> None:
    mine = pair()
    image = bytearray(bundle("plain", mine))
    start = len(image) - 8 - int.from_bytes(image[-8:])
    image[start + 20 : start + 60] = bytes(40)
    found = examined(bytes(image), mine.certificate)
    assert found.formats()["0"] == "RAUC bundle"
    assert found.protection().signing is Signing.UNREADABLE
    assert "signature cannot be read" in found.protection().detail


def test_a_test_key_that_the_image_does_not_name(
    make: Any,  # noqa: F811
    tool: Tool,
    tmp_path: Path,
    examined: Examine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from firmware_checks.formats import mcuboot_signature
    from firmware_checks.keys import fingerprint, read_key

    mine = key(tool, tmp_path, "ecdsa-p256", "mine")
    image = make("-k", "mine.pem")
    end = 0x200 + struct.unpack_from("<I", image, 12)[0]
    at = image.index(struct.pack("<HH", 0x01, 32), end)
    nameless = bytearray(image[:at] + image[at + 36 :])
    struct.pack_into("<H", nameless, end + 2, struct.unpack_from("<H", image, end + 2)[0] - 36)
    known = {fingerprint(read_key("", mine)[0].der): "a test key"}
    monkeypatch.setattr(mcuboot_signature, "PUBLIC_KEYS", known)
    assert examined(image).protection().public_key == "a test key"
    found = examined(bytes(nameless), mine).protection()
    assert (found.signing, found.public_key) == (Signing.VERIFIED, "a test key")


def test_a_small_key_under_the_tag_of_a_large_one(
    make: Any,  # noqa: F811
    pair: Any,
    examined: Examine,
) -> None:
    small = pair("small", "rsa-1024")
    plain = make()
    end = 0x200 + struct.unpack_from("<I", plain, 12)[0]
    size = struct.unpack_from("<H", plain, end + 2)[0]
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    signature = small.private.sign(plain[:end], pss, hashes.SHA256())
    area = plain[end + 4 : end + size] + struct.pack("<HH", 0x20, len(signature)) + signature
    image = plain[:end] + struct.pack("<HH", 0x6907, 4 + len(area)) + area
    found = examined(image, small.public).protection()
    assert (found.signing, found.key_bits) == (Signing.VERIFIED, 1024)
    assert "1024" in found.weak


def signed_fit(algorithm: bytes, hashed: bytes, images: int = 1) -> bytes:
    """A FIT by the writer of the costly ones: a configuration that uses the last of its images."""
    names = ("data", "algo", "value", "hashed-nodes", "kernel")
    where = {name: sum(len(n) + 1 for n in names[:at]) for at, name in enumerate(names)}
    data = costly.prop(where["data"], b"kernel" * 30)
    digest = costly.prop(where["algo"], hashed) + costly.prop(where["value"], os.urandom(32))
    nodes = [costly.node(f"k{n}", data, costly.node("hash-1", digest)) for n in range(images)]
    last = f"k{images - 1}"
    listed = f"/\0/configurations/c\0/images/{last}\0/images/{last}/hash-1\0".encode()
    value = costly.prop(where["algo"], algorithm) + costly.prop(where["value"], os.urandom(132))
    signature = costly.node("signature-1", value, costly.prop(where["hashed-nodes"], listed))
    conf = costly.node("c", costly.prop(where["kernel"], last.encode() + b"\0"), signature)
    return costly.dtb(costly.node("images", *nodes) + costly.node("configurations", conf), names)


def test_a_curve_of_521_bits_is_none_of_52(examined: Examine) -> None:
    found = examined(signed_fit(b"sha256,secp521r1\0", b"sha3-256\0")).protection()
    assert (found.signing, found.key_bits, found.weak) == (Signing.NOT_VERIFIED, 521, "")


def test_a_hash_that_is_not_known_binds_nothing(examined: Examine) -> None:
    found = examined(signed_fit(b"sha256,ecdsa256\0", b"sha3-256\0")).protection()
    assert found.binds_payload is False
    assert "by a hash that is not known here" in found.detail


def test_images_for_hundreds_of_boards_are_all_there(examined: Examine) -> None:
    found = examined(signed_fit(b"sha256,ecdsa256\0", b"sha3-256\0", images=200))
    assert "which is not there" not in found.protection().detail
    assert sum(layer.name.startswith("image k") for layer in found.all(ImageLayer)) == 200
