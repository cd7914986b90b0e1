"""Formats that carry bytes to a chip: what they carry is judged, and they are said to protect nothing."""

import contextlib
import hashlib
import os
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget, OutOfBudget
from firmware_checks.formats import cortex_m, dfu, dfuse, elf, intel_hex, srecord, uf2
from firmware_checks.memory import Pieces
from firmware_checks.reading import Context
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageLayer, LayerKind, Signing

Tool = Callable[..., Any]
Examine = Callable[..., Any]
BASE = 0x0800_0000


def program(size: int = 3000, base: int = BASE) -> bytes:
    """A vector table of a Cortex-M, and code."""
    handler = base + 0x201
    vectors = [
        0x2000_8000,
        handler,
        *[handler + 8] * 5,
        0,
        0,
        0,
        0,
        handler,
        0,
        0,
        handler,
        handler,
    ]
    return struct.pack("<16I", *vectors) + os.urandom(size - 64)


@pytest.fixture
def signed_hex(tool: Tool, tmp_path: Path) -> tuple[bytes, bytes]:
    """An MCUboot image as HEX, and its key."""
    (tmp_path / "body.bin").write_bytes(program())
    tool("imgtool", "keygen", "-k", "mine.pem", "-t", "ecdsa-p256")
    public = str(tool("imgtool", "getpub", "-k", "mine.pem", "-e", "pem").stdout).encode()
    tool("objcopy", "-I", "binary", "-O", "ihex", "body.bin", "body.hex")
    tool(
        *("imgtool", "sign", "--header-size", "0x200", "--pad-header", "-S", "0x20000"),
        *("--align", "4", "--version", "1.2.3", "-k", "mine.pem", "body.hex", "out.hex"),
    )
    return (tmp_path / "out.hex").read_bytes(), public


def only_carries(found: Any, name: str) -> None:
    protection = found.protection()
    assert (protection.format, protection.signing) == (name, Signing.UNSIGNED)
    assert not protection.can_be_signed
    assert protection.binds_payload is False


def test_a_signed_image_in_hex_in_an_unsigned_carrier(
    signed_hex: tuple[bytes, bytes], examined: Examine
) -> None:
    data, public = signed_hex
    found = examined(data, public)
    only_carries(found, "Intel HEX")
    assert found.protection().integrity == "the checksum of every line holds"
    assert found.formats() == {
        "0": "Intel HEX",
        "0/0": "MCUboot image",
        "0/0/0": "Cortex-M program",
    }
    assert found.protection("0/0").signing is Signing.VERIFIED
    assert found.survey.unread == ()


def test_an_s_record_of_two_tools(
    signed_hex: tuple[bytes, bytes], tool: Tool, tmp_path: Path, examined: Examine
) -> None:
    tool("objcopy", "-I", "ihex", "-O", "srec", "out.hex", "a.srec")
    tool("srec_cat", "out.hex", "-intel", "-o", "b.srec", "-motorola")
    for name in ("a.srec", "b.srec"):
        found = examined((tmp_path / name).read_bytes(), signed_hex[1])
        only_carries(found, "Motorola S-record")
        assert found.protection("0/0").signing is Signing.VERIFIED
        assert found.survey.unread == ()


@pytest.mark.parametrize("kind", ["hex", "srec"])
def test_a_damaged_line_and_a_missing_end(
    kind: str, signed_hex: tuple[bytes, bytes], tool: Tool, tmp_path: Path, examined: Examine
) -> None:
    tool("objcopy", "-I", "ihex", "-O", "ihex" if kind == "hex" else "srec", "out.hex", "x")
    lines = (tmp_path / "x").read_bytes().splitlines(keepends=True)
    short = examined(b"".join(lines[:-1]))
    assert "cut short" in short.survey.unread[0]
    lines[20] = lines[20][:12] + (b"0" if lines[20][12:13] != b"0" else b"1") + lines[20][13:]
    damaged = examined(b"".join(lines))
    assert "checksum of line 21" in damaged.survey.unread[0]


