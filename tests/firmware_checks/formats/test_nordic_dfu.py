"""Nordic's packages. The writer is our own, from ``dfu-cc.proto``; packages of the vendor's nrfutil 6.0 and of
adafruit-nrfutil 0.5 were held against the reader by hand, with their keys."""

import binascii
import contextlib
import hashlib
import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget, Limits, OutOfBudget
from firmware_checks.formats.nordic_dfu import FORMAT
from firmware_checks.formats.nordic_init import legacy, present
from firmware_checks.reading import Context
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageLayer, Rollback, Signing
from tests.firmware_checks.formats.test_transports import program

Examine = Callable[..., Any]
KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
BODY = program()


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)


def field(number: int, value: int | bytes) -> bytes:
    def varint(n: int) -> bytes:
        out = b""
        while n > 0x7F:
            out, n = out + bytes([n & 0x7F | 0x80]), n >> 7
        return out + bytes([n])

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def packet(
    body: bytes = BODY,
    *,
    key: ec.EllipticCurvePrivateKey | None = KEY,
    debug: bool = False,
    crc: bool = False,
) -> bytes:
    digest = binascii.crc32(body).to_bytes(4) if crc else hashlib.sha256(body).digest()
    hashed = field(1, 1 if crc else 3) + field(2, digest[::-1])
    init = field(1, 7) + field(2, 52) + field(3, b"\xb6\x01") + field(4, 0) + field(7, len(body))
    init += field(8, hashed) + (field(9, 1) if debug else b"")
    command = field(1, 1) + field(2, init)
    if key is None:
        return field(1, command)
    r, t = decode_dss_signature(key.sign(init, ec.ECDSA(hashes.SHA256())))
    signature = r.to_bytes(32, "little") + t.to_bytes(32, "little")
    return field(2, field(1, command) + field(2, 0) + field(3, signature))


def old_packet(body: bytes = BODY, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    head = struct.pack("<HHIHH", 0xFFFF, 0xFFFF, 3, 1, 0xFFFE)
    if key is None:
        return head + struct.pack("<H", binascii.crc_hqx(body, 0xFFFF))
    head += struct.pack("<HI", 2, len(body)) + hashlib.sha256(body).digest()
    r, t = decode_dss_signature(key.sign(head, ec.ECDSA(hashes.SHA256())))
    return head + r.to_bytes(32) + t.to_bytes(32)


def package(dat: bytes, body: bytes = BODY, *, old: bool = False) -> bytes:
    manifest: dict[str, Any] = {"application": {"bin_file": "a.bin", "dat_file": "a.dat"}}
    if old:
        manifest["dfu_version"] = 0.5
    return zipped(
        {
            "manifest.json": json.dumps({"manifest": manifest}).encode(),
            "a.bin": body,
            "a.dat": dat,
        }
    )


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_a_signed_package_with_and_without_its_key(examined: Examine) -> None:
    image = package(packet())
    assert examined(image).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, pem(OTHER)).protection().signing is Signing.NOT_VERIFIED
    found = examined(image, pem(KEY))
    protection = found.protection()
    assert protection.signing is Signing.VERIFIED
    assert protection.binds_payload is True
    assert (protection.rollback, protection.rollback_value) == (Rollback.COUNTER, 7)
    assert found.formats() == {"0": "Nordic DFU package", "0/0": "Cortex-M program"}
    assert found.all(ImageLayer)[0].version == "7"
    assert found.survey.unread == ()


def test_another_program_under_the_same_signature(examined: Examine) -> None:
    image = package(packet(), body=BODY[:-1] + bytes([BODY[-1] ^ 1]))
    for keys in ((), (pem(KEY),), (pem(OTHER),)):
        assert examined(image, *keys).protection().signing is Signing.TAMPERED


def test_a_forged_packet_with_its_hash_made_anew(examined: Examine) -> None:
    """The signature is of the old packet: nobody can tell a wrong key from a change, so it is not verified."""
    body = os.urandom(500)
    forged = packet(body)[:-64] + packet()[-64:]
    found = examined(package(forged, body), pem(KEY)).protection()
    assert (found.signing, found.integrity) == (Signing.NOT_VERIFIED, "SHA-256 holds")


