"""Where a signature ends: what is put beside, behind or before the signed part is named, and never called covered."""

import datetime
import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from firmware_checks import certificates
from firmware_checks.formats import pe as pe_reader
from probe.model.firmware import ImageLayer, Signing
from tests.firmware_checks.formats import test_nordic_dfu as nordic
from tests.firmware_checks.formats import test_suit as suit
from tests.firmware_checks.formats import test_swupdate_gpg as packed
from tests.firmware_checks.formats import test_vbmeta as avb
from tests.firmware_checks.formats.test_capsule import capsule  # noqa: F401
from tests.firmware_checks.formats.test_false_cleans import tarred
from tests.firmware_checks.formats.test_mcuboot import key, make  # noqa: F401
from tests.firmware_checks.formats.test_mender import artifact, repacked  # noqa: F401
from tests.firmware_checks.formats.test_pe import signed  # noqa: F401
from tests.firmware_checks.formats.test_rauc import bundle  # noqa: F401
from tests.firmware_checks.formats.test_swupdate import BODY, swu  # noqa: F401

Examine = Callable[..., Any]
Tool = Callable[..., Any]

# --- U-Boot FIT ---------------------------------------------------------------------------------------

CONFS = """/dts-v1/;
/ { description = "sample"; #address-cells = <1>;
  images { kernel-1 { description = "k"; data = /incbin/("kernel.bin"); type = "kernel"; arch = "arm64"; os = "linux";
      compression = "none"; load = <0x80000>; entry = <0x80000>; hash-1 { algo = "sha256"; IGNORE }; };
    SCRIPT };
  configurations { default = "conf-1"; conf-1 { kernel = "kernel-1"; SIGNATURE };
    conf-2 { kernel = "kernel-1"; SIGNATURE }; };
};
"""
SIGNATURE = (
    'signature-1 { algo = "sha256,rsa2048"; key-name-hint = "dev"; sign-images = "kernel"; };'
)
SCRIPT = 'script-1 { data = "evil"; type = "script"; compression = "none"; hash-1 { algo = "sha256"; }; };'


@pytest.fixture
def two(tool: Tool, tmp_path: Path) -> Callable[..., bytes]:
    """A FIT of two signed configurations."""

    def image(script: str = "", ignore: str = "", dash: str = "-") -> bytes:
        (tmp_path / "kernel.bin").write_bytes(b"<<kernel>>" + os.urandom(2000))
        text = CONFS.replace("SIGNATURE", SIGNATURE).replace("SCRIPT", script)
        (tmp_path / "two.its").write_text(
            text.replace("IGNORE", ignore).replace("-1 { algo", f"{dash}1 {{ algo")
        )
        tool("mkimage", "-f", "two.its", "-k", ".", "two.itb")
        return (tmp_path / "two.itb").read_bytes()

    return image


def test_nodes_whose_names_only_begin_as_they_should(
    two: Any, pair: Any, examined: Examine
) -> None:
    """U-Boot takes ``hash1`` and ``signature1``, so an image of them is neither unsigned nor unbound."""
    mine = pair("dev")
    found = examined(two(dash=""), mine.public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)
    assert found.integrity == "sha256 of 1 images holds"


