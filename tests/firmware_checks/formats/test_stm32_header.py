"""The header of STM32: ST's signing tool is not to be had, so images are signed here from ST's description of it."""

import hashlib
import io
import os
import random
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget, Limits
from firmware_checks.curves import BRAINPOOL256T1, TOO_MANY
from firmware_checks.formats import boot_rom
from firmware_checks.reading import Context
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageLayer, ImageProtection, Rollback, Signing
from tests.firmware_checks.conftest import examined
from tests.firmware_checks.formats.stm32_writer import ALGORITHMS, VERSIONS, Signer, second

Call = Callable[..., Any]


@pytest.fixture
def signer(tool: Call, tmp_path: Path) -> Callable[..., Signer]:
    def make(name: str = "mine", curve: str = "prime256v1") -> Signer:
        return Signer(tool, tmp_path, name, curve)

    return make


@pytest.fixture
def first(tool: Call, tmp_path: Path) -> Callable[[], bytes]:
    """As mkimage makes it: with the first header, not signed."""

    def make() -> bytes:
        (tmp_path / "raw").write_bytes(os.urandom(3000))
        options = ("-T", "stm32image", "-a", "0x2ffc2500", "-e", "0x2ffc2500", "-d", "raw", "out")
        tool("mkimage", *options)
        return (tmp_path / "out").read_bytes()

    return make


@pytest.mark.parametrize("curve", ALGORITHMS)
@pytest.mark.parametrize("version", VERSIONS)
def test_verified(version: int, curve: str, signer: Any, first: Any) -> None:
    mine, other = signer("mine", curve), signer("other", curve)
    image = mine.sign(first() if version == 0x10000 else second(version, os.urandom(3000)))
    words = [examined(image, *keys).protection() for keys in ((), (other.public,), (mine.public,))]
    assert [p.signing for p in words] == [
        Signing.NOT_VERIFIED,
        Signing.NOT_VERIFIED,
        Signing.VERIFIED,
    ]
    assert words[2].binds_payload is True
    assert (words[2].rollback, words[2].rollback_value) == (Rollback.COUNTER, 7)
    assert words[2].key_bits == 256
    assert words[2].integrity == "the checksum holds"
    assert ("brainpool" in words[2].scheme) == ("brainpool" in curve)
    # Which bytes it is over in the header of version 2.3 nobody has published: nothing tells of a change.
    word = Signing.NOT_VERIFIED if version == 0x2_0300 else Signing.TAMPERED
    for place in (-5, 0x6D if version == 0x2_0300 else 0x61):
        changed = bytearray(image)
        changed[place] ^= 1
        assert examined(bytes(changed), mine.public).protection().signing is word


@pytest.mark.parametrize("version", VERSIONS)
def test_unsigned_and_cut(version: int, first: Any) -> None:
    image = first() if version == 0x10000 else second(version, os.urandom(3000))
    found = examined(image)
    assert found.all(ImageLayer)[0].problem == ""
    assert found.protection().signing is Signing.UNSIGNED
    assert found.protection().rollback is Rollback.UNSIGNED_COUNTER
    assert examined(image[:1500]).protection().signing is Signing.UNREADABLE


def test_stripped_and_switched_off(signer: Any, first: Any) -> None:
    mine = signer()
    signed = mine.sign(first())
    bare = signed[:4] + bytes(64) + signed[68:]
    assert examined(bare, mine.public).protection().signing is Signing.STRIPPED
    off = bytearray(signed)
    off[0x64] |= 1
    found = examined(bytes(off), mine.public).protection()
    assert found.signing is Signing.UNSIGNED
    assert "not asked about" in found.detail
    blank = second(0x20000, os.urandom(3000), claims=True)
    assert examined(blank).protection().signing is Signing.UNREADABLE  # it has no key


def test_a_key_that_is_not_in_the_table(signer: Any) -> None:
    """The chip compares the hash of the table; a key beside it signs nothing."""
    mine = signer()
    image = mine.sign(second(0x20000, os.urandom(3000)), hashes=[bytes(32)] * 8)
    found = examined(image, mine.public).protection()
    assert found.signing is Signing.NOT_VERIFIED
    assert "not in its table" in found.detail


def test_encrypted(signer: Any) -> None:
    mine = signer()
    image = mine.sign(second(0x20000, os.urandom(3000), encrypted=True))
    found = examined(image, mine.public)
    assert (found.protection().signing, found.protection().encrypted) == (Signing.VERIFIED, True)
    assert any("encrypted" in text for text in found.survey.unread)
    changed = bytearray(image)
    changed[-1] ^= 1
    assert examined(bytes(changed), mine.public).protection().signing is Signing.ENCRYPTED


def test_hashes_of_the_fuses(signer: Any, first: Any) -> None:
    mine = signer()
    details = dict(examined(mine.sign(first())).all(ImageLayer)[0].details)
    assert details["hash of the key (fuses)"] == hashlib.sha256(mine.point).hexdigest()
    image = mine.sign(second(0x20000, os.urandom(3000)))
    table = image[128 + 20 + 64 :][: 8 * 32]
    details = dict(examined(image).all(ImageLayer)[0].details)
    assert details["hash of the table of keys (fuses)"] == hashlib.sha256(table).hexdigest()


def test_the_longer_header_as_other_makers_sign_it(signer: Any) -> None:
    """Phoenix-RTOS leaves the two words about a payload that is not secure out of the signature."""
    mine = signer()
    image = mine.sign(second(0x20300, os.urandom(3000)), without=(152, 160))
    found = examined(image, mine.public).protection()
    assert found.signing is Signing.VERIFIED
    assert "but for its last 8 bytes" in found.covers


@settings(max_examples=200, deadline=1000)
@given(st.integers(0, 2**32), st.sampled_from(VERSIONS[1:]))
def test_mutants(seed: int, version: int) -> None:
    chance = random.Random(seed)
    data = bytearray(second(version, bytes(400), claims=True))
    struct.pack_into("<4sI", data, 128 if version != 0x20300 else 160, b"ST\0\2", 300)
    for _ in range(chance.randrange(1, 8)):
        data[chance.randrange(4, 300)] = chance.choice((0, 1, 2, 255, chance.randrange(256)))
    size = chance.choice((len(data), chance.randrange(len(data))))
    try:
        found = boot_rom.FORMAT.read(View(bytes(data[:size])), Context(budget=Budget()))
    except Malformed:
        return
    assert found is None or found.protection is not None
    if found is not None and found.protection is not None:
        assert found.protection.signing is not Signing.VERIFIED


def test_so_many_slow_signatures_are_verified_and_no_more(signer: Any) -> None:
    """An archive of 2,000 small images would take minutes; those that are left are not verified, and told."""
    mine = signer("mine", "brainpoolP256t1")
    image = mine.sign(second(0x20200, b"program"))
    with tarfile.open(fileobj=(out := io.BytesIO()), mode="w") as archive:
        for number in range(3):
            row = tarfile.TarInfo(f"{number}.stm32")
            row.size = len(image)
            archive.addfile(row, io.BytesIO(image))
    limits = Limits(reckoning=2 * BRAINPOOL256T1.cost)
    found = examined(out.getvalue(), mine.public, limits=limits).all(ImageProtection)
    told = [(p.signing, TOO_MANY in p.detail) for p in found if p.format == "STM32 boot image"]
    assert told == [(Signing.VERIFIED, False)] * 2 + [(Signing.NOT_VERIFIED, True)]
