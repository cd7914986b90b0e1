"""What imgtool can do beside plain signing: other hashes, pure signatures, compression, records, whole slots."""

import contextlib
import hashlib
import lzma
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget, OutOfBudget
from firmware_checks.formats.mcuboot import FORMAT
from firmware_checks.formats.mcuboot_signature import PUBLIC_KEYS
from firmware_checks.reading import Context
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageLayer, Signing
from tests.firmware_checks.formats.test_transports import program

Tool = Callable[..., Any]
Examine = Callable[..., Any]
Make = Callable[..., tuple[bytes, bytes]]
KEYS = Path(__file__).parent / "keys"


@pytest.fixture
def make(tool: Tool, tmp_path: Path) -> Make:
    """Makes an image with the key ``mine``, which is made anew for each kind."""

    def image(kind: str, *options: str, body: bytes | None = None) -> tuple[bytes, bytes]:
        tool("imgtool", "keygen", "-k", "mine.pem", "-t", kind)
        public = str(tool("imgtool", "getpub", "-k", "mine.pem", "-e", "pem").stdout).encode()
        (tmp_path / "body.bin").write_bytes(body or program())
        common = ["--header-size", "0x200", "--pad-header", "-S", "0x20000", "--align", "4"]
        tool(
            *("imgtool", "sign", *common, "--version", "1.2.3", "-k", "mine.pem"),
            *(*options, "body.bin", "out.bin"),
        )
        return (tmp_path / "out.bin").read_bytes(), public

    return image


@pytest.mark.parametrize(
    ("kind", "options", "scheme"),
    [
        ("ecdsa-p384", [], "ECDSA P-384 SHA-384"),
        ("ed25519", ["--pure"], "Ed25519 over the image"),
        ("ed25519", ["--sha", "512"], "Ed25519 over SHA-512"),
        ("ecdsa-p256", ["--public-key-format", "full"], "ECDSA P-256 SHA-256"),
        ("rsa-2048", ["--public-key-format", "full"], "RSA-2048 PSS SHA-256"),
    ],
)
def test_other_hashes_and_pure_signatures(
    kind: str, options: list[str], scheme: str, make: Make, examined: Examine
) -> None:
    image, public = make(kind, *options)
    found = examined(image, public).protection()
    assert (found.signing, found.scheme) == (Signing.VERIFIED, scheme)
    _, other = make(kind, *options)
    assert examined(image, other).protection().signing is Signing.NOT_VERIFIED
    changed = bytearray(image)
    changed[0x300] ^= 1
    for keys in ((), (public,)):
        assert examined(bytes(changed), *keys).protection().signing is Signing.TAMPERED


@pytest.mark.parametrize("kind", ["lzma2", "lzma2armthumb"])
def test_a_compressed_payload_is_opened(kind: str, make: Make, examined: Examine) -> None:
    body = program() + b"the same again and again " * 400
    image, public = make("ecdsa-p256", "--compression", kind, body=body)
    found = examined(image, public)
    assert found.protection().signing is Signing.VERIFIED
    inside = [layer for layer in found.all(ImageLayer) if layer.place == "0/0"]
    assert inside[0].format == "Cortex-M program"
    assert inside[0].sha256 == hashlib.sha256(body).hexdigest()
    assert "compressed with LZMA2" in dict(found.all(ImageLayer)[0].details)["flags"]


def test_dependencies_and_the_boot_record_are_told(make: Make, examined: Examine) -> None:
    image, _ = make("ecdsa-p256", "-d", "(1, 2.3.4+5)", "--boot-record", "APP", "--vid", "a.b")
    details = dict(examined(image).all(ImageLayer)[0].details)
    assert details["needs image 1"] == "version 2.3.4+5 or later"
    assert details["boot record"] == "APP 1.2.3"
    assert len(details["vendor"]) == 32