def test_an_image_that_no_configuration_takes(two: Any, pair: Any, examined: Examine) -> None:
    """``source`` and ``bootm ADDRESS:NAME`` take it by its name, and nothing that is signed speaks of it."""
    mine = pair("dev")
    found = examined(two(SCRIPT), mine.public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    assert "under no signature: script-1" in found.detail


def test_a_hash_that_u_boot_passes_over(two: Any, pair: Any, examined: Examine) -> None:
    mine = pair("dev")
    found = examined(two(ignore="uboot-ignore = <1>;"), mine.public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    assert "not covered: image kernel-1" in found.detail


def test_a_second_configuration_that_somebody_else_signed(
    two: Any, pair: Any, examined: Examine
) -> None:
    mine = pair("dev")
    image = two()
    at = image.index(b"conf-2\0")
    value = image.index(struct.pack(">I", mine.private.key_size // 8), at) + 8
    forged = image[:value] + os.urandom(200) + image[value + 200 :]
    found = examined(forged, mine.public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    assert "configuration conf-2: " in found.detail


def test_a_cipher_that_the_configuration_does_not_cover(
    two: Any, pair: Any, tool: Tool, tmp_path: Path, examined: Examine
) -> None:
    mine = pair("dev")
    (tmp_path / "dev.bin").write_bytes(os.urandom(32))
    lock = 'cipher { algo = "aes256"; key-name-hint = "dev"; };'
    image = two(ignore="}; " + lock.removesuffix("};"))
    found = examined(image, mine.public).protection()
    path = b"/images/kernel-1/cipher\0"
    assert path in image
    assert "cipher of image" not in found.detail
    found = examined(image.replace(path, path.upper()), mine.public).protection()
    assert found.binds_payload is False
    assert "the cipher of image kernel-1" in found.detail


@pytest.mark.parametrize("version", [18, 0x64742D31])
def test_a_tree_of_a_later_version_that_can_be_read_as_this_one(
    version: int, two: Any, pair: Any, examined: Examine
) -> None:
    """U-Boot takes it: one byte that nobody signs must not hide the image from its examination."""
    mine = pair("dev")
    image = bytearray(two())
    struct.pack_into(">I", image, 20, version)
    assert examined(bytes(image)).protection().signing is Signing.NOT_VERIFIED
    assert examined(bytes(image), mine.public).protection().signing is Signing.VERIFIED
    cut = examined(bytes(image[: len(image) // 2])).protection()
    assert cut.signing is Signing.UNREADABLE


# --- MCUboot ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "tag", "other"), [("ecdsa-p256", 0x22, 0x23), ("ed25519", 0x24, 0x20)]
)
def test_a_signature_under_the_tag_of_another_kind(
    kind: str,
    tag: int,
    other: int,
    make: Any,  # noqa: F811
    tool: Tool,
    tmp_path: Path,
    examined: Examine,
) -> None:
    """The boot loader looks for its own tag, and imgtool does so too: neither takes this image."""
    mine = key(tool, tmp_path, kind, "mine")
    image = make("-k", "mine.pem")
    end = 0x200 + struct.unpack_from("<I", image, 12)[0]
    at = end + 4
    while struct.unpack_from("<H", image, at)[0] != tag:
        at += 4 + struct.unpack_from("<H", image, at + 2)[0]
    forged = image[:at] + struct.pack("<H", other) + image[at + 2 :]
    assert examined(image, mine).protection().signing is Signing.VERIFIED
    assert examined(forged, mine).protection().signing is Signing.TAMPERED


# --- certificates -------------------------------------------------------------------------------------


def issue(
    name: str, above: Any = None, usage: bool | None = None, length: int | None = None
) -> tuple[Any, bytes]:
    """A certificate of an authority by ``above`` or by itself; ``usage``: whether it may sign certificates."""
    key = rsa.generate_private_key(65537, 2048)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by = x509.load_der_x509_certificate(above[1]).subject if above else who
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(who).issuer_name(by).public_key(key.public_key())
    made = made.serial_number(7).not_valid_before(now).not_valid_after(now + datetime.timedelta(9))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=True)
    if usage is not None:
        rights = [True, False, False, False, False, usage, False, False, False]
        made = made.add_extension(x509.KeyUsage(*rights), critical=True)
    done = made.sign(above[0] if above else key, hashes.SHA256())
    return key, done.public_bytes(Encoding.DER)


def test_authorities_that_may_not_issue() -> None:
    root = issue("root")
    for usage, links in ((None, 3), (True, 3), (False, 1)):
        middle = issue("middle", root, usage=usage)
        leaf = issue("leaf", middle)
        assert len(certificates.chain(leaf[1], (middle[1], root[1]))) == links


def test_a_path_that_is_longer_than_its_root_allows() -> None:
    root = issue("root", length=0)
    middle = issue("middle", root)
    leaf = issue("leaf", middle)
    assert len(certificates.chain(middle[1], (root[1],))) == 2
    assert len(certificates.chain(leaf[1], (middle[1], root[1]))) == 2


def test_a_certificate_of_version_1_is_no_authority_but_a_root(tool: Tool, tmp_path: Path) -> None:
    """Only extensions say what a certificate is for, and those of version 1 have none."""
    for name in ("root", "middle", "leaf"):
        tool("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
             "-keyout", f"{name}.key", "-out", f"{name}.csr")  # fmt: skip
    common = ["openssl", "x509", "-req", "-days", "9"]
    tool(*common, "-in", "root.csr", "-signkey", "root.key", "-out", "root.crt")
    for name, above in (("middle", "root"), ("leaf", "middle")):
        by = ["-CA", f"{above}.crt", "-CAkey", f"{above}.key", "-CAcreateserial"]
        tool(*common, "-in", f"{name}.csr", *by, "-out", f"{name}.crt")
    root, middle, leaf = (
        x509.load_pem_x509_certificate((tmp_path / f"{n}.crt").read_bytes()).public_bytes(
            Encoding.DER
        )
        for n in ("root", "middle", "leaf")
    )
    assert x509.load_der_x509_certificate(middle).version is x509.Version.v1
    assert len(certificates.chain(middle, (root,))) == 2
    assert len(certificates.chain(leaf, (middle, root))) == 1


def test_a_signer_whose_certificate_is_for_tls(
    bundle: Any,  # noqa: F811
    pair: Any,
    tool: Tool,
    tmp_path: Path,
    examined: Examine,
) -> None:
    """Of the same authority: rauc itself refuses it."""
    root, mine = pair("root"), pair("signer")
    for purpose, told in (("serverAuth", True), ("codeSigning,serverAuth", False)):
        (tmp_path / "eku.cnf").write_text(f"extendedKeyUsage={purpose}\n")
        tool("openssl", "req", "-new", "-key", str(mine.key), "-subj", "/CN=www", "-out", "www.csr")
        by = ["-CA", str(root.cert), "-CAkey", str(root.key), "-CAcreateserial"]
        tool("openssl", "x509", "-req", "-in", "www.csr", *by, "-days", "9",
             "-extfile", "eku.cnf", "-out", str(mine.cert))  # fmt: skip
        image = bundle("plain", mine)
        found = examined(image, root.certificate)
        detail = found.protection().detail
        assert ("its certificate is for other things (TLS servers)" in detail) is told
        assert "signer's certificate valid" in dict(found.all(ImageLayer)[0].details)


# --- SWUpdate, Mender -----------------------------------------------------------------------------------


def test_an_encrypted_image_whose_digest_is_another(
    swu: Any,  # noqa: F811
    pair: Any,
    examined: Examine,
) -> None:
    """Nobody can tell a change from a digest of the plaintext, so nothing is said to hold or to be bound."""
    mine = pair()
    good = examined(swu(mine, more="encrypted = true;"), mine.certificate).protection()
    assert (good.signing, good.binds_payload) == (Signing.VERIFIED, True)
    evil = swu(mine, more="encrypted = true;", body=b"evil" + BODY[4:])
    found = examined(evil, mine.certificate).protection()
    assert (found.signing, found.binds_payload, found.integrity) == (Signing.VERIFIED, None, "")
    assert "the SHA-256 of what is there is another: rootfs.ext4" in found.detail


def test_a_description_that_is_too_long_to_be_read(examined: Examine) -> None:
    """It is still an update, and not just an archive of which nothing is told."""
    found = examined(packed.swu(b"x" * 64, packed.TEXT + b"#" * (1 << 20))).protection()
    assert found.signing is Signing.UNREADABLE
    assert "larger than is read" in found.detail


def test_data_that_cannot_be_compared_with_the_manifest(
    artifact: Any,  # noqa: F811
    pair: Any,
    examined: Examine,
) -> None:
    mine = pair()
    image = artifact("-k", str(mine.key))
    damaged = repacked(image, lambda n, d: d[:200] + b"evil" + d[204:] if "data/" in n else d)
    found = examined(damaged, mine.public).protection()
    assert found.signing is Signing.UNREADABLE
    assert "data/0000.tar.gz cannot be read" in found.detail
    other = image.replace(b"data/0000.tar.gz\0\0", b"data/0000.tar.zst\0")
    head = other.index(b"data/0000.tar.zst")
    block = bytearray(other[head : head + 512])
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    found = examined(other[:head] + block + other[head + 512 :], mine.public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, None)
    assert "not compared with the manifest: data/0000.tar.zst" in found.detail


def test_a_second_header_that_nobody_signed(
    artifact: Any,  # noqa: F811
    pair: Any,
    examined: Examine,
) -> None:
    mine, header = pair(), b"header"
    line = f"{hashlib.sha256(header).hexdigest()}  header-augment.tar.gz\n".encode()
    more = (("manifest-augment", line), ("header-augment.tar.gz", header))
    found = examined(tarred(artifact("-k", str(mine.key)), *more), mine.public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    assert "header-augment.tar.gz" in found.detail


# --- Nordic, SUIT ----------------------------------------------------------------------------------------


def test_a_command_before_the_signed_one(examined: Examine) -> None:
    """The decoder of the device merges both, and ``is_debug`` of the first stays: no version is compared."""
    packet = nordic.packet()
    assert packet[:1] == b"\x12"
    inner = packet[len(packet) - nordic_length(packet) :]
    command = b"\x08\x01\x12\x02\x48\x01"
    body = b"\x0a" + bytes([len(command)]) + command + inner
    forged = b"\x12" + varint(len(body)) + body
    files = {
        "manifest.json": b'{"manifest": {"application": {"bin_file": "a.bin", "dat_file": "a.dat"}}}'
    }
    for dat, signing in ((packet, Signing.VERIFIED), (forged, Signing.UNREADABLE)):
        image = nordic.zipped({**files, "a.bin": nordic.BODY, "a.dat": dat})
        found = examined(image, nordic.pem(nordic.KEY)).protection()
        assert found.signing is signing
    assert "field 1 is there 2 times" in found.detail


def nordic_length(packet: bytes) -> int:
    value = shift = 0
    for byte in packet[1:]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value


def varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80, value >> 7]) if value > 0x7F else bytes([value])


def cut(private: Any, install: bytes, *, named: bool = True, kind: int = 18) -> bytes:
    """An envelope whose installation stands beside the manifest, which has the digest of ``b"install"``'s twin."""
    digest = [-16, hashlib.sha256(suit.PAYLOAD).digest()]
    steps = cbor2.dumps([20, {3: cbor2.dumps(digest)}, 21, 2])
    body: dict[int, Any] = {1: 1, 2: 5, 3: cbor2.dumps({2: [[b"app"]]})}
    if named:
        body[20] = [-16, hashlib.sha256(cbor2.dumps(steps)).digest()]
    manifest = cbor2.dumps(body)
    over = cbor2.dumps([-16, hashlib.sha256(cbor2.dumps(manifest)).digest()])
    block = suit.sign(private, -7, over)
    if kind == 98:
        block = many(private, over)
    parts = {2: cbor2.dumps([over, block]), 3: manifest, 20: install or steps}
    return bytes(cbor2.dumps(cbor2.CBORTag(107, {**parts, "#app": suit.PAYLOAD})))


def many(private: Any, digest: bytes) -> bytes:
    """COSE_Sign with one signer."""
    body, each = cbor2.dumps({}), cbor2.dumps({1: -7})
    data = cbor2.dumps(["Signature", body, each, b"", digest])
    r, t = decode_dss_signature(private.sign(data, ec.ECDSA(hashes.SHA256())))
    row = [each, {4: b"key-1"}, r.to_bytes(32) + t.to_bytes(32)]
    return bytes(cbor2.dumps(cbor2.CBORTag(98, [body, {}, None, [row]])))


def test_a_part_of_the_manifest_that_stands_beside_it(examined: Examine) -> None:
    mine, public = suit.make_key(-7)
    found = examined(cut(mine, b""), public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)
    evil = cbor2.dumps([20, {21: "http://evil.example/app"}, 21, 2])
    for keys in ((), (public,)):
        found = examined(cut(mine, evil), *keys).protection()
        assert found.signing is Signing.TAMPERED
        assert "install beside it" in found.detail
    found = examined(cut(mine, evil, named=False), public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    assert "not under the manifest: install" in found.detail


def test_a_message_of_several_signers_is_a_signature(examined: Examine) -> None:
    mine, public = suit.make_key(-7)
    other = suit.make_key(-7)[1]
    image = cut(mine, b"", kind=98)
    assert examined(image).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, other).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, public).protection().signing is Signing.VERIFIED


@pytest.mark.parametrize("tag", [96, 97, 16, None])
def test_a_block_of_another_kind_is_not_nothing(tag: int | None, examined: Examine) -> None:
    image = dict(cbor2.loads(suit.envelope()).value)
    digest = cbor2.loads(image[2])[0]
    rows: Any = [b"", {}, None, b"x" * 64]
    block = cbor2.dumps(rows if tag is None else cbor2.CBORTag(tag, rows))
    image[2] = cbor2.dumps([digest, block])
    tagged = cbor2.dumps(cbor2.CBORTag(107, image))
    assert examined(tagged).protection().signing is Signing.NOT_VERIFIED


# --- Android, UEFI -----------------------------------------------------------------------------------------


def test_a_footer_that_says_the_partition_is_empty(pair: Any, examined: Examine) -> None:
    """Nobody signs the footer; the boot loader starts as many bytes as the signed descriptor says."""
    mine = pair()
    image = bytearray(avb.footed(avb.vbmeta(mine)))
    struct.pack_into(">Q", image, len(image) - 64 + 12, 0)
    found = examined(bytes(image), mine.public)
    assert (found.protection().signing, found.protection().binds_payload) == (
        Signing.VERIFIED,
        True,
    )
    assert found.all(ImageLayer)[1].size == len(avb.BODY)


def test_descriptors_of_several_partitions(
    pair: Any, examined: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``avbtool --include_descriptors_from_image`` puts others beside the partition's own."""
    mine, original = pair(), avb.hashed
    both = lambda name, body: original(b"dtbo", b"other") + original(name, body)  # noqa: E731
    monkeypatch.setattr(avb, "hashed", both)
    meta = avb.vbmeta(mine)
    found = examined(avb.footed(meta), mine.public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)
    found = examined(avb.footed(meta, b"evil" + avb.BODY[4:]), mine.public).protection()
    assert found.signing is Signing.TAMPERED


def test_a_partition_without_digest_among_others(
    pair: Any, examined: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, original = pair(), avb.hashed

    def both(name: bytes, body: bytes) -> bytes:
        head = struct.pack(">Q32sIIII60x", len(body), b"sha256", 6, 0, 0, 0)
        return original(name, body) + avb.descriptor(2, head + b"system")

    monkeypatch.setattr(avb, "hashed", both)
    found = examined(avb.vbmeta(mine), mine.public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    assert "no digest of system" in found.detail


def test_code_of_the_vendor_behind_a_signed_payload(
    capsule: Any,  # noqa: F811
    pair: Any,
    examined: Examine,
) -> None:
    mine = pair()
    image = bytearray(capsule(mine)) + b"evil" * 25
    (start,) = struct.unpack_from("<I", image, 16)
    (item,) = struct.unpack_from("<Q", image, start + 8)
    struct.pack_into("<I", image, 24, len(image))
    struct.pack_into("<I", image, start + item + 28, 100)
    found = examined(bytes(image), mine.certificate).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    assert "100 bytes of vendor code" in found.detail


def test_signatures_of_the_other_kinds_that_uefi_takes(
    signed: Any,  # noqa: F811
    pair: Any,
    examined: Examine,
) -> None:
    mine = pair()
    image = signed(mine)
    row = struct.unpack_from("<I", image, 0x3C)[0] + 24 + 112 + 32
    (at,) = struct.unpack_from("<I", image, row)
    der = image[at + 8 : at + struct.unpack_from("<I", image, at)[0]]
    for kind, guid, signing in (
        (0x0EF1, pe_reader.PKCS7.bytes_le, Signing.VERIFIED),
        (0x0EF1, os.urandom(16), Signing.NOT_VERIFIED),
        (0x0EF0, b"", Signing.NOT_VERIFIED),
    ):
        block = struct.pack("<IHH", 8 + len(guid) + len(der), 0x200, kind) + guid + der
        block += bytes(-len(block) % 8)
        other = bytearray(image[:at] + block)
        struct.pack_into("<II", other, row, at, len(block))
        assert examined(bytes(other), mine.certificate).protection().signing is signing
