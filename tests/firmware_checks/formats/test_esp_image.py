"""Images that the vendor's esptool and espsecure make: every chip, every signature, and their bad twins."""

import contextlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget
from firmware_checks.formats.esp_image import FORMAT
from firmware_checks.reading import Context
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageKey, ImageLayer, Rollback, Signing
from tests.firmware_checks.formats.esp_samples import CHIPS, elf

Tool = Callable[..., Any]
Examine = Callable[..., Any]
Make = Callable[..., bytes]


@pytest.fixture
def make(tool: Tool, tmp_path: Path) -> Make:
    def image(*options: str, chip: str = "esp32", secure_version: int = 0) -> bytes:
        (tmp_path / "app.elf").write_bytes(elf(chip, secure_version=secure_version))
        tool("esptool", "--chip", chip, "elf2image", *options, "-o", "app.bin", "app.elf")
        return (tmp_path / "app.bin").read_bytes()

    return image


@pytest.fixture
def sign(tool: Tool, tmp_path: Path) -> Callable[[bytes, str, str], tuple[bytes, bytes]]:
    """Signs with a fresh key; gives the image and the public key."""

    def signed(image: bytes, version: str, scheme: str) -> tuple[bytes, bytes]:
        kind = ["--scheme", scheme] if version == "2" else []
        (tmp_path / "key.pem").unlink(missing_ok=True)
        tool("espsecure", "generate-signing-key", "-v", version, *kind, "key.pem")
        (tmp_path / "in.bin").write_bytes(image)
        tool("espsecure", "sign-data", "-v", version, "-k", "key.pem", "-o", "out.bin", "in.bin")
        tool("openssl", "pkey", "-in", "key.pem", "-pubout", "-out", "pub.pem")
        return (tmp_path / "out.bin").read_bytes(), (tmp_path / "pub.pem").read_bytes()

    return signed


@pytest.fixture
def other(tool: Tool, tmp_path: Path) -> Callable[[str], bytes]:
    def public(curve: str) -> bytes:
        how = {"rsa3072": ["RSA", "-pkeyopt", "rsa_keygen_bits:3072"]}.get(
            curve, ["EC", "-pkeyopt", f"ec_paramgen_curve:{curve}"]
        )
        tool("openssl", "genpkey", "-algorithm", *how, "-out", "other.pem")
        return str(tool("openssl", "pkey", "-in", "other.pem", "-pubout").stdout).encode()

    return public


@pytest.mark.parametrize("chip", sorted(CHIPS))
def test_an_unsigned_image_of_every_chip(chip: str, make: Make, examined: Examine) -> None:
    found = examined(make(chip=chip))
    (layer,) = [one for one in found.all(ImageLayer) if one.place == "0"]
    assert (layer.format, layer.title, layer.version) == ("ESP32 image", "lamp", "1.2.3")
    assert layer.built == "Nov 21 2026 12:13:14"
    assert dict(layer.details)["chip"].lower().replace("-", "") == chip
    assert dict(layer.details)["ESP-IDF"] == "v5.3.1"
    protection = found.protection()
    assert protection.signing is Signing.UNSIGNED
    assert protection.integrity == "checksum holds, SHA-256 holds"
    assert protection.rollback is Rollback.UNKNOWN
    assert found.survey.unread == ()


@pytest.mark.parametrize(
    ("scheme", "curve", "said"),
    [
        ("rsa3072", "rsa3072", "RSA-3072 PSS SHA-256"),
        ("ecdsa192", "prime192v1", "EC P-192 ECDSA SHA-256"),
        ("ecdsa256", "P-256", "EC P-256 ECDSA SHA-256"),
        ("ecdsa384", "P-384", "EC P-384 ECDSA SHA-384"),
    ],
)
def test_secure_boot_v2(
    scheme: str,
    curve: str,
    said: str,
    make: Make,
    sign: Any,
    other: Callable[[str], bytes],
    examined: Examine,
) -> None:
    plain = make("--secure-pad-v2", secure_version=3)
    assert examined(plain).protection().signing is Signing.STRIPPED
    image, public = sign(plain, "2", scheme)
    alone, right, wrong = examined(image), examined(image, public), examined(image, other(curve))
    assert alone.protection().signing is Signing.NOT_VERIFIED
    assert wrong.protection().signing is Signing.NOT_VERIFIED
    found = right.protection()
    assert found.signing is Signing.VERIFIED
    assert (found.scheme, found.binds_payload) == (f"secure boot v2, {said}", True)
    assert (found.rollback, found.rollback_value) == (Rollback.COUNTER, 3)
    assert bool(found.weak) is (scheme == "ecdsa192")
    assert alone.survey.unread == ()
    assert [p for p in alone.formats() if p != "0"] == []
    forged = bytearray(image)
    forged[300] ^= 1
    for given_keys in ((), (public,)):
        assert examined(bytes(forged), *given_keys).protection().signing is Signing.TAMPERED


def test_a_signature_moved_to_another_image(make: Make, sign: Any, examined: Examine) -> None:
    first, public = sign(make("--secure-pad-v2"), "2", "rsa3072")
    second, _ = sign(make("--secure-pad-v2"), "2", "rsa3072")
    forged = second[:-4096] + first[-4096:]
    found = examined(forged, public).protection()
    assert found.integrity == "checksum holds, SHA-256 holds"
    assert found.signing is Signing.TAMPERED


