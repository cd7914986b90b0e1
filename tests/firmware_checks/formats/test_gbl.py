"""Gecko boot loader files by an own writer from UG266; Silicon Labs' commander is not packaged."""

import contextlib
import hashlib
import lzma
import os
import struct
import zlib
from collections.abc import Callable
from typing import Any

import lz4.block  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget
from firmware_checks.formats import gbl
from firmware_checks.reading import Context
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageLayer, Rollback, Signing
from tests.firmware_checks.formats.test_transports import program

Examine = Callable[..., Any]
KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
APP = program()


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)


def tag(kind: int, value: bytes) -> bytes:
    return struct.pack("<II", kind, len(value)) + value


def sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    r, t = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + t.to_bytes(32)


def certificate(
    of: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, version: int = 1
) -> bytes:
    numbers = of.public_key().public_numbers()
    body = bytes([1, 0, 0, 0]) + numbers.x.to_bytes(32) + numbers.y.to_bytes(32)
    body += version.to_bytes(4, "little")
    return tag(gbl.CERTIFICATE, body + sign(by, body))


def closed(body: bytes) -> bytes:
    head = body + struct.pack("<II", gbl.END, 4)
    return head + zlib.crc32(head).to_bytes(4, "little")


def opened(
    *, flags: int, app: bytes = APP, minimum: int | None = None, encrypted: bool = False
) -> bytes:
    out = tag(gbl.HEADER, struct.pack("<II", 0x03000000, flags))
    out += tag(gbl.APPLICATION, struct.pack("<III", 1, 0x0203, 0) + bytes(range(16)))
    if minimum is not None:
        out += tag(gbl.DEPENDENCY, struct.pack("<BBHI", 1, 6, 0, minimum))
    if encrypted:
        out += tag(gbl.ENCRYPTION, struct.pack("<I", 4096) + os.urandom(12))
        return out + tag(gbl.ENCRYPTED, os.urandom(4096))
    return out + tag(gbl.PROGRAMS[0], struct.pack("<I", 0x4000) + app)


def signed(key: ec.EllipticCurvePrivateKey = KEY, before: bytes = b"", **said: Any) -> bytes:
    said.setdefault("flags", gbl.SIGNED_TYPE)
    body = opened(**said) + before
    return body + tag(gbl.SIGNATURE, sign(key, body))


def test_signed_with_and_without_the_key(examined: Examine) -> None:
    image = closed(signed(minimum=0x0201))
    assert examined(image).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, pem(OTHER)).protection().signing is Signing.NOT_VERIFIED
    found = examined(image, pem(KEY))
    one = found.protection()
    assert (one.signing, one.binds_payload) == (Signing.VERIFIED, True)
    assert (one.rollback, one.rollback_value) == (Rollback.COUNTER, 0x0201)
    assert one.integrity == "CRC-32 holds"
    assert found.formats() == {"0": "Gecko boot loader file", "0/0": "Cortex-M program"}
    assert found.all(ImageLayer)[0].version == "0x00000203"


def test_a_certificate_leads_to_the_key(examined: Examine) -> None:
    signer = ec.generate_private_key(ec.SECP256R1())
    image = closed(signed(signer, certificate(signer, KEY)))
    for key in (signer, KEY):
        assert examined(image, pem(key)).protection().signing is Signing.VERIFIED
    for keys in ((), (pem(OTHER),)):
        assert examined(image, *keys).protection().signing is Signing.NOT_VERIFIED
    # Its own certificate is no proof, and a signature that it does not fit is no accident.
    own = closed(signed(signer, certificate(signer, signer)))
    assert examined(own, pem(KEY)).protection().signing is Signing.NOT_VERIFIED
    wrong = closed(signed(OTHER, certificate(signer, KEY)))
    for keys in ((), (pem(KEY),)):
        assert examined(wrong, *keys).protection().signing is Signing.TAMPERED