def test_regions_far_apart_and_gaps(examined: Examine) -> None:
    """What the standard's own words make: two regions, and a gap that is erased flash."""
    from intelhex import IntelHex  # type: ignore[import-untyped]

    made = IntelHex()
    first = program(256)
    made.puts(BASE, first)
    made.puts(BASE + 0x300, b"\x55" * 100)
    made.puts(0x1FFF_F800, b"\x12\x34" * 50)
    import io

    text = io.StringIO()
    made.write_hex_file(text)
    found = examined(text.getvalue().encode())
    regions = {layer.name: layer for layer in found.all(ImageLayer) if layer.place != "0"}
    assert regions["memory at 0x08000000"].size == 0x300 + 100
    assert "memory at 0x1ffff800" in regions


def test_gaps_do_not_grow_without_bound(examined: Examine) -> None:
    """A byte each 64 KiB: 20 000 lines that would become 1.3 GB."""
    lines = [
        b":" + (record + bytes([-sum(record) & 0xFF])).hex().upper().encode()
        for number in range(20_000)
        for record in (bytes([2, 0, 0, 4]) + number.to_bytes(2), bytes([1, 0, 0, 0, 1]))
    ]
    found = examined(b"\n".join([*lines, b":00000001FF", b""]))
    assert "more than 32 MiB" in found.survey.unread[0]


def test_what_is_written_twice_and_out_of_order(examined: Examine) -> None:
    budget = Budget()
    pieces = Pieces(100, budget)
    for address, data in ((0x20, b"later"), (0x10, b"\1" * 8), (0x14, b"\2" * 8)):
        pieces.put(address, data)
    ((address, view),) = pieces.regions()
    assert address == 0x10
    assert view.read() == b"\1" * 4 + b"\2" * 8 + b"\xff" * 4 + b"later"
    assert examined(b":00000001FF\n").protection().signing is Signing.UNSIGNED


# --- UF2 ------------------------------------------------------------------------------------------