def test_an_image_ready_to_be_encrypted_is_in_clear(
    make: Make, tool: Tool, tmp_path: Path, examined: Examine
) -> None:
    tool("imgtool", "keygen", "-k", "device.pem", "-t", "ecdsa-p256")
    device = str(tmp_path / "device.pem")
    clear, public = make("ecdsa-p256", "-E", device, "--clear")
    found = examined(clear, public)
    assert found.protection().signing is Signing.VERIFIED
    assert not found.protection().encrypted
    assert found.formats()["0/0"] == "Cortex-M program"
    secret, public = make("ecdsa-p256", "-E", device)
    changed = bytearray(secret)
    changed[0x300] ^= 1
    for image in (secret, bytes(changed)):
        protection = examined(image, public).protection()
        assert (protection.signing, protection.encrypted) == (Signing.ENCRYPTED, True)


@pytest.mark.parametrize("options", [["--pad"], ["--confirm"], ["--confirm", "--max-align", "32"]])
def test_a_whole_slot_is_one_image(options: list[str], make: Make, examined: Examine) -> None:
    image, public = make("ecdsa-p256", *options)
    assert len(image) == 0x20000
    found = examined(image, public)
    assert found.protection().signing is Signing.VERIFIED
    assert found.survey.unread == ()
    assert set(found.formats()) == {"0", "0/0"}
    hidden = image[:0x8000] + os.urandom(4096) + image[0x9000:]
    assert examined(hidden, public).survey.unread != ()


def test_an_image_signed_with_a_publicly_known_key(
    tool: Tool, tmp_path: Path, examined: Examine
) -> None:
    """imgtool signs with the private half that everybody has."""
    name = str(KEYS / "mcuboot-root-ec-p384.pem")
    (tmp_path / "body.bin").write_bytes(program())
    common = ["--header-size", "0x200", "--pad-header", "-S", "0x20000", "--align", "4"]
    tool("imgtool", "sign", *common, "--version", "1", "-k", name, "body.bin", "out.bin")
    public = str(tool("imgtool", "getpub", "-k", name, "-e", "pem").stdout).encode()
    image = (tmp_path / "out.bin").read_bytes()
    for keys, signing in (((), Signing.NOT_VERIFIED), ((public,), Signing.VERIFIED)):
        found = examined(image, *keys).protection()
        assert (found.signing, found.public_key) == (signing, "MCUboot root-ec-p384")


@pytest.mark.parametrize("name", [n for n in PUBLIC_KEYS if len(n) == 64])
def test_an_image_that_names_a_publicly_known_key(name: str, make: Make, examined: Examine) -> None:
    """Of these keys nobody has the private half here: the name in the area is changed."""
    image, public = make("ecdsa-p256")
    real = examined(image).protection().key_id
    forged = image.replace(bytes.fromhex(real), bytes.fromhex(name))
    assert forged != image
    found = examined(forged, public).protection()
    assert (found.signing, found.public_key) == (Signing.NOT_VERIFIED, PUBLIC_KEYS[name])


def test_a_key_of_ones_own_is_no_public_one(make: Make, examined: Examine) -> None:
    image, public = make("ecdsa-p256")
    assert examined(image, public).protection().public_key == ""


def tlv(*rows: tuple[int, bytes]) -> bytes:
    body = b"".join(struct.pack("<HH", tag, len(value)) + value for tag, value in rows)
    return struct.pack("<HH", 0x6907, len(body) + 4) + body


def bare(make: Make) -> bytes:
    """Header and payload of an image, without its area of hashes and signatures."""
    image, _ = make("ecdsa-p256")
    return image[: 0x200 + int.from_bytes(image[12:16], "little")]


def holder(curve: ec.EllipticCurve) -> tuple[ec.EllipticCurvePrivateKey, bytes, bytes]:
    private = ec.generate_private_key(curve)
    form = s.PublicFormat.SubjectPublicKeyInfo
    der = private.public_key().public_bytes(s.Encoding.DER, form)
    pem = private.public_key().public_bytes(s.Encoding.PEM, form)
    return private, hashlib.sha256(der).digest(), pem