def test_unsigned_stripped_and_changed(examined: Examine) -> None:
    plain = examined(closed(opened(flags=0))).protection()
    assert (plain.signing, plain.rollback) == (Signing.UNSIGNED, Rollback.UNKNOWN)
    bare = examined(closed(opened(flags=gbl.SIGNED_TYPE))).protection()
    assert bare.signing is Signing.STRIPPED
    image = signed()
    changed = closed(image.replace(APP[-50:], bytes(50)))
    # Nobody can tell a wrong key from a changed content with elliptic curves.
    assert examined(changed, pem(KEY)).protection().signing is Signing.NOT_VERIFIED
    broken = closed(image)[:-1] + b"!"
    assert examined(broken, pem(KEY)).protection().integrity == "CRC-32 does not hold"


def test_what_stands_behind_the_signature_is_not_signed(examined: Examine) -> None:
    more = signed() + tag(gbl.PROGRAMS[1], struct.pack("<I", 0) + b"evil" * 100)
    found = examined(closed(more), pem(KEY)).protection()
    assert (found.signing, found.binds_payload) == (Signing.NOT_VERIFIED, False)


@pytest.mark.parametrize("kind", list(gbl.PACKED))
def test_packed_programs_are_opened(kind: int, examined: Examine) -> None:
    """An address, then a bare LZ4 block or an LZMA file whose header says the size, as pygbl makes them too."""
    body = lz4.block.compress(APP, store_size=False)
    if gbl.PACKED[kind] == "LZMA":
        filters = [{"id": lzma.FILTER_LZMA1, "lc": 1, "lp": 1, "pb": 2, "dict_size": 8192}]
        body = lzma.compress(APP, lzma.FORMAT_ALONE, filters=filters)
        body = body[:5] + len(APP).to_bytes(8, "little") + body[13:]
    head = tag(gbl.HEADER, struct.pack("<II", 0x03000000, gbl.SIGNED_TYPE))
    head += tag(kind, struct.pack("<I", 0x4000) + body)
    image = closed(head + tag(gbl.SIGNATURE, sign(KEY, head)))
    found = examined(image, pem(KEY))
    assert found.protection().signing is Signing.VERIFIED
    assert found.formats() == {"0": "Gecko boot loader file", "0/0": "Cortex-M program"}
    assert found.all(ImageLayer)[1].sha256 == hashlib.sha256(APP).hexdigest()
    assert found.survey.unread == ()
    for wrong in (tag(kind, b"ab"), tag(kind, bytes(4) + body[: len(body) // 2])):
        found = examined(closed(tag(gbl.HEADER, struct.pack("<II", 0x03000000, 0)) + wrong))
        assert len(found.survey.unread) == 1
        assert found.protection().signing is Signing.UNSIGNED


def test_encrypted_is_never_tampered(examined: Examine) -> None:
    flags = gbl.SIGNED_TYPE | gbl.ENCRYPTED_TYPE
    image = closed(signed(flags=flags, encrypted=True))
    assert examined(image, pem(KEY)).protection().signing is Signing.VERIFIED
    for data in (image, closed(signed(OTHER, flags=flags, encrypted=True))):
        for keys in ((), (pem(OTHER),), (pem(KEY),)):
            found = examined(data, *keys)
            assert found.protection().signing is not Signing.TAMPERED
            assert found.protection().encrypted
            assert any("encrypted" in text for text in found.survey.unread)


@pytest.mark.parametrize("part", [4, 3, 2])
def test_cut_short(part: int, examined: Examine) -> None:
    image = closed(signed())
    found = examined(image[: len(image) // part])
    assert found.protection().signing is Signing.UNREADABLE
    assert "cut short" in found.survey.unread[0]


@settings(max_examples=300, deadline=1000)
@given(st.data())
def test_nothing_but_malformed_is_raised(data: st.DataObject) -> None:
    image = bytearray(closed(signed(before=certificate(KEY, OTHER), app=b"x" * 40, minimum=1)))
    where = st.tuples(st.integers(0, len(image) - 1), st.integers(0, 255))
    for at, value in data.draw(st.lists(where, max_size=6)):
        image[at] = value
    with contextlib.suppress(Malformed):
        gbl.FORMAT.read(View(bytes(image)), Context(Budget()))
