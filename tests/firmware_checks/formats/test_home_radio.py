"""Update files of Zigbee and Matter. No maker's tool is to be had: own writers, from the specifications; what
zigpy's reader says of the Zigbee ones was held against ours by hand."""

import contextlib
import hashlib
import os
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget
from firmware_checks.formats import matter_ota, zigbee_ota
from firmware_checks.reading import Context
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageLayer, Rollback, Signing
from tests.firmware_checks.formats.test_transports import program

Examine = Callable[..., Any]


def zigbee(*elements: tuple[int, bytes], control: int = 0, optional: bytes = b"") -> bytes:
    body = b"".join(struct.pack("<HI", tag, len(value)) + value for tag, value in elements)
    size = 56 + len(optional)
    head = struct.pack("<IHHHHHIH", 0x0BEEF11E, 0x100, size, control, 0x117C, 0x4203, 0x23087631, 2)
    head += b"lamp".ljust(32, b"\0") + struct.pack("<I", size + len(body))
    return head + optional + body


SIGNER = bytes(range(8))
SUITE_1 = ((1, SIGNER + bytes(range(42))), (2, bytes(48)))
SUITE_2 = ((5, SIGNER + bytes(range(72))), (6, bytes(74)))


@pytest.mark.parametrize(
    ("elements", "scheme", "weak"),
    [(SUITE_1, "ECDSA sect163k1 AES-MMO", True), (SUITE_2, "ECDSA sect283k1 AES-MMO", False)],
)
def test_zigbee_signatures_of_nobody_are_named(
    elements: tuple[tuple[int, bytes], ...], scheme: str, weak: bool, examined: Examine
) -> None:
    (signature, certificate) = elements
    found = examined(zigbee((0, program()), certificate, signature))
    protection = found.protection()
    assert (protection.signing, protection.scheme) == (Signing.NOT_VERIFIED, scheme)
    assert protection.binds_payload is True
    assert bool(protection.weak) is weak
    assert protection.key_id == "07:06:05:04:03:02:01:00"
    assert found.formats() == {"0": "Zigbee OTA file", "0/0": "Cortex-M program"}
    layer = found.all(ImageLayer)[0]
    assert (layer.title, layer.version) == ("lamp", "0x23087631")
    assert found.survey.unread == ()
    beyond = examined(zigbee(certificate, signature, (0, program()))).protection()
    assert beyond.binds_payload is False


def test_a_zigbee_file_without_signature(examined: Examine) -> None:
    optional = struct.pack("<BHH", 2, 1, 3)
    found = examined(zigbee((0, program()), (3, bytes(16)), control=5, optional=optional))
    assert found.protection().signing is Signing.UNSIGNED
    assert "anybody can make anew" in found.protection().detail
    assert dict(found.all(ImageLayer)[0].details)["hardware versions"] == "1 to 3"


def test_a_zigbee_file_cut_short_and_one_in_a_wrapper(examined: Examine) -> None:
    whole = zigbee((0, program()), *SUITE_2)
    cut = examined(whole[:-60])
    assert cut.protection().signing is Signing.UNREADABLE
    assert "cut short" in cut.survey.unread[0]
    wrapped = examined(b"NGIS" + os.urandom(300) + whole)
    assert "Zigbee OTA file" in wrapped.formats().values()


def matter(payload: bytes, digest_type: int = 1, digest: bytes | None = None) -> bytes:
    real = hashlib.sha256(payload).digest() if digest is None else digest
    members = b"\x25\x00\xf1\xff" + b"\x25\x01\x01\x80" + b"\x26\x02" + struct.pack("<I", 42)
    members += b"\x2c\x03\x051.2.3" + b"\x27\x04" + struct.pack("<Q", len(payload))
    members += b"\x26\x05" + struct.pack("<I", 1) + b"\x2c\x07\x0dhttps://a.b/c"
    members += b"\x24\x08" + bytes([digest_type]) + b"\x30\x09" + bytes([len(real)]) + real
    header = b"\x15" + members + b"\x18"
    total = 16 + len(header) + len(payload)
    return struct.pack("<IQI", 0x1BEEF11E, total, len(header)) + header + payload


def test_a_matter_image(examined: Examine) -> None:
    found = examined(matter(program()))
    protection = found.protection()
    assert (protection.signing, protection.can_be_signed) == (Signing.UNSIGNED, False)
    assert protection.integrity == "SHA-256 holds"
    assert (protection.rollback, protection.rollback_value) == (Rollback.UNSIGNED_COUNTER, 42)
    layer = found.all(ImageLayer)[0]
    assert layer.version == "1.2.3"
    assert dict(layer.details)["vendor"] == "0xfff1"
    assert found.formats() == {"0": "Matter OTA image", "0/0": "Cortex-M program"}


def test_a_matter_image_that_was_changed_or_cut(examined: Examine) -> None:
    image = bytearray(matter(program()))
    image[-1] ^= 1
    assert examined(bytes(image)).protection().signing is Signing.TAMPERED
    assert examined(bytes(image[:-500])).protection().signing is Signing.UNREADABLE
    short = examined(matter(program(), digest_type=99)).protection()
    assert (short.signing, short.integrity) == (Signing.UNSIGNED, "no digest that is known here")


@pytest.mark.parametrize(
    ("one", "sample"),
    [
        (zigbee_ota.FORMAT, zigbee((0, b"x" * 50), *SUITE_1)),
        (matter_ota.FORMAT, matter(b"x" * 50)),
    ],
)
@settings(max_examples=300, deadline=1000)
@given(data=st.data())
def test_nothing_but_malformed_is_raised(one: Any, sample: bytes, data: st.DataObject) -> None:
    changed = bytearray(sample)
    where = st.integers(0, len(sample) - 1)
    for at, value in data.draw(st.lists(st.tuples(where, st.integers(0, 255)), max_size=8)):
        changed[at] = value
    cut = data.draw(where | st.just(len(sample)))
    with contextlib.suppress(Malformed):
        one.read(View(bytes(changed[:cut])), Context(Budget()))
