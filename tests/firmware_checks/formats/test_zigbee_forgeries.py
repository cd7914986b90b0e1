"""Zigbee files whose lengths lie, and every byte of a signed one changed: nothing of it may pass as verified."""

import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.formats.zigbee_signature import SUITES, Suite
from probe.model.firmware import ImageLayer, Signing
from tests.firmware_checks.conftest import examined
from tests.firmware_checks.formats.test_home_radio import zigbee
from tests.firmware_checks.formats.zigbee_writer import Authority, signed

Call = Callable[..., Any]


@pytest.mark.parametrize("size", [1, 49, 51, 80])
def test_a_signature_of_another_size(size: int) -> None:
    """It is there, so it is not called unsigned; a device cannot read it."""
    found = examined(zigbee((0, os.urandom(200)), (1, os.urandom(size)))).protection()
    assert found.signing is Signing.UNREADABLE
    assert f"of {size} bytes" in found.detail


def test_one_more_signature_of_another_size(tool: Call, tmp_path: Path) -> None:
    mine = Authority(SUITES[1])
    image = signed(tool, tmp_path, mine, zigbee, (5, os.urandom(10)), (0, os.urandom(200)))
    assert examined(image, mine.der).protection().signing is Signing.UNREADABLE


def test_a_header_that_is_shorter_than_it_says() -> None:
    """Readers differ in where the first element begins."""
    found = examined(zigbee((0, os.urandom(200)), control=4))
    assert found.protection().signing is Signing.UNREADABLE
    whole = examined(zigbee((0, os.urandom(200)), control=4, optional=struct.pack("<HH", 1, 9)))
    assert whole.all(ImageLayer)[0].problem == ""


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.curve.name)
def test_no_changed_file_is_verified(suite: Suite, tool: Call, tmp_path: Path) -> None:
    mine = Authority(suite)
    image = signed(tool, tmp_path, mine, zigbee, (0, os.urandom(60)), (0xF001, os.urandom(20)))
    assert examined(image, mine.der).protection().signing is Signing.VERIFIED
    chance = random.Random(7)
    for place in [*range(0, 64, 16), *chance.sample(range(64, len(image)), 7)]:
        changed = bytearray(image)
        changed[place] ^= chance.randrange(1, 256)
        found = examined(bytes(changed), mine.der)
        words = [o.fact.signing for o in found.observations if hasattr(o.fact, "signing")]
        assert Signing.VERIFIED not in words, place
    longer = image + b"\0\xf0" + struct.pack("<I", 4) + b"code"
    found = examined(longer[:52] + struct.pack("<I", len(longer)) + longer[56:], mine.der)
    assert found.protection().signing is Signing.NOT_VERIFIED