def uf2_blocks(data: bytes, family: int = 0xADA52840, base: int = 0x1000) -> list[bytes]:
    """Own writer, from the specification; esptool's writer makes the others."""
    total = -(-len(data) // 256)
    blocks = []
    for number in range(total):
        piece = data[number * 256 : number * 256 + 256]
        head = b"UF2\n\x57\x51\x5d\x9e" + struct.pack(
            "<IIIIII", 0x2000, base + number * 256, len(piece), number, total, family
        )
        blocks.append((head + piece).ljust(508, b"\0") + b"\x30\x6f\xb1\x0a")
    return blocks


def test_uf2_of_two_families_and_a_missing_block(examined: Examine) -> None:
    one, two = program(2048, 0x1000), program(1024, 0x1000)
    blocks = uf2_blocks(one) + uf2_blocks(two, 0x68ED2B88)
    found = examined(b"".join(blocks))
    only_carries(found, "UF2")
    assert found.formats() == {"0": "UF2", "0/0": "Cortex-M program", "0/1": "Cortex-M program"}
    assert found.survey.unread == ()
    gone = examined(b"".join(blocks[:3] + blocks[4:]))
    assert "1 of 8 blocks for nRF52840" in gone.survey.unread[0]


def with_sum(block: bytes, start: int, length: int, data: bytes) -> bytes:
    """The block with an MD5 of ``data`` in its last bytes."""
    made = bytearray(block)
    struct.pack_into("<I", made, 8, struct.unpack_from("<I", made, 8)[0] | uf2.MD5)
    struct.pack_into("<II16s", made, 512 - 4 - 24, start, length, hashlib.md5(data).digest())
    return bytes(made)


def test_uf2_sums_of_parts_and_too_many_of_them(examined: Examine) -> None:
    data = os.urandom(256 * 40)
    blocks = uf2_blocks(data)
    good = [with_sum(one, 0x1000, len(data), data) for one in blocks]
    assert examined(b"".join(good)).protection().integrity == "MD5 holds"
    bad = [*good[:-1], with_sum(blocks[-1], 0x1000, 100, b"other")]
    assert examined(b"".join(bad)).protection().integrity == "MD5 does not hold"
    overlapping = [
        with_sum(one, 0x1000 + n, len(data) - n, data[n:]) for n, one in enumerate(blocks)
    ]
    found = examined(b"".join(overlapping))
    assert found.protection().integrity == "damaged"
    assert "overlap too much" in " ".join(found.survey.unread)


def test_uf2_of_more_regions_and_sums_than_are_read_says_so(examined: Examine) -> None:
    """What is left out may be the program that matters."""
    blocks = [uf2_blocks(b"x" * 256, base=number << 20)[0] for number in range(80)]
    for number, one in enumerate(blocks):
        blocks[number] = one[:20] + struct.pack("<II", number, 80) + one[28:]
    found = examined(b"".join(blocks))
    assert any(
        "80 regions of memory for nRF52840 64 were read" in text for text in found.survey.unread
    )
    total = uf2.MOST_SUMS + 8
    blocks = uf2_blocks(b"y" * 256 * total)
    for number, one in enumerate(blocks):
        made = bytearray(one)
        struct.pack_into("<I", made, 8, struct.unpack_from("<I", made, 8)[0] | uf2.MD5)
        digest = hashlib.md5(b"y" * (number < total - 1)).digest()  # the last one does not hold
        struct.pack_into("<II16s", made, 484, 0x1000 + number, 1, digest)
        blocks[number] = bytes(made)
    found = examined(b"".join(blocks))
    assert found.protection().integrity == "damaged"
    assert any("MD5 sums are too many" in text for text in found.survey.unread)


def test_uf2_that_esptool_makes(tool: Tool, tmp_path: Path, examined: Examine) -> None:
    body = program(5000)
    (tmp_path / "app.bin").write_bytes(body)
    made = ["--chip", "esp32s3", "merge-bin", "--format", "uf2", "-o", "a.uf2", "--md5-disable"]
    tool("esptool", *made, "0x10000", "app.bin")
    tool("esptool", *made[:-1], "0x10000", "app.bin")
    found = examined((tmp_path / "a.uf2").read_bytes())
    assert dict(found.all(ImageLayer)[0].details)["ESP32-S3"]
    assert found.protection().integrity == "MD5 holds"
    assert found.all(ImageLayer)[1].sha256 == hashlib.sha256(body).hexdigest()


# --- DFU ------------------------------------------------------------------------------------------


def test_a_dfu_suffix(tool: Tool, tmp_path: Path, examined: Examine) -> None:
    (tmp_path / "a.dfu").write_bytes(program())
    tool("dfu-suffix", "-v", "1209", "-p", "70b1", "-d", "0102", "-a", "a.dfu")
    data = (tmp_path / "a.dfu").read_bytes()
    found = examined(data)
    only_carries(found, "DFU file")
    assert dict(found.all(ImageLayer)[0].details)["USB vendor"] == "1209"
    assert found.protection().integrity == "CRC-32 holds"
    assert found.formats()["0/0"] == "Cortex-M program"
    damaged = examined(bytes([data[0] ^ 1]) + data[1:])
    assert damaged.protection().integrity == "CRC-32 does not hold"
    assert "damaged" in damaged.survey.unread[0]


def test_dfuse_inside_its_suffix(tool: Tool, tmp_path: Path, examined: Examine) -> None:
    (tmp_path / "a.bin").write_bytes(program())
    (tmp_path / "b.bin").write_bytes(os.urandom(100))
    tool("dfuse-pack", "-b", "0x08000000:a.bin", "-b", "0x08010000:b.bin", "a.dfu")
    data = (tmp_path / "a.dfu").read_bytes()
    found = examined(data)
    assert found.formats()["0"] == "DFU file"
    assert found.formats()["0/0"] == "DfuSe file"
    assert found.formats()["0/0/0"] == "Cortex-M program"
    names = [layer.name for layer in found.all(ImageLayer)]
    assert "setting 0, memory at 0x08010000" in names
    assert not found.protection("0/0").can_be_signed
    cut = examined(data[: len(data) // 2])
    assert "cut short" in cut.survey.unread[0]


# --- bare programs --------------------------------------------------------------------------------


def test_a_bare_program_has_a_title_and_no_verdict(examined: Examine) -> None:
    found = examined(program())
    (layer,) = [one for one in found.all(ImageLayer) if one.place == "0"]
    assert (layer.format, layer.kind) == ("Cortex-M program", LayerKind.BOOT)
    assert dict(layer.details)["reset handler"] == "0x08000200"
    for not_one in (os.urandom(3000), bytes(3000), struct.pack("<16I", *range(16)) * 20):
        assert examined(not_one).formats().get("0") != "Cortex-M program"


def test_an_elf_program_is_one_layer(examined: Examine) -> None:
    data = Path(sys.executable).resolve().read_bytes()
    found = examined(data)
    assert set(found.formats().values()) == {"ELF program"}
    assert "cut short" in examined(data[:-5000]).survey.unread[0]


# --- nothing but Malformed --------------------------------------------------------------------------


def samples() -> dict[str, tuple[Any, bytes]]:
    body = program(600)
    hexes = b":020000040800F2\n:10000000" + bytes(32).replace(b"\0", b"0") + b"F0\n:00000001FF\n"
    srec = b"S00600004844521B\nS1130000285F245F2212226A000424290008237C2A\nS9030000FC\n"
    suffix = struct.pack("<HHHH3sB", 1, 2, 3, 0x100, b"UFD", 16)
    whole = body + suffix
    whole += struct.pack("<I", zlib.crc32(whole) ^ 0xFFFFFFFF)
    element = struct.pack("<II", BASE, len(body)) + body
    target = b"Target\0" + struct.pack("<I", 1) + b"x".ljust(255, b"\0")
    target += struct.pack("<II", len(element), 1) + element
    st_file = b"DfuSe\1" + struct.pack("<IB", len(target) + 11, 1) + target
    return {
        "hex": (intel_hex.FORMAT, hexes),
        "srec": (srecord.FORMAT, srec),
        "uf2": (uf2.FORMAT, b"".join(uf2_blocks(body))),
        "dfu": (dfu.FORMAT, whole),
        "dfuse": (dfuse.FORMAT, st_file),
        "cortex-m": (cortex_m.FORMAT, body),
        "elf": (elf.FORMAT, Path("/bin/true").read_bytes()),
    }


SAMPLES = samples()


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_samples_are_good(name: str) -> None:
    one, data = SAMPLES[name]
    reading = one.read(View(data), Context(Budget()))
    assert reading is not None
    assert not reading.problem


@pytest.mark.parametrize("name", sorted(SAMPLES))
@settings(max_examples=150, deadline=1000)
@given(data=st.data())
def test_nothing_but_malformed_is_raised(name: str, data: st.DataObject) -> None:
    one, sample = SAMPLES[name]
    changed = bytearray(sample)
    near = st.integers(0, min(700, len(sample) - 1)) | st.integers(
        max(0, len(sample) - 40), len(sample) - 1
    )
    for at, value in data.draw(st.lists(st.tuples(near, st.integers(0, 255)), max_size=8)):
        changed[at] = value
    cut = data.draw(st.integers(0, len(sample)) | st.just(len(sample)))
    with contextlib.suppress(Malformed, OutOfBudget):
        one.read(View(bytes(changed[:cut])), Context(Budget()))
