"""Boot images of chips by mkimage, option ROMs by an own writer from the specification."""

import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from uefi_firmware.efi_compressor import EfiCompress

from firmware_checks.bare import program
from firmware_checks.view import View
from probe.model.firmware import ImageLayer, Signing
from tests.firmware_checks.conftest import examined
from tests.firmware_checks.formats import test_pe

Call = Callable[..., Any]
ENTRY = 0x177FF400
BODY = bytes(random.Random(3).choices(range(60), k=20_000))
MAKE = {
    "i.MX boot image": ("-n", "config", "-T", "imximage", "-e", hex(ENTRY)),
    "STM32 boot image": ("-T", "stm32image", "-a", "0x2ffc2500", "-e", "0x2ffc2500"),
    "Allwinner boot image": ("-T", "sunxi_egon"),
    "Rockchip boot image": ("-n", "rk3399", "-T", "rksd"),
}
JUDGED = tuple(name for name in MAKE if "Rockchip" not in name)


@pytest.fixture
def made(tool: Call, tmp_path: Path) -> Callable[..., bytes]:
    def make(name: str, *config: str) -> bytes:
        lines = ("IMAGE_VERSION 2", "BOOT_FROM sd", *config)
        (tmp_path / "config").write_text("\n".join(lines) + "\n")
        (tmp_path / "raw").write_bytes(BODY)
        tool("mkimage", *MAKE[name], "-d", "raw", "out")
        return (tmp_path / "out").read_bytes()

    return make


@pytest.mark.parametrize("name", MAKE)
def test_as_mkimage_makes_it(name: str, made: Call) -> None:
    data = made(name)
    found = examined(data)
    assert found.all(ImageLayer)[0].format == name
    assert found.all(ImageLayer)[0].problem == ""
    if name in JUDGED:
        assert found.protection().signing is Signing.UNSIGNED
    assert BODY[4:4000] in data  # mkimage writes RK33 over the first bytes for Rockchip


@pytest.mark.parametrize("name", JUDGED)
def test_cut_in_half(name: str, made: Call) -> None:
    data = made(name)
    found = examined(data[: len(data) // 2])
    assert found.protection().signing is Signing.UNREADABLE
    assert "cut short" in found.all(ImageLayer)[0].problem


@pytest.mark.parametrize("name", ["STM32 boot image", "Allwinner boot image"])
def test_checksum(name: str, made: Call) -> None:
    data = bytearray(made(name))
    assert "the checksum holds" in examined(bytes(data)).protection().integrity
    data[5000] ^= 1
    found = examined(bytes(data)).protection()
    assert "does not hold" in found.integrity
    assert found.signing is Signing.UNSIGNED


def test_imx_with_a_place_for_a_signature(made: Call) -> None:
    """mkimage leaves room, which only a signing tool fills: test_imx_hab.py."""
    data = bytearray(made("i.MX boot image", "CSF 0x2000"))
    empty = examined(bytes(data)).protection()
    assert empty.signing is Signing.UNSIGNED
    assert "there is none" in empty.detail
    assert examined(bytes(data[:-512])).protection().signing is Signing.UNREADABLE
    own, csf = struct.unpack_from("<II", data, 20)
    data += bytes(csf - own + 0x2000 - len(data))
    struct.pack_into(">BHB", data, csf - own, 0xD4, 48, 0x40)
    assert examined(bytes(data)).protection().signing is Signing.UNREADABLE  # no commands


def rom(code: int, payload: bytes, *, last: bool = True) -> bytes:
    """One image of an option ROM (PCI Firmware Specification 3.3, section 5.1.2)."""
    units = (64 + len(payload) + 511) // 512
    head = bytearray(b"\x55\xaa" + bytes(62))
    head[2] = units & 0xFF
    struct.pack_into("<H", head, 24, 28)
    table = struct.pack("<4sHHHHBHBHHBBHH", b"PCIR", 0x8086, 0x10D3, 0, 28, 3, 0, 2, units, 1, code, 0x80 * last, 0, 0)  # fmt: skip
    head[28 : 28 + len(table)] = table
    if code == 3:
        struct.pack_into("<IHHH", head, 4, 0x0EF1, 11, 0x8664, 0)
        struct.pack_into("<H", head, 22, 64)
    return bytes((head + payload).ljust(512 * units, b"\0"))


def test_option_rom() -> None:
    data = rom(0, BODY, last=False) + rom(3, BODY)
    found = examined(data + bytes(4096))
    assert found.all(ImageLayer)[0].format == "PCI option ROM"
    assert found.all(ImageLayer)[0].size == len(data)
    assert found.protection().signing is Signing.UNSIGNED
    assert examined(data[:-4096]).protection().signing is Signing.UNREADABLE
    alone = examined(rom(3, BODY))
    assert [layer.format for layer in alone.all(ImageLayer)] == ["PCI option ROM", "unknown"]
    assert alone.survey.unread


def test_compressed_driver() -> None:
    """The program in it is found; what is no stream, or by an unknown coding, is told as unread."""
    driver = test_pe.program()
    made = rom(3, bytes(EfiCompress(driver, len(driver))))
    data = bytearray(made)
    struct.pack_into("<H", data, 12, 1)
    found = examined(bytes(data))
    assert [layer.format for layer in found.all(ImageLayer)] == ["PCI option ROM", "EFI program"]
    assert found.survey.unread == ()
    for coding, body, said in ((1, BODY, "compressed bytes"), (2, BODY, "unknown coding (2)")):
        data = bytearray(rom(3, body))
        struct.pack_into("<H", data, 12, coding)
        assert any(said in text for text in examined(bytes(data)).survey.unread)


def test_boot_program_by_its_banner() -> None:
    banner = b"\0U-Boot 2019.07-rc2-vendor (Aug 01 2019 - 10:11:12 +0000)\0"
    assert program(View(BODY + banner + BODY)) == ("U-Boot program", "2019.07-rc2-vendor")
    assert program(View(BODY + b"boots with U-Boot 2019.07 or later" + BODY)) == ("", "")
    # Something that does not compress lies behind it: not all of it is the program.
    hidden = random.Random(5).randbytes(60_000)
    assert program(View(BODY + banner + hidden)) == ("", "")
    assert examined(BODY + banner + hidden).survey.unread


@pytest.mark.parametrize("name", [*MAKE, "PCI option ROM"])
def test_damage_is_never_an_error_of_ours(name: str, made: Call) -> None:
    good = rom(0, BODY, last=False) + rom(3, BODY) if "PCI" in name else made(name)
    chance = random.Random(7)
    for _ in range(300):
        data = bytearray(good[: chance.choice((len(good), 600, 100, chance.randrange(1, 3000)))])
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(min(len(data), 600))] = chance.choice((0, 1, 255, chance.randrange(256)))  # fmt: skip
        examined(bytes(data))