def test_unsigned_and_debug_and_bound_by_a_checksum(examined: Examine) -> None:
    unsigned = examined(package(packet(key=None))).protection()
    assert (unsigned.signing, unsigned.rollback) == (Signing.UNSIGNED, Rollback.UNSIGNED_COUNTER)
    debug = examined(package(packet(debug=True)), pem(KEY)).protection()
    assert (debug.signing, debug.rollback) == (Signing.VERIFIED, Rollback.NONE)
    assert "debug build" in debug.detail
    crc = examined(package(packet(crc=True)), pem(KEY)).protection()
    assert (crc.signing, crc.binds_payload) == (Signing.VERIFIED, False)
    assert crc.weak


def test_legacy_packages(examined: Examine) -> None:
    found = examined(package(old_packet(), old=True))
    assert found.formats()["0"] == "Nordic DFU package, legacy"
    protection = found.protection()
    assert (protection.signing, protection.can_be_signed) == (Signing.UNSIGNED, False)
    assert protection.integrity == "CRC-16 holds"
    broken = examined(package(old_packet(), body=BODY + b"x", old=True)).protection()
    assert (broken.signing, broken.integrity) == (Signing.UNSIGNED, "CRC-16 does not hold")
    signed = package(old_packet(key=KEY), old=True)
    assert examined(signed).protection().signing is Signing.NOT_VERIFIED
    assert examined(signed, pem(KEY)).protection().signing is Signing.VERIFIED


def test_a_member_that_is_missing_and_one_that_lies(examined: Examine) -> None:
    manifest = {"manifest": {"application": {"bin_file": "a.bin", "dat_file": "../../a.dat"}}}
    found = examined(zipped({"manifest.json": json.dumps(manifest).encode(), "a.bin": BODY}))
    assert found.protection().signing is Signing.UNREADABLE
    assert "init packet" in found.survey.unread[0]
    bomb = package(packet(), body=bytes(40 << 20))
    found = examined(bomb, limits=Limits(one_layer=1 << 20))
    assert found.protection().signing is Signing.UNREADABLE
    assert "larger than" in found.survey.unread[0]


def test_nrf_connect_carries_mcuboot_images(
    tool: Callable[..., Any], tmp_path: Any, examined: Examine
) -> None:
    (tmp_path / "body.bin").write_bytes(BODY)
    tool("imgtool", "keygen", "-k", "mine.pem", "-t", "ed25519")
    public = str(tool("imgtool", "getpub", "-k", "mine.pem", "-e", "pem").stdout).encode()
    tool(
        *("imgtool", "sign", "--header-size", "0x200", "--pad-header", "-S", "0x20000"),
        *("--align", "4", "--version", "1.2.3", "-k", "mine.pem", "body.bin", "out.bin"),
    )
    manifest = {
        "format-version": 1,
        "name": "lamp",
        "files": [{"file": "app.bin", "type": "application", "board": "nrf5340dk"}],
    }
    members = {
        "app.bin": (tmp_path / "out.bin").read_bytes(),
        "manifest.json": json.dumps(manifest).encode(),
    }
    found = examined(zipped(members), public)
    assert found.formats()["0"] == "nRF Connect DFU package"
    assert not found.protection().can_be_signed
    assert found.protection("0/0").signing is Signing.VERIFIED


def test_another_zip_is_not_taken_for_one() -> None:
    for members in ({"a": b"b"}, {"manifest.json": b"[]"}, {"manifest.json": b"{}"}):
        assert FORMAT.read(View(zipped(members)), Context(Budget())) is None


@pytest.mark.parametrize("read", [present, legacy])
@settings(max_examples=300, deadline=1000)
@given(changes=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6))
def test_nothing_but_malformed_is_raised(
    read: Callable[[View], Any], changes: list[tuple[int, int]]
) -> None:
    for sample in (packet(), old_packet(key=KEY)):
        data = bytearray(sample)
        for at, value in changes:
            data[at % len(data)] = value
        with contextlib.suppress(Malformed):
            read(View(bytes(data)))


ZIP = package(packet(body=b"x" * 100), body=b"x" * 100)


@settings(max_examples=300, deadline=1000)
@given(
    st.lists(st.tuples(st.integers(0, len(ZIP) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(ZIP)),
)
def test_a_mutated_zip_raises_nothing_else(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(ZIP)
    for at, value in changes:
        data[at] = value
    for image in (bytes(data), bytes(data[:cut])):
        with contextlib.suppress(Malformed, OutOfBudget):
            FORMAT.read(View(image), Context(Budget()))
