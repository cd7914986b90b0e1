"""Containers of i.MX 8 as mkimage makes them; one that says that it is signed is made of those by hand."""

import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget
from firmware_checks.formats import imx_ahab
from firmware_checks.reading import Context
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageLayer, Rollback, Signing
from tests.firmware_checks.conftest import examined

Call = Callable[..., Any]
CONFIG = "BOOT_FROM SD 0x400\nSOC_TYPE IMX8QX\nCONTAINER\nIMAGE A35 a.bin 0x80000000\n"
BLOCK = 0x90


@pytest.fixture
def container(tool: Call, tmp_path: Path) -> bytes:
    (tmp_path / "a.bin").write_bytes(os.urandom(5000))
    (tmp_path / "config").write_text(CONFIG)
    tool("mkimage", "-T", "imx8image", "-n", "config", "-e", "0x80000000", "-d", "a.bin", "out")
    return (tmp_path / "out").read_bytes()


def signed(container: bytes, owner: int = 2, *, signature: bool = True) -> bytes:
    """As NXP's signing tool leaves it: a signature block with a table of keys and a signature."""
    out = bytearray(container)
    table = struct.pack("<BHB", 0x42, 64, 0xD7) + os.urandom(60)
    made = struct.pack("<BHBI", 0, 72, 0xD8, 0) + os.urandom(64)
    content = table + (made if signature else b"")
    places = (0, 16, 16 + len(table) if signature else 0, 0)
    block = struct.pack("<BHB4HI", 0, 16 + len(content), 0x90, *places, 0) + content
    struct.pack_into("<H", out, 1, BLOCK + len(block))
    struct.pack_into("<I", out, 4, owner | 0x10)
    out[BLOCK : BLOCK + len(block)] = block
    return bytes(out)


def test_unsigned(container: bytes) -> None:
    found = examined(container)
    assert found.all(ImageLayer)[0].format == "i.MX container image"
    assert found.all(ImageLayer)[0].problem == ""
    protection = found.protection()
    assert (protection.signing, protection.rollback) == (
        Signing.UNSIGNED,
        Rollback.UNSIGNED_COUNTER,
    )
    assert protection.integrity == "the digests of the images hold"


def test_signed_is_not_verified(container: bytes) -> None:
    for owner in (1, 2):
        found = examined(signed(container, owner)).protection()
        assert found.signing is Signing.NOT_VERIFIED
        assert "not verified here" in found.detail
    changed = bytearray(signed(container))
    changed[0x2000] ^= 1
    assert examined(bytes(changed)).protection().signing is Signing.TAMPERED
    bare = examined(signed(container, signature=False)).protection()
    assert bare.signing is Signing.STRIPPED


def test_what_nxp_signs_does_not_speak_for_the_rest(container: bytes) -> None:
    """The first container, with the firmware of the security controller, is always signed by NXP."""
    first = bytearray(signed(container, 1))
    first[0x400:0x4A0] = container[:0xA0]
    struct.pack_into("<I", first, 0x410, 0x1C00)  # offsets count from the container
    found = examined(bytes(first))
    assert len(found.all(ImageLayer)[0].details) == 2
    assert found.protection().signing is Signing.UNSIGNED


def test_an_encrypted_image_is_not_tampered(container: bytes) -> None:
    for bit in (0x400, 0x800):
        image = bytearray(signed(container))
        struct.pack_into("<I", image, 0x28, 0x143 | bit)
        image[0x2000] ^= 1
        found = examined(bytes(image))
        assert found.protection().signing is Signing.NOT_VERIFIED
        assert found.protection().encrypted
        assert any("encrypted" in text for text in found.survey.unread)


def test_the_same_bytes_over_and_over(container: bytes) -> None:
    """Rows of images cost little, and each is hashed whole."""
    image = bytearray(signed(container))
    rows = bytes(image[16:144]) * 8
    head = struct.pack("<BHBIHBBHH", 0, 16 + len(rows) + 16, 0x87, 0x12, 0, 0, 8, 16 + len(rows), 0)
    start = head + rows + struct.pack("<BHB", 0, 16, 0x90) + bytes(12)
    found = examined((start + bytes(0x2000))[:0x2000] + bytes(image[0x2000:])).protection()
    assert found.signing is Signing.UNREADABLE


def test_cut_short(container: bytes) -> None:
    assert examined(container[:0x2800]).protection().signing is Signing.UNREADABLE


@settings(max_examples=300, deadline=1000)
@given(st.integers(0, 2**32))
def test_mutants(seed: int) -> None:
    chance = random.Random(seed)
    head = struct.pack("<BHBIHBBHH", 0, 0xA0, 0x87, 0x10, 0, 0, 1, BLOCK, 0)
    row = struct.pack("<IIQQII", 0x400, 200, 0x80000000, 0x80000000, 0x143, 0)
    data = bytearray(
        (head + row.ljust(128, b"\0") + struct.pack("<BHB", 0, 16, 0x90)).ljust(2000, b"\0")
    )
    data = bytearray(signed(bytes(data)))
    for _ in range(chance.randrange(1, 8)):
        data[chance.randrange(0x120)] = chance.choice((0, 1, 0x87, 255, chance.randrange(256)))
    try:
        found = imx_ahab.FORMAT.read(View(bytes(data)), Context(budget=Budget()))
    except Malformed:
        return
    if found is not None and found.protection is not None:
        assert found.protection.signing is not Signing.VERIFIED
