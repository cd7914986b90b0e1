"""A whole flash: boot loader, partition table, applications and settings, each a layer of its own."""

import contextlib
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget
from firmware_checks.formats import esp_flash, esp_nvs
from firmware_checks.reading import Context
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageLayer, ImageSecret, Signing
from tests.firmware_checks.formats.esp_samples import boot_loader, elf, table

Examine = Callable[..., Any]
ROWS = (
    (1, 2, 0x9000, 0x5000, "nvs", 0),
    (1, 0, 0xE000, 0x2000, "otadata", 0),
    (0, 0x10, 0x10000, 0x40000, "app0", 0),
    (0, 0x11, 0x50000, 0x40000, "app1", 1),
)


@pytest.fixture
def app(tool: Callable[..., Any], tmp_path: Path) -> bytes:
    (tmp_path / "app.elf").write_bytes(elf())
    tool("esptool", "--chip", "esp32", "elf2image", "-o", "app.bin", "app.elf")
    return (tmp_path / "app.bin").read_bytes()


def flash(parts: dict[int, bytes], size: int = 0x90000) -> bytes:
    made = bytearray(b"\xff" * size)
    for at, data in parts.items():
        made[at : at + len(data)] = data
    return bytes(made)


def nvs(*items: tuple[int, int, str, bytes], broken: bool = False) -> bytes:
    """One page: namespace, type, key and value. Own writer, from the specification; the vendor's generator
    (esp-idf-nvs-partition-gen) was held against the reader by hand."""
    entries = b""
    for space, kind, key, value in items:
        span, field, tail = 1, value.ljust(8, b"\xff"), b""
        if kind in (0x21, 0x41, 0x42):
            tail = value + b"\xff" * (-len(value) % 32)
            span += len(tail) // 32
            field = struct.pack("<HHI", len(value), 0xFFFF, zlib.crc32(value, 0xFFFFFFFF))
        head, name = struct.pack("<BBBB", space, kind, span, 0xFF), key.encode().ljust(16, b"\0")
        crc = zlib.crc32(head + name + field, 0xFFFFFFFF) ^ broken
        entries += head + struct.pack("<I", crc) + name + field + tail
    bits = (1 << 256) - 1
    for number in range(len(entries) // 32):
        bits &= ~(1 << (2 * number))
    header = struct.pack("<IIB", 0xFFFFFFFE, 0, 0xFE) + b"\xff" * 19
    header += struct.pack("<I", zlib.crc32(header[4:], 0xFFFFFFFF))
    page = header + bits.to_bytes(32, "little") + entries
    return page.ljust(4096, b"\xff")


SETTINGS = (
    (0, 1, "nvs.net80211", b"\1"),
    (1, 0x42, "sta.ssid", struct.pack("<I", 5) + b"hello".ljust(32, b"\0")),
    (1, 0x42, "sta.pswd", b"correct horse".ljust(65, b"\0")),
    (1, 0x01, "sta.chan", b"\6"),
    (0, 1, "app", b"\2"),
    (2, 0x21, "mqtt_password", b"s3cret\0"),
    (2, 0x21, "empty_token", b"\0"),
)


def test_a_whole_flash(app: bytes, examined: Examine) -> None:
    dump = flash(
        {0x1000: boot_loader(), 0x8000: table(*ROWS), 0x9000: nvs(*SETTINGS), 0x10000: app}
    )
    found = examined(dump)
    first = found.all(ImageLayer)[0]
    assert first.format == "ESP32 flash"
    details = dict(first.details)
    assert details["partition table"] == "MD5 holds"
    assert details["partition app1"].endswith("encrypted")
    names = {layer.name: layer.format for layer in found.all(ImageLayer)}
    assert names["boot loader"] == "ESP32 boot loader"
    assert names["app0: application of update slot 0"] == "ESP32 image"
    assert names["nvs: settings (NVS)"] == "ESP32 settings (NVS)"
    assert found.protection("0/3").signing is Signing.UNSIGNED
    assert found.survey.unread == ()


def test_passwords_in_clear_are_found_and_not_shown(examined: Examine) -> None:
    found = examined(nvs(*SETTINGS))
    wifi, mqtt = sorted(found.all(ImageSecret), key=lambda s: s.kind)
    assert (wifi.kind, wifi.path) == ("Wi-Fi password", "nvs.net80211/sta.pswd")
    assert "hello" in wifi.excerpt
    assert mqtt.path == "app/mqtt_password"
    assert "***" in wifi.excerpt
    assert "correct horse" not in wifi.excerpt
    assert (wifi.secret, mqtt.secret) == ("correct horse", "s3cret")


def test_encrypted_settings_are_not_read_and_not_called_clean(examined: Examine) -> None:
    found = examined(nvs(*SETTINGS, broken=True))
    assert found.all(ImageSecret) == []
    assert "encrypted" in found.survey.unread[0]


def test_an_encrypted_partition_is_left_unjudged(examined: Examine) -> None:
    secret = os.urandom(0x20000)
    found = examined(flash({0x1000: boot_loader(), 0x8000: table(*ROWS), 0x50000: secret}))
    assert any("encrypted or compressed" in one for one in found.survey.unread)


def test_a_table_that_does_not_hold_is_no_flash(examined: Examine) -> None:
    broken = bytearray(table(*ROWS))
    broken[5] ^= 0x10
    assert (
        examined(flash({0x1000: boot_loader(), 0x8000: bytes(broken)})).formats()["0"]
        != "ESP32 flash"
    )
    without = table(*ROWS, closed=False)
    assert examined(flash({0x8000: without})).formats()["0"] != "ESP32 flash"
    assert examined(flash({0x1000: boot_loader(), 0x8000: without})).formats()["0"] == "ESP32 flash"


def test_a_table_alone(examined: Examine) -> None:
    assert examined(table(*ROWS)).formats() == {"0": "ESP32 partition table"}


def test_a_dump_that_ends_early(app: bytes, examined: Examine) -> None:
    found = examined(flash({0x1000: boot_loader(), 0x8000: table(*ROWS), 0x10000: app}, 0x30000))
    details = dict(found.all(ImageLayer)[0].details)
    assert details["not in the dump"] == "the end of app0, app1"


def test_keys_of_the_settings_in_clear_and_encrypted(examined: Examine) -> None:
    rows = (*ROWS, (1, 4, 0xF000, 0x1000, "nvs_key", 1))
    keys = os.urandom(64)
    crc = zlib.crc32(keys, 0xFFFFFFFF)
    for written, number in ((crc, 1), (crc ^ 1, 0)):
        page = keys + struct.pack("<I", written)
        found = examined(flash({0x1000: boot_loader(), 0x8000: table(*rows), 0xF000: page}))
        assert len(found.all(ImageSecret)) == number
        assert not any(keys[:16] in kept for kept in found.kept.values())


def test_the_digest_of_secure_boot_v1_is_told(
    tool: Callable[..., Any], tmp_path: Path, examined: Examine
) -> None:
    (tmp_path / "boot.bin").write_bytes(boot_loader())
    (tmp_path / "key").write_bytes(os.urandom(32))
    tool("espsecure", "digest-secure-bootloader", "-k", "key", "-o", "out.bin", "boot.bin")
    made = (tmp_path / "out.bin").read_bytes()
    dump = flash({0: made, 0x8000: table(*ROWS)})
    details = dict(examined(dump).all(ImageLayer)[0].details)
    assert "keyed digest" in details["secure boot v1"]
    plain = flash({0x1000: boot_loader(), 0x8000: table(*ROWS)})
    assert "secure boot v1" not in dict(examined(plain).all(ImageLayer)[0].details)


def test_a_flash_that_esptool_merges(
    app: bytes, tool: Callable[..., Any], tmp_path: Path, examined: Examine
) -> None:
    (tmp_path / "boot.bin").write_bytes(boot_loader())
    (tmp_path / "table.bin").write_bytes(table(*ROWS))
    tool(
        *("esptool", "--chip", "esp32", "merge-bin", "-o", "all.bin", "0x1000", "boot.bin"),
        *("0x8000", "table.bin", "0x10000", "app.bin"),
    )
    found = examined((tmp_path / "all.bin").read_bytes())
    assert found.formats()["0"] == "ESP32 flash"
    assert {"ESP32 boot loader", "ESP32 image"} <= set(found.formats().values())


@settings(max_examples=300, deadline=1000)
@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 255)), max_size=8))
def test_nothing_but_malformed_is_raised(changes: list[tuple[int, int]]) -> None:
    for sample, base, one in (
        (nvs(*SETTINGS), 0, esp_nvs.FORMAT),
        (flash({0x1000: b"\xe9", 0x8000: table(*ROWS)}, 0x12000), 0x8000, esp_flash.FORMAT),
    ):
        data = bytearray(sample)
        for at, value in changes:
            data[base + at] = value
        with contextlib.suppress(Malformed):
            reading = one.read(View(bytes(data)), Context(Budget()))
            if reading is not None and reading.tree is not None:
                list(reading.tree.entries(Budget()))
                assert reading.says is not None
                list(reading.says("image", "0"))
