"""Android vbmeta images and footers by an own writer, from AOSP's headers; avbtool is not packaged."""

import hashlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import padding

from firmware_checks.formats import vbmeta as reader
from probe.model.firmware import ImageLayer, Rollback, Signing

Examine = Callable[..., Any]
BODY = os.urandom(8192)
SALT = b"salt" * 4


@dataclass
class Known:
    """The key that everybody has."""

    private: Any
    public: bytes


def aosp() -> Known:
    """AOSP's own test key of 2048 bits."""
    pem = (Path(__file__).parent / "keys" / "avb-testkey-rsa2048.pem").read_bytes()
    private = s.load_pem_private_key(pem, None)
    form = s.PublicFormat.SubjectPublicKeyInfo
    return Known(private, private.public_key().public_bytes(s.Encoding.PEM, form))


def descriptor(tag: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 8)
    return struct.pack(">QQ", tag, len(body)) + body


def hashed(name: bytes, body: bytes) -> bytes:
    digest = hashlib.sha256(SALT + body).digest()
    head = struct.pack(">Q32sIIII60x", len(body), b"sha256", len(name), len(SALT), len(digest), 0)
    return descriptor(2, head + name + SALT + digest)


def named(name: bytes, value: bytes) -> bytes:
    return descriptor(0, struct.pack(">QQ", len(name), len(value)) + name + b"\0" + value + b"\0")


def key_block(private: Any) -> bytes:
    numbers = private.public_key().public_numbers()
    size = private.key_size // 8
    inverse = -pow(numbers.n, -1, 1 << 32) % (1 << 32)
    square = pow(1 << private.key_size, 2, numbers.n)
    head = struct.pack(">II", private.key_size, inverse)
    return head + numbers.n.to_bytes(size) + square.to_bytes(size)


def vbmeta(holder: Any = None, rollback: int = 3, flags: int = 0, body: bytes = BODY) -> bytes:
    descriptors = hashed(b"boot", body) + named(b"com.android.build.boot.os_version", b"14")
    key = key_block(holder.private) if holder else b""
    auxiliary = descriptors + key
    auxiliary += bytes(-len(auxiliary) % 64)
    size = holder.private.key_size // 8 if holder else 0
    authentication = (32 + size + 63) // 64 * 64 if holder else 0
    blocks = struct.pack(">8Q", 0, 32 if holder else 0, 32 if holder else 0, size,
                         len(descriptors), len(key), 0, 0)  # fmt: skip
    header = struct.pack(
        ">4sIIQQI", b"AVB0", 1, 0, authentication, len(auxiliary), 1 if holder else 0
    )
    header += blocks + struct.pack(
        ">QQQII48s80x", 0, len(descriptors), rollback, flags, 0, b"own writer"
    )
    signed = header + auxiliary
    if not holder:
        return signed
    digest = hashlib.sha256(signed).digest()
    signature = holder.private.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return header + (digest + signature).ljust(authentication, b"\0") + auxiliary


def footed(meta: bytes, body: bytes = BODY) -> bytes:
    footer = struct.pack(">4sIIQQQ28x", b"AVBf", 1, 0, len(body), len(body), len(meta))
    return body + meta + bytes(4096) + footer


def test_signed_with_and_without_the_key(pair: Any, examined: Examine) -> None:
    mine, other = pair(), pair("other")
    image = vbmeta(mine)
    assert examined(image).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, other.public).protection().signing is Signing.NOT_VERIFIED
    found = examined(image, mine.public)
    one = found.protection()
    assert (one.signing, one.scheme) == (Signing.VERIFIED, "RSA-2048 PKCS#1 v1.5 SHA-256")
    assert (one.rollback, one.rollback_value) == (Rollback.COUNTER, 3)
    assert found.all(ImageLayer)[0].version == "14"
    assert examined(vbmeta(mine, rollback=0)).protection().rollback is Rollback.NONE


def test_changed_with_the_hash_as_it_was_and_made_anew(pair: Any, examined: Examine) -> None:
    mine = pair()
    image = bytearray(vbmeta(mine))
    image[119] ^= 1
    assert examined(bytes(image)).protection().signing is Signing.TAMPERED
    one = struct.unpack_from(">Q", image, 12)[0]
    digest = hashlib.sha256(image[:256] + image[256 + one :]).digest()
    image[256:288] = digest
    for keys in ((), (mine.public,)):
        found = examined(bytes(image), *keys).protection()
        assert found.signing is Signing.TAMPERED
        assert "did not make" in found.detail


@pytest.mark.parametrize("flags", [1, 2])
def test_flags_that_switch_verification_off(flags: int, pair: Any, examined: Examine) -> None:
    found = examined(vbmeta(pair(), flags=flags)).protection()
    assert found.binds_payload is False
    assert "off" in found.weak


def test_a_publicly_known_key(pair: Any, examined: Examine, monkeypatch: Any) -> None:
    """AOSP's test keys are known by the SHA-1 of their block; here the table names a key of this run."""
    assert examined(vbmeta(aosp())).protection().public_key == "AOSP testkey_rsa2048"
    mine = pair()
    sha1 = hashlib.sha1(key_block(mine.private)).hexdigest()
    assert not examined(vbmeta(mine)).protection().public_key
    monkeypatch.setitem(reader.PUBLIC_KEYS, sha1, "a test key")
    assert examined(vbmeta(mine)).protection().public_key == "a test key"


def test_footers(pair: Any, examined: Examine) -> None:
    mine = pair()
    found = examined(footed(vbmeta(mine)), mine.public)
    assert found.formats()["0"] == "Android partition with AVB footer"
    assert found.protection().signing is Signing.VERIFIED
    assert found.protection().integrity == "digest holds"
    assert found.all(ImageLayer)[1].size == len(BODY)
    other = b"evil" + BODY[4:]
    assert examined(footed(vbmeta(mine), other)).protection().signing is Signing.TAMPERED
    unsigned = examined(footed(vbmeta())).protection()
    assert unsigned.signing is Signing.UNSIGNED
    assert "another, signed vbmeta" in unsigned.detail


def test_cut_in_half(pair: Any, examined: Examine) -> None:
    assert examined(vbmeta(pair())[:600]).formats()["0"] == "unknown"
