"""UEFI capsules by U-Boot's mkeficapsule; edk2's payload header by an own writer."""

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.model.firmware import ImageLayer, ImageProtection, Rollback, Signing
from tests.firmware_checks.formats import uefi_writer

Examine = Callable[..., Any]
GUID = "09d7cf52-0720-4710-91d1-08469b7fe9c8"


@pytest.fixture
def capsule(tool: Callable[..., Any], tmp_path: Path) -> Callable[..., bytes]:
    def make(holder: Any = None, body: bytes = b"") -> bytes:
        (tmp_path / "payload").write_bytes(body or os.urandom(4000))
        keys: list[str] = []
        if holder is not None:
            keys = ["-m", "1", "-p", str(holder.key), "-c", str(holder.cert)]
        tool("mkeficapsule", "-i", "1", "-g", GUID, *keys, "payload", "out.cap")
        return (tmp_path / "out.cap").read_bytes()

    return make


def test_signed_with_and_without_the_certificate(
    capsule: Any, pair: Any, examined: Examine
) -> None:
    mine, other = pair(), pair("other")
    image = capsule(mine)
    assert examined(image).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, other.certificate).protection().signing is Signing.NOT_VERIFIED
    found = examined(image, mine.certificate)
    assert found.protection().signing is Signing.VERIFIED
    assert found.protection().binds_payload is True
    assert GUID in found.all(ImageLayer)[0].details[1][1]
    assert found.all(ImageLayer)[1].size == 4000


def test_payload_and_monotonic_count_are_both_covered(
    capsule: Any, pair: Any, examined: Examine
) -> None:
    mine = pair()
    image = capsule(mine)
    count = struct.unpack_from("<I", image, 16)[0] + 16 + 48
    assert image[count : count + 8] == struct.pack("<Q", 1)
    for at in (len(image) - 10, count):
        changed = bytearray(image)
        changed[at] ^= 4
        assert examined(bytes(changed), mine.certificate).protection().signing is Signing.TAMPERED
        assert examined(bytes(changed)).protection().signing is Signing.TAMPERED


def test_unsigned_cut_and_weak(capsule: Any, pair: Any, examined: Examine) -> None:
    image = capsule()
    assert examined(image).protection().signing is Signing.UNSIGNED
    assert examined(image[:2000]).protection().signing is Signing.UNREADABLE
    assert "1024" in examined(capsule(pair("small", "rsa-1024"))).protection().weak


def test_the_lowest_version_of_edk2s_header(capsule: Any, pair: Any, examined: Examine) -> None:
    body = struct.pack("<4sIII", b"MSS1", 16, 9, 7) + os.urandom(3000)
    found = examined(capsule(pair(), body))
    one = found.protection()
    assert (one.rollback, one.rollback_value) == (Rollback.COUNTER, 7)
    assert found.all(ImageLayer)[0].version == "9"
    assert examined(capsule(body=body)).protection().rollback is Rollback.UNSIGNED_COUNTER


def test_drivers_in_a_volume_are_covered_by_the_capsule(
    capsule: Any, pair: Any, examined: Examine
) -> None:
    """Nobody signs them one by one, and nobody looks for that when a volume starts them."""
    mine = pair()
    volume = uefi_writer.volume(*[uefi_writer.driver(n, f"Driver{n}") for n in range(5)])
    found = examined(capsule(mine, volume), mine.certificate)
    assert list(found.formats().values()) == ["UEFI capsule", "UEFI firmware volume"]
    (told,) = found.all(ImageProtection)
    assert (told.signing, told.binds_payload) == (Signing.VERIFIED, True)
    assert found.survey.unread == ()
