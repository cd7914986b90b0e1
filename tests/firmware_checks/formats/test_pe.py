"""EFI programs: an own writer makes the smallest one, sbsign signs it; real ones are tried by hand."""

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.model.firmware import ImageLayer, Rollback, Signing

Examine = Callable[..., Any]
SBAT = b"sbat,1,SBAT Version,sbat,1,https://example.org\nloader,3,Maker,loader,2.4,https://example.org\n"


def program(sbat: bytes = SBAT, subsystem: int = 10) -> bytes:
    """A PE32+ program for ARM 64 with two sections, after Microsoft's "PE Format"."""
    sections = [(b".text", os.urandom(0x400)), (b".sbat", sbat.ljust(0x200, b"\0"))]
    coff = struct.pack("<HHIIIHH", 0xAA64, len(sections), 0, 0, 0, 240, 0x206)
    optional = struct.pack("<HBBIIIII", 0x20B, 2, 0, 0x400, 0x200, 0, 0x1000, 0x1000)
    optional += struct.pack("<QII6HIIIIHHQQQQII", 0x10000, 0x1000, 0x200, *[0] * 6, 0, 0x3000, 0x200, 0,
                            subsystem, 0, 0, 0, 0, 0, 0, 16)  # fmt: skip
    optional += bytes(16 * 8)
    head, body, at = b"", b"", 0x200
    for number, (name, data) in enumerate(sections):
        place = (len(data), 0x1000 * (number + 1), len(data), at)
        head += struct.pack("<8sIIIIIIHHI", name, *place, 0, 0, 0, 0, 0x60000020)
        body, at = body + data, at + len(data)
    start = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
    return (start + coff + optional + head).ljust(0x200, b"\0") + body


@pytest.fixture
def signed(tool: Callable[..., Any], tmp_path: Path) -> Callable[..., bytes]:
    def make(*holders: Any) -> bytes:
        (tmp_path / "program.efi").write_bytes(program())
        for holder in holders:
            keys = ["--key", str(holder.key), "--cert", str(holder.cert)]
            tool("sbsign", *keys, "--output", "program.efi", "program.efi")
        return (tmp_path / "program.efi").read_bytes()

    return make


def test_signed_with_and_without_the_certificate(signed: Any, pair: Any, examined: Examine) -> None:
    root, other = pair("root"), pair("other")
    mine = pair("signer", issuer=root)
    image = signed(mine)
    alone = examined(image)
    assert alone.protection().signing is Signing.NOT_VERIFIED
    assert "CN=signer" in alone.protection().detail
    assert alone.protection().integrity == "Authenticode hash holds"
    assert alone.protection().rollback is Rollback.COUNTER
    assert examined(image, other.certificate).protection().signing is Signing.NOT_VERIFIED
    for key in (mine, root):
        found = examined(image, key.certificate)
        assert found.protection().signing is Signing.VERIFIED
    layer = found.all(ImageLayer)[0]
    assert (layer.format, layer.title, layer.version) == ("EFI program", "loader", "2.4")


def test_two_signatures_one_of_them_known(signed: Any, pair: Any, examined: Examine) -> None:
    first, second = pair("first"), pair("second")
    image = signed(first, second)
    for key in (first, second):
        assert examined(image, key.certificate).protection().signing is Signing.VERIFIED


def test_one_changed_byte(signed: Any, pair: Any, examined: Examine) -> None:
    mine = pair()
    image = bytearray(signed(mine))
    image[0x300] ^= 1
    for keys in ((), (mine.certificate,)):
        assert examined(bytes(image), *keys).protection().signing is Signing.TAMPERED


def test_a_signature_of_another_program(signed: Any, pair: Any, examined: Examine) -> None:
    mine = pair()
    one, two = signed(mine), signed(mine)
    forged = two[:0x800] + one[0x800:]
    assert examined(forged, mine.certificate).protection().signing is Signing.TAMPERED


def test_unsigned_and_cut(examined: Examine, signed: Any, pair: Any) -> None:
    found = examined(program()).protection()
    assert (found.signing, found.rollback) == (Signing.UNSIGNED, Rollback.UNSIGNED_COUNTER)
    assert examined(signed(pair())[:0x700]).protection().signing is Signing.UNREADABLE


def test_a_program_for_another_system_is_no_layer_of_ours(examined: Examine) -> None:
    assert "EFI program" not in examined(program(subsystem=3)).formats().values()
