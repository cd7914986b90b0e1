"""Streams of EFI 1.1 and Tiano by edk2's own compressor (PyPI ``uefi-firmware``), and of Brotli by its own."""

import random
import struct
import time
from collections.abc import Callable
from dataclasses import replace

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uefi_firmware import efi_compressor

from firmware_checks import efi_brotli
from firmware_checks.budget import Budget, Limits, OutOfBudget
from firmware_checks.efi_compression import EFI, TIANO, expanded
from firmware_checks.streams import Stream
from firmware_checks.view import Malformed, View
from tests.firmware_checks.filesystems.mutation import mutants

MOST_TIANO = 400_000
"""edk2's compressor of Tiano breaks where its window is full, behind 512 KiB."""


def packed(data: bytes, coding: int) -> bytes:
    pack = efi_compressor.TianoCompress if coding == TIANO else efi_compressor.EfiCompress
    return bytes(pack(data, len(data)))


def wrapped(data: bytes, _: int = 0) -> bytes:
    return struct.pack("<QQ", len(data), 1 << 16) + brotli.compress(data)


def unwrapped(view: View, _: int, budget: Budget) -> Stream:
    return efi_brotli.expanded(view, budget)


KINDS = [(packed, expanded, EFI), (packed, expanded, TIANO), (wrapped, unwrapped, 0)]
Pack = Callable[[bytes, int], bytes]
Unpack = Callable[[View, int, Budget], Stream]
every = pytest.mark.parametrize(("pack", "unpack", "coding"), KINDS, ids=["efi", "tiano", "brotli"])


def like_code(seed: int, size: int) -> bytes:
    """Bytes of which some come often, and rows that come again from far and near."""
    chance, out = random.Random(seed), bytearray()
    while len(out) < size:
        match chance.randrange(4):
            case 0:
                out += chance.randbytes(chance.randrange(1, 300))
            case 1:
                out += bytes([chance.randrange(256)]) * chance.randrange(1, 2000)
            case 2:
                out += bytes(chance.choices(b"\0\x48\x89\x8b\xff\xe8etaoin", k=500))
            case _:
                at = chance.randrange(len(out) + 1)
                out += out[at : at + chance.randrange(3, 900)]
    return bytes(out[:size])


@every
@pytest.mark.parametrize("size", [1, 2, 3, 255, 4096, 30_000, MOST_TIANO])
def test_whole_streams(pack: Pack, unpack: Unpack, coding: int, size: int) -> None:
    for data in (like_code(size, size), b"\xff" * size, random.Random(size).randbytes(size)):
        made = pack(data, coding)
        for behind in (b"", b"\0" * 7):
            stream = unpack(View(made + behind), coding, Budget())
            assert (stream.problem, stream.used) == ("", len(made))
            assert stream.data.read() == data


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=20), st.data())
@settings(max_examples=100, deadline=None)
def test_whatever_was_compressed(pieces: list[bytes], data: st.DataObject) -> None:
    order = data.draw(st.lists(st.sampled_from(pieces), min_size=1, max_size=200))
    content = b"".join(order)
    for pack, unpack, coding in KINDS:
        stream = unpack(View(pack(content, coding)), coding, Budget())
        assert (stream.problem, stream.data.read()) == ("", content)