def test_two_signatures_and_one_known_key(
    make: Make, sign: Any, tool: Tool, tmp_path: Path, examined: Examine
) -> None:
    _, first = sign(make("--secure-pad-v2"), "2", "ecdsa256")
    tool("espsecure", "generate-signing-key", "-v", "2", "--scheme", "ecdsa256", "two.pem")
    more = ["--append-signatures", "-k", "two.pem", "-o", "two.bin", "out.bin"]
    tool("espsecure", "sign-data", "-v", "2", *more)
    tool("openssl", "pkey", "-in", "two.pem", "-pubout", "-out", "pub2.pem")
    image, second = (tmp_path / "two.bin").read_bytes(), (tmp_path / "pub2.pem").read_bytes()
    for key in (first, second):
        found = examined(image, key).protection()
        assert found.signing is Signing.VERIFIED
        assert "2 signatures" in found.detail
    assert examined(image).protection().signing is Signing.NOT_VERIFIED


def test_a_damaged_signature_block_is_not_called_unsigned(
    make: Make, sign: Any, examined: Examine
) -> None:
    image, public = sign(make("--secure-pad-v2"), "2", "ecdsa256")
    broken = bytearray(image)
    broken[-4096 + 100] ^= 1
    assert examined(bytes(broken), public).protection().signing is Signing.UNREADABLE


def test_secure_boot_v1(
    make: Make, sign: Any, other: Callable[[str], bytes], examined: Examine
) -> None:
    plain = make("--secure-pad")
    assert examined(plain).protection().signing is Signing.STRIPPED
    image, public = sign(plain, "1", "")
    assert examined(image).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, public).protection().signing is Signing.VERIFIED
    assert examined(image, other("P-256")).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, public).protection().scheme == "secure boot v1, ECDSA P-256 SHA-256"
    in_flash = image + b"\xff" * 5000
    assert examined(in_flash, public).protection().signing is Signing.VERIFIED


def test_a_changed_byte_and_a_half_image(make: Make, examined: Examine) -> None:
    image = bytearray(make())
    image[200] ^= 1
    found = examined(bytes(image)).protection()
    assert found.signing is Signing.TAMPERED
    assert found.integrity == "checksum does not hold, SHA-256 does not hold"
    half = examined(bytes(image[: len(image) // 2]))
    assert half.protection().signing is Signing.UNREADABLE
    assert "cut short" in half.survey.unread[0]


def test_an_encrypted_image_is_neither_tampered_nor_unsigned(
    make: Make, tool: Tool, tmp_path: Path, examined: Examine
) -> None:
    make()
    tool("espsecure", "generate-flash-encryption-key", "flash.key")
    tool(
        *("espsecure", "encrypt-flash-data", "--keyfile", "flash.key", "--address", "0x10000"),
        *("-o", "secret.bin", "app.bin"),
    )
    found = examined((tmp_path / "secret.bin").read_bytes())
    assert found.formats()["0"] == "unknown"
    assert "encrypted or compressed" in found.survey.unread[0]


def test_an_image_of_the_esp8266(examined: Examine) -> None:
    """From the specification: esptool's own reader of such an image is not asked."""
    data = bytes(range(240)) * 4
    body = struct.pack("<BBBBI", 0xE9, 1, 2, 0x40, 0x40100000)
    body += struct.pack("<II", 0x40100000, len(data)) + data
    body += bytes(15 - len(body) % 16)
    xor = 0xEF
    for byte in data:
        xor ^= byte
    found = examined(body + bytes([xor]))
    assert found.formats()["0"] == "ESP8266 image"
    assert found.protection().signing is Signing.UNSIGNED
    assert not found.protection().can_be_signed
    assert examined(body + bytes([xor ^ 1])).formats()["0"] == "unknown"


def test_nothing_but_malformed_is_raised(make: Make, sign: Any) -> None:
    image, _ = sign(make(), "2", "ecdsa256")
    sector = len(image) - 4096
    where = st.one_of(st.integers(0, 400), st.integers(sector, sector + 200))

    @settings(max_examples=300, deadline=1000)
    @given(st.lists(st.tuples(where, st.integers(0, 255)), max_size=8))
    def mutated(changes: list[tuple[int, int]]) -> None:
        data = bytearray(image)
        for at, value in changes:
            data[at] = value
        with contextlib.suppress(Malformed):
            FORMAT.read(View(bytes(data)), Context(Budget()))

    mutated()


def test_a_private_key_in_the_program_is_found(
    tool: Tool, tmp_path: Path, examined: Examine
) -> None:
    tool(
        "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "k"
    )
    secret = (tmp_path / "k").read_bytes()
    for data, number in ((b"nothing", 0), (secret + b"\0", 1)):
        (tmp_path / "app.elf").write_bytes(elf(data=data))
        tool("esptool", "--chip", "esp32", "elf2image", "-o", "app.bin", "app.elf")
        keys = examined((tmp_path / "app.bin").read_bytes()).all(ImageKey)
        assert len(keys) == number
        assert all(key.path == "segment at 0x3f400020" for key in keys)