def test_a_curve_that_was_given_up_is_weak(make: Make, examined: Examine) -> None:
    """imgtool makes none any more, so the signature is made here."""
    body = bare(make)
    private, name, public = holder(ec.SECP224R1())
    signed = private.sign(body, ec.ECDSA(hashes.SHA256()))
    image = body + tlv((0x10, hashlib.sha256(body).digest()), (1, name), (0x21, signed))
    for keys, signing in (((), Signing.NOT_VERIFIED), ((public,), Signing.VERIFIED)):
        found = examined(image, *keys).protection()
        assert (found.signing, found.key_bits) == (signing, 224)
        assert found.weak


def test_two_signatures_and_two_hashes(make: Make, examined: Examine) -> None:
    body = bare(make)
    digest = (0x10, hashlib.sha256(body).digest())
    mine, other = holder(ec.SECP256R1()), holder(ec.SECP256R1())
    rows = [
        row
        for private, name, _ in (other, mine)
        for row in ((1, name), (0x22, private.sign(body, ec.ECDSA(hashes.SHA256()))))
    ]
    both = examined(body + tlv(digest, *rows), mine[2]).protection()
    assert both.signing is Signing.VERIFIED
    assert "2 signatures" in both.detail
    assert both.key_id == mine[1].hex()
    swapped = [rows[0], rows[3], rows[2], rows[1]]
    assert examined(body + tlv(digest, *swapped), mine[2]).protection().signing is Signing.TAMPERED
    # The boot loader compares every hash.
    wrong = body + tlv(digest, (0x10, bytes(32)), *rows)
    assert examined(wrong, mine[2]).protection().signing is Signing.TAMPERED


@pytest.mark.parametrize("form", ["with the size", "without", "until the end"])
def test_lzma1_is_opened(form: str, make: Make, examined: Examine) -> None:
    """imgtool writes none; the flag and the decoder are those of MCUboot and nRF Connect."""
    plain = program() + b"the same again and again " * 400
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    packed = lzma.compress(plain, lzma.FORMAT_RAW, filters=filters)
    size = {"with the size": struct.pack("<Q", len(plain)), "without": b""}.get(form, b"\xff" * 8)
    payload = struct.pack("<BI", 93, 1 << 16) + size + packed
    header = bytearray(bare(make)[:0x200])
    inner = struct.pack("<HHI", 0x70, 4, len(plain))
    protected = struct.pack("<HH", 0x6908, len(inner) + 4) + inner
    struct.pack_into("<HII", header, 10, len(protected), len(payload), 0x200)
    body = bytes(header) + payload + protected
    image = body + tlv((0x10, hashlib.sha256(body).digest()))
    layers = [layer for layer in examined(image).all(ImageLayer) if layer.place == "0/0"]
    assert layers[0].sha256 == hashlib.sha256(plain).hexdigest()
    cut = image.replace(packed[:200], bytes(200))
    assert examined(cut).survey.unread


def test_a_lying_size_and_damaged_compression(make: Make, examined: Examine) -> None:
    image, _ = make("ecdsa-p256", "--compression", "lzma2", body=bytes(20_000))
    at = image.index((20_000).to_bytes(4, "little"))
    for size in (0, 30_000, 0xFFFFFFFF):
        lying = image[:at] + size.to_bytes(4, "little") + image[at + 4 :]
        assert examined(lying).survey.unread != ()


def test_nothing_but_malformed_is_raised(make: Make) -> None:
    plain, _ = make("ed25519", "-d", "(1, 2.3.4+5)", "--boot-record", "APP", "-s", "3")
    packed, _ = make("ed25519", "--compression", "lzma2", body=bytes(9_000))

    @settings(max_examples=300, deadline=1000)
    @given(st.data())
    def mutated(data: st.DataObject) -> None:
        image = data.draw(st.sampled_from([plain, packed]))
        changed = bytearray(image)
        body = int.from_bytes(image[12:16], "little")
        where = st.integers(0, 31) | st.integers(0x200 + body, len(image) - 1)
        where |= st.integers(0x200, 0x240)
        for at, value in data.draw(st.lists(st.tuples(where, st.integers(0, 255)), max_size=6)):
            changed[at] = value
        with contextlib.suppress(Malformed, OutOfBudget):
            reading = FORMAT.read(View(bytes(changed)), Context(Budget()))
            for part in reading.parts if reading else ():
                if part.make:
                    part.make(Budget())

    mutated()
