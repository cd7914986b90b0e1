"""Signatures of Zigbee files: certificates of Certicom's test authority, and files that OpenSSL signed."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks import curves
from firmware_checks.budget import Limits
from firmware_checks.formats.zigbee_signature import SUITES, Suite, certified, mmo
from firmware_checks.view import View
from probe.model.firmware import ImageLayer, Signing
from tests.firmware_checks.conftest import examined
from tests.firmware_checks.formats.test_home_radio import zigbee
from tests.firmware_checks.formats.test_transports import program
from tests.firmware_checks.formats.zigbee_writer import DEVICE, Authority, signed

Call = Callable[..., Any]
CERTICOM = (
    (
        "0200fde8a7f3d1084224962a4e7c54e69ac3f04da6b8",
        "02020882b1d7df05538f37cdd09a4f6b15368998642b002208000000000154455354534543410109108301234567890a",
        "0207d1ca014786b5e552cfd5f04339a2e856f00eaaef",
    ),
    (
        "0207a445022d9f39f49bdc38380026a27a9e0a1799313ab28c5c1a1c6b605154db1dff6752",
        "000b3ad5a312ab75d60d081112131415161718005b7ed230ffffffff0022080000000001080205bb3d1d1576197ff9"
        "ab6563915019a130437adb0ee7915432dc4a09c97dc595c5856800",
        "02012f082ee7db1bd3f89f16eabbf5d6221a5dcd077fc0c9d37b329eee8e2cdaee03439de0",
    ),
)
"""For each suite: the authority's key, a certificate that it issued, and the key of that one."""


def test_the_hash() -> None:
    """Test vectors of the Zigbee specification, C.5; long messages end in another way (B.6)."""
    ramp = bytes(range(0xC0, 0xE0))
    assert mmo(View(ramp[:1])).hex() == "ae3a102a28d43ee0d4a09e22788b206c"
    assert mmo(View(ramp[:16])).hex() == "a7977e88bc0b61e8210827109a228f2d"


@pytest.mark.parametrize("size", [0, 1, 9, 10, 13, 14, 16, 8190, 8191, 8192, 8201, 8202, 8208])
def test_the_padding(size: int) -> None:
    """Written out bit by bit: 1, zeros, the length in 16 bits, or from 2^16 bits in 32 and 16 zeros."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    data = os.urandom(size)
    bits = "".join(f"{byte:08b}" for byte in data) + "1"
    room, ending = (112, f"{8 * size:016b}") if size < 8192 else (80, f"{8 * size:032b}" + "0" * 16)
    while len(bits) % 128 != room:
        bits += "0"
    bits += ending
    state = bytes(16)
    for at in range(0, len(bits), 128):
        block = int(bits[at : at + 128], 2).to_bytes(16)
        cipher = Cipher(algorithms.AES(state), modes.ECB()).encryptor()
        state = bytes(a ^ b for a, b in zip(cipher.update(block), block, strict=True))
    assert mmo(View(data)) == state


@pytest.mark.parametrize(("suite", "vector"), list(zip(SUITES, CERTICOM, strict=True)))
def test_certificates_of_certicom(suite: Suite, vector: tuple[str, str, str]) -> None:
    authority, certificate, public = (bytes.fromhex(text) for text in vector)
    key = curves.read(authority)
    assert key is not None
    made = certified(suite, certificate, key)
    assert made is not None
    assert made.point == suite.curve.point(public)
    changed = certified(suite, certificate[:-1] + b"\xff", key)
    assert changed is None or changed.point != made.point


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.curve.name)
@pytest.mark.parametrize("size", [100, 20_000])
def test_verified(suite: Suite, size: int, tool: Call, tmp_path: Path) -> None:
    mine, other = Authority(suite), Authority(suite)
    image = signed(tool, tmp_path, mine, zigbee, (0, os.urandom(size)))
    found = examined(image, mine.der).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)
    assert found.key_id == DEVICE.hex(":")
    assert "certified by 20:21:22" in found.detail
    assert examined(image).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, other.der).protection().signing is Signing.NOT_VERIFIED
    for place in (30, 100, len(image) - 10):
        changed = bytearray(image)
        changed[place] ^= 1
        assert examined(bytes(changed), mine.der).protection().signing is Signing.NOT_VERIFIED


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.curve.name)
def test_what_a_device_refuses(suite: Suite, tool: Call, tmp_path: Path) -> None:
    mine = Authority(suite)
    body = (0, program())

    def word(image: bytes) -> tuple[Signing, str]:
        found = examined(image, mine.der).protection()
        return found.signing, found.detail

    stranger = signed(tool, tmp_path, mine, zigbee, body, device=bytes(8))
    assert word(stranger) == (Signing.NOT_VERIFIED, word(stranger)[1])
    assert "for another device" in word(stranger)[1]
    # With a key that the certificate does not give.
    assert (
        word(signed(tool, tmp_path, mine, zigbee, body, private=12345))[0] is Signing.NOT_VERIFIED
    )
    alone = signed(tool, tmp_path, mine, zigbee, body, with_certificate=False)
    assert word(alone)[0] is Signing.NOT_VERIFIED
    # The signer's own key may be given too.
    point = suite.curve.times(4711, suite.curve.base)
    assert point
    own = curves.wrapped(curves.CurveKey(suite.curve, point))
    by = signed(tool, tmp_path, mine, zigbee, body, with_certificate=False, private=4711)
    assert examined(by, own).protection().signing is Signing.VERIFIED
    # Something behind the signature, and a signature of nothing but zeros.
    image = signed(tool, tmp_path, mine, zigbee, body)
    room = suite.signature_size
    certificate = image[-6 - room - suite.certificate_size : -6 - room]
    value = image[-room:]
    more = zigbee(body, (suite.certificate, certificate), (suite.signature, value), (0xF000, b"x"))
    assert word(more)[0] is Signing.NOT_VERIFIED
    assert "behind the signature" in word(more)[1]
    assert examined(more, mine.der).protection().binds_payload is False
    blank = zigbee(body, (suite.certificate, certificate), (suite.signature, bytes(room)))
    assert word(blank)[0] is Signing.UNREADABLE
    two = zigbee(
        body,
        (1, bytes(8) + os.urandom(42)),
        (5, bytes(8) + os.urandom(72)),
    )
    assert word(two)[0] is Signing.NOT_VERIFIED
    layer = examined(image).all(ImageLayer)[0]
    assert layer.format == "Zigbee OTA file"


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_no_more_is_verified_than_there_is_time_for(
    suite: Suite, tool: Call, tmp_path: Path
) -> None:
    """Each key is asked twice, for itself and for what it certifies; what a hash takes counts, too."""
    mine, other = Authority(suite), Authority(suite)
    data = signed(tool, tmp_path, mine, zigbee, (0, os.urandom(5000)))
    for keys, cost in (((mine.der,), 2), ((other.der, mine.der), 4)):
        for left, word in ((2, Signing.VERIFIED), (1, Signing.NOT_VERIFIED)):
            limits = Limits(reckoning=cost * suite.curve.cost + left)
            one = examined(data, *keys, limits=limits).protection()
            assert (one.signing, curves.TOO_MANY in one.detail) == (word, word != Signing.VERIFIED)
