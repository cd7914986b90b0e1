"""The same volume plain, by every coding and in every file system: the same is found in it."""

import os
import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

import brotli
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from uefi_firmware import efi_compressor

from firmware_checks.formats.uefi_codings import BROTLI, TIANO_CODING
from firmware_checks.formats.uefi_files import FFS, FFS1
from probe.model.firmware import ImageKey, Signing
from tests.firmware_checks.formats import uefi_writer as w
from tests.firmware_checks.formats.test_pe import program
from tests.firmware_checks.formats.test_uefi_volume import VOLUME, alone, held, leaves

Examine = Callable[..., Any]


def efi(data: bytes) -> bytes:
    return bytes(efi_compressor.EfiCompress(data, len(data)))


def tiano(data: bytes) -> bytes:
    return bytes(efi_compressor.TianoCompress(data, len(data)))


def as_brotli(data: bytes) -> bytes:
    return struct.pack("<QQ", len(data), 1 << 16) + brotli.compress(data)


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "not compressed": lambda data: w.compressed(0, data),
    "EFI 1.1": lambda data: w.compressed(1, efi(data), len(data)),
    "Tiano in the place of EFI 1.1": lambda data: w.compressed(1, tiano(data), len(data)),
    "the maker's, Tiano": lambda data: w.compressed(2, tiano(data), len(data)),
    "the maker's, LZMA": lambda data: w.compressed(2, alone(data), len(data)),
    "the maker's, Intel's LZMA": lambda data: w.compressed(2, b"\x11\0\0\0" + alone(data)),
    "Tiano": lambda data: w.guided(TIANO_CODING, tiano(data)),
    "EFI 1.1 in the place of Tiano": lambda data: w.guided(TIANO_CODING, efi(data)),
    "Brotli": lambda data: w.guided(BROTLI, as_brotli(data)),
}
DAMAGED = ("EFI 1.1", "the maker's, Tiano", "Tiano", "Brotli")


@pytest.fixture
def signed(tool: Any, tmp_path: Any) -> Callable[[Any], bytes]:
    """A driver that sbsign signed."""

    def make(holder: Any) -> bytes:
        (tmp_path / "driver.efi").write_bytes(program())
        keys = ["--key", str(holder.key), "--cert", str(holder.cert)]
        tool("sbsign", *keys, "--output", "driver.efi", "driver.efi")
        return (tmp_path / "driver.efi").read_bytes()

    return make


