"""What is larger than is read, or has lengths that nobody understands, is told as unread: silence looks clean."""

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from firmware_checks.formats.capsule import FMP
from probe.model.firmware import ImageLayer, Signing
from tests.firmware_checks.conftest import examined
from tests.firmware_checks.formats.test_home_radio import zigbee
from tests.firmware_checks.formats.test_transports import program

Call = Callable[..., Any]


def nordic(*, more: int = 0, comment: int = 0) -> bytes:
    """A legacy package, with a member that nobody names beside it."""
    row = {"bin_file": "app.bin", "dat_file": "app.dat"}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("manifest.json", json.dumps({"manifest": {"application": row}}))
        archive.writestr("app.bin", program())
        archive.writestr("app.dat", b"")
        archive.writestr("notes", os.urandom(1 << 10) * (more >> 10))
        archive.comment = b"x" * comment
    return out.getvalue()


@pytest.mark.parametrize("more", [{"more": 33 << 20}, {"comment": 65_535}])
def test_a_long_package_of_nordic(more: dict[str, int]) -> None:
    found = examined(nordic(**more))
    assert found.formats()["0"] == "Nordic DFU package"
    assert found.protection().signing is not Signing.VERIFIED


def test_long_metadata_of_tuf() -> None:
    targets = {f"{n}": {"length": 1, "hashes": {"sha256": "0" * 64}} for n in range(30_000)}
    signed = {"_type": "targets", "version": 1, "targets": targets}
    found = examined(json.dumps({"signed": signed, "signatures": []}).encode())
    assert found.protection().signing is Signing.UNREADABLE
    assert any("2 MiB" in text for text in found.survey.unread)


def ivt(entry: int, *, size: int = 0x2000) -> bytes:
    own = 0x10000400
    head = b"\xd1\x00\x20\x41" + struct.pack("<7I", entry, 0, 0, own + 32, own, 0, 0)
    return head + struct.pack("<III", own - 0x400, size, 0) + os.urandom(4000)


CASES: dict[str, bytes] = {
    "i.MX boot image": ivt(0x10000000),
    "i.MX boot image of 200 MB": ivt(0x10000800, size=200 << 20),
    "STM32 boot image": b"STM2" + bytes(64) + struct.pack("<IIII", 0, 0x10000, 1 << 30, 0) + bytes(300),
    "Zigbee OTA file with bits in its control field": zigbee((0, program()), control=0x0101),
    "Zigbee OTA file whose length is none": zigbee((0, program()))[:52] + bytes(4) + program(),
    "Matter OTA image": b"\x1e\xf1\xee\x1b" + struct.pack("<QI", 4000, 1 << 30) + bytes(4000),
    "UEFI capsule": FMP.bytes_le + struct.pack("<III", 8192, 0, 4000) + bytes(4000),
    "Android vbmeta": b"AVB0" + struct.pack(">IIQQI", 1, 0, 1 << 30, 64, 1).ljust(124, b"\0") + b"avbtool 1.3.0".ljust(4000, b"\0"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_lengths_that_nobody_understands(name: str) -> None:
    found = examined(CASES[name])
    layer = found.all(ImageLayer)[0]
    assert name.startswith(layer.format)
    assert layer.problem
    assert found.protection().signing is Signing.UNREADABLE
    assert found.survey.unread


def test_a_long_manifest_of_suit() -> None:
    manifest = b"\x58\x20" + bytes(32)
    body = b"\xa1\x01\x5a" + struct.pack(">I", 300_000) + os.urandom(300_000)
    data = b"\xd8\x6b\xa2\x02" + manifest + b"\x03\x5a" + struct.pack(">I", len(body)) + body
    found = examined(data)
    assert found.formats()["0"] == "SUIT envelope"
    assert found.protection().signing is Signing.UNREADABLE