@every
def test_cut_and_changed_streams_are_told(pack: Pack, unpack: Unpack, coding: int) -> None:
    data = like_code(7, 60_000)
    made = pack(data, coding)
    head = bytearray(made[: len(made) // 2])
    if unpack is expanded:
        struct.pack_into("<I", head, 0, len(head) - 8)
    stream = unpack(View(bytes(head)), coding, Budget())
    assert stream.problem
    kept = stream.data.read()
    assert data.startswith(kept[: len(kept) - 2000])
    assert len(kept) > 10_000
    with pytest.raises(Malformed):
        unpack(View(made[:7]), coding, Budget())


def test_a_header_that_lies() -> None:
    made = bytearray(packed(b"some text " * 40, EFI))
    for compressed in (0, len(made), 1 << 31):
        with pytest.raises(Malformed, match="compressed bytes"):
            expanded(View(struct.pack("<I", compressed) + made[4:]), EFI, Budget())
    large = expanded(View(made[:4] + struct.pack("<I", 1 << 31) + made[8:]), EFI, Budget())
    assert "grows beyond" in large.problem
    more = expanded(View(made[:4] + struct.pack("<I", 90_000) + made[8:]), EFI, Budget())
    assert "damaged behind its first" in more.problem
    assert more.data.read().startswith(b"some text " * 40)
    other = efi_brotli.expanded(View(struct.pack("<QQ", 5, 0) + brotli.compress(b"a" * 99)), Budget())  # fmt: skip
    assert "grows beyond the 5 bytes" in other.problem


@given(st.integers(0, 1 << 32))
@settings(max_examples=60, deadline=None)
def test_mutants(seed: int) -> None:
    """Malformed and OutOfBudget only, soon, and never more than was said."""
    data = like_code(seed % 5, 20_000)
    for pack, unpack, coding in KINDS:
        for one in mutants(pack(data, coding), 4, seed):
            begun = time.process_time()
            try:
                stream = unpack(View(bytes(one)), coding, Budget())
            except (Malformed, OutOfBudget):
                continue
            assert len(stream.data) <= Budget().room(len(one))
            assert time.process_time() - begun < 1.0


@given(st.binary(max_size=400), st.sampled_from([EFI, TIANO]))
@settings(max_examples=300, deadline=None)
def test_junk(junk: bytes, coding: int) -> None:
    try:
        expanded(View(struct.pack("<II", len(junk), 90_000) + junk), coding, Budget())
    except Malformed:
        assert not junk


def bits(*fields: tuple[int, int]) -> str:
    """Value and width of each."""
    return "".join(f"{value:0{width}b}" for value, width in fields if width)


def stream(text: str, size: int, behind: int = 0) -> bytes:
    text += "0" * (-len(text) % 8)
    body = b"".join(int(text[at : at + 8], 2).to_bytes() for at in range(0, len(text), 8))
    body += bytes(behind)
    return struct.pack("<II", len(body), size) + body


def only(symbol: int, number: int) -> str:
    """A block of one symbol that needs no bits; matches are of the byte before."""
    return bits((number, 16), (0, 5), (0, 5), (0, 9), (symbol, 9), (0, 4), (0, 4))


def test_a_code_of_one_symbol_needs_no_bits() -> None:
    made = stream(only(ord("x"), 5) + only(256 + 7, 3), 35)
    assert expanded(View(made), EFI, Budget()).data.read() == b"x" * 35
    for text, why in (
        (only(300, 5), "before the beginning"),
        (only(ord("x"), 0), "no symbols"),
        (only(511, 5), "code 511 of 510"),
        (bits((9, 16), (2, 5), (1, 3), (2, 3)), "do not fit together"),
        (bits((9, 16), (2, 5), (7, 3)) + "1" * 20, "too long"),
        (bits((9, 16), (20, 5)), "20 codes of 19"),
    ):
        assert why in expanded(View(stream(text + "0" * 999, 50)), EFI, Budget()).problem


ALL_BYTES = bits((1, 16), (0, 5), (10, 5), (256, 9), (0, 4), (0, 4), (120, 8))
"""A block of one byte with a code of eight bits for each; their lengths need no bits."""
COSTLY = {
    "blocks of one symbol": stream(only(120, 1) * 400_000, 50_000_000),
    "blocks of many codes": stream(ALL_BYTES * 100_000, 50_000_000),
    "short matches": stream(only(120, 1) + only(256, 65_535) * 900, 150_000_000, 1 << 20),
    "long matches": stream(only(120, 1) + only(509, 65_535) * 20, 160 << 20, 1 << 20),
}
"""What costs most for its bytes."""


@pytest.mark.parametrize("name", COSTLY)
def test_a_stream_that_asks_for_much(name: str) -> None:
    """The bar is 20 s for an image, whose streams are counted together; here it is a fifth of that."""
    given = Limits()
    limits = replace(given, symbols=given.symbols // 5, all_bytes=given.all_bytes // 5)
    made, budget, begun = COSTLY[name], Budget(limits), time.process_time()
    with pytest.raises(OutOfBudget):
        for _ in range(100):
            expanded(View(made), EFI, budget)
    print(f"{name}: {len(made)} bytes, {time.process_time() - begun:.1f} s")
    assert time.process_time() - begun < 4
    with pytest.raises(OutOfBudget, match="symbols"):
        expanded(View(packed(bytes(5000), EFI)), EFI, Budget(Limits(symbols=1000)))