def inner(driver: bytes) -> bytes:
    """A volume with a program, which holds a private key, and the driver."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    secret = w.pe(os.urandom(3000) + key + bytes(5000))
    return w.volume(w.driver(1, "Secret", secret), w.driver(2, "Signed", driver))


@pytest.mark.parametrize("coding", CODINGS)
def test_the_same_is_found_through_every_coding(
    coding: str, signed: Any, pair: Any, examined: Examine
) -> None:
    mine, other = pair("mine"), pair("other")
    volume = inner(signed(mine))
    image = held(CODINGS[coding](w.together(w.section(0x19, b"beside it "), w.section(0x17, volume))))  # fmt: skip
    for keys, word in (
        ((), Signing.NOT_VERIFIED),
        ((other.certificate,), Signing.NOT_VERIFIED),
        ((mine.certificate,), Signing.VERIFIED),
    ):
        found = examined(image, *keys)
        assert found.survey.unread == ()
        assert found.formats() == {"0": VOLUME, "0/0": VOLUME, "0/0/0": "EFI program"}
        assert found.protection("0/0/0").signing is word
        (key,) = found.all(ImageKey)
        assert key.path == f"{w.guid(1)}/Secret.efi"
    assert b"beside it " in leaves(image).values()
    at = volume.rindex(b"PE\0\0") + 0x300
    changed = volume[:at] + bytes([volume[at] ^ 1]) + volume[at + 1 :]
    assert changed != volume
    image = held(CODINGS[coding](w.section(0x17, changed)))
    assert examined(image, mine.certificate).protection("0/0/0").signing is Signing.TAMPERED


@pytest.mark.parametrize("coding", DAMAGED)
def test_a_damaged_stream_is_unread(coding: str, examined: Examine) -> None:
    content = w.section(0x17, w.volume(w.driver(1, "Driver", w.pe(os.urandom(5000)))))
    whole = CODINGS[coding](content)
    size = len(whole)
    for at in (35, size // 3, size // 2):
        cut = whole[:at] + os.urandom(size - at)
        unread = examined(held(w.section(0x19, b"before " * 9), cut)).survey.unread
        assert any(str(w.guid(1)) in line for line in unread), (at, unread)
    assert b"before " * 9 in leaves(held(w.section(0x19, b"before " * 9), cut)).values()


def test_bytes_behind_a_stream_are_told(examined: Examine) -> None:
    content = w.section(0x19, b"content " * 40)
    for coded in (tiano(content), efi(content)):
        (line,) = examined(held(w.guided(TIANO_CODING, coded + os.urandom(99)))).survey.unread
        assert "behind the end of the stream" in line
        assert examined(held(w.guided(TIANO_CODING, coded + bytes(99)))).survey.unread == ()
    (line,) = examined(held(w.guided(BROTLI, as_brotli(content) + os.urandom(99)))).survey.unread
    assert "something stands behind it" in line


@pytest.mark.parametrize("kind", FFS, ids=list(FFS.values()))
def test_every_file_system(kind: UUID, examined: Examine) -> None:
    image = w.volume(w.driver(1, "First", checksum=True), w.driver(2, "Second"), kind=kind)
    assert examined(image).survey.unread == ()
    assert f"{w.guid(2)}/Second.efi" in leaves(image)


@pytest.mark.parametrize("erased", [0x00, 0xFF])
def test_file_system_1(erased: int, examined: Examine) -> None:
    """Files with tails, one of them another volume; the bit of a tail is no large file."""
    deep = w.volume(w.with_tail(w.driver(1, "Deep", checksum=True)), kind=FFS1, revision=1)
    volume_file = w.file(w.guid(2), w.IMAGE, w.compressed(1, efi(w.section(0x17, deep))))
    files = [w.with_tail(w.driver(3, "Tail", checksum=True)), w.driver(4, "None"), volume_file]
    plain = w.volume(*files, kind=FFS1, revision=1)
    found = examined(plain)
    assert found.survey.unread == ()
    assert found.formats() == {"0": VOLUME, "0/0": VOLUME}
    told = leaves(plain)
    assert told[f"{w.guid(3)}/Tail.efi"] == told[f"{w.guid(4)}/None.efi"] == w.pe()
    tails = w.with_tail(w.file(w.guid(5), w.RAW, b"raw " * 9, checksum=True, erased=erased))
    other = w.volume(tails, kind=FFS1, revision=1, erased=erased)
    assert leaves(other) == {f"{w.guid(5)}.raw": b"raw " * 9}


def test_a_tail_that_is_not_its_files(examined: Examine) -> None:
    good = w.with_tail(w.driver(1, "First", checksum=True))
    for bad, said in (
        (good[:-1] + bytes([good[-1] ^ 1]), "the tail of the file"),
        (good[:-40] + bytes([good[-40] ^ 1]) + good[-39:], "checksum of the file does not hold"),
    ):
        image = w.volume(bad, w.driver(2, "Second"), kind=FFS1, revision=1)
        (line,) = examined(image).survey.unread
        assert said in line
        assert f"{w.guid(2)}/Second.efi" in leaves(image)
    short = w.with_tail(w.file(w.guid(1), w.RAW, b""))
    lie = bytearray(short)
    lie[20:23] = (25).to_bytes(3, "little")
    lie[16] = 0
    lie[16] = -(sum(lie[:23]) - lie[17]) & 0xFF
    assert "too few for its tail" in examined(w.volume(bytes(lie), kind=FFS1)).survey.unread[0]
