"""UEFI volumes by an own writer: what is in them is read, and what is damaged or closed is told by its name."""

import lzma
import os
import struct
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import brotli
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from uefi_firmware.efi_compressor import EfiCompress, TianoCompress

from firmware_checks.budget import Budget, Limits
from firmware_checks.content import BY_NAME, inspectors
from firmware_checks.formats import uefi_files, uefi_signed
from firmware_checks.formats.uefi_codings import (
    BROTLI,
    LZMA,
    LZMA_X86,
    SIGNED,
    SIGNED_CERTIFICATE,
    TIANO_CODING,
)
from firmware_checks.formats.uefi_sections import Sections
from firmware_checks.formats.uefi_volume import FORMAT
from firmware_checks.reading import Context, Entry, Kind, Seen
from firmware_checks.view import View
from probe.model.firmware import ImageKey, ImageLayer, ImageProtection, Signing
from tests.firmware_checks.filesystems.mutation import mutants, survives
from tests.firmware_checks.formats import uefi_writer as w

Examine = Callable[..., Any]
VOLUME = "UEFI firmware volume"


def alone(data: bytes) -> bytes:
    return lzma.compress(data, format=lzma.FORMAT_ALONE, preset=1)


def held(*sections: bytes) -> bytes:
    """A volume with one file of these sections."""
    return w.volume(w.file(w.guid(1), w.FREEFORM, w.together(*sections)))


def leaves(image: bytes) -> dict[str, bytes]:
    """Path to bytes; volumes inside are not entered."""
    reading = FORMAT.read(View(image), Context(Budget()))
    assert reading is not None
    assert reading.tree is not None
    return {entry.path: view.read() for entry, view in reading.tree.entries(Budget())}


def key_file() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, none)


def test_volumes_in_volumes(examined: Examine) -> None:
    """The shape of most firmware: one file, compressed, with the volumes of all drivers."""
    drivers = [w.driver(n, f"Driver{n}") for n in range(10, 20)]
    inner = w.volume(*drivers, extended=w.guid(7))
    image = held(
        w.guided(LZMA, alone(w.together(w.section(0x19, bytes(60)), w.section(0x17, inner))))
    )
    found = examined(image + w.volume())
    assert found.formats() == {"0": VOLUME, "0/0": VOLUME, "0/1": VOLUME}
    assert found.survey.unread == ()
    details = dict(found.all(ImageLayer)[1].details)
    assert details["kind"] == "file system 2"
    assert details["files"] == "10, 0 of them padding"
    assert details["types"] == "10 driver"
    assert details["name"] == str(w.guid(7))
    assert found.all(ImageProtection) == []
    assert set(leaves(inner)) == {
        f"{w.guid(n)}/Driver{n}.{end}" for n in range(10, 20) for end in ("efi", "dxe-depex", "version")
    }  # fmt: skip


@pytest.mark.parametrize("kind", [w.FFS2, w.FFS3])
@pytest.mark.parametrize("erased", [0x00, 0xFF])
def test_kinds_and_polarity(kind: UUID, erased: int, examined: Examine) -> None:
    body = w.together(w.section(0x12, w.te()), w.named("Core"))
    files = [w.file(w.guid(n), w.DRIVER, body, checksum=n > 1, erased=erased) for n in (1, 2)]
    large = w.file(w.guid(3), w.RAW, b"large " * 40, large=True, erased=erased)
    image = w.volume(*files, large, kind=kind, erased=erased)
    assert examined(image).survey.unread == ()
    told = leaves(image)
    assert told[f"{w.guid(1)}/Core.te"] == told[f"{w.guid(2)}/Core.te"] == w.te()
    assert told[f"{w.guid(3)}.raw"] == b"large " * 40


def test_the_codings() -> None:
    plain = w.together(w.section(0x19, b"in it " * 30), w.named("Data"))
    code = b"\xe8" + struct.pack("<i", 0x1234) + b"\x90" * 7
    program = w.section(0x19, code * 9000)
    both = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2}]
    filtered = lzma.decompress(
        lzma.compress(program, format=lzma.FORMAT_RAW, filters=both),
        format=lzma.FORMAT_RAW,
        filters=both[1:],
    )
    assert filtered != program
    for coded, name, content in (
        (w.guided(LZMA, alone(plain)), "LZMA/Data.raw", b"in it " * 30),
        (w.guided(LZMA_X86, alone(filtered)), "LZMA-x86/data.raw", code * 9000),
        (w.crc32(plain), "CRC-32/Data.raw", b"in it " * 30),
        (w.guided(w.guid(5), plain, attributes=0), f"{w.guid(5)}/Data.raw", b"in it " * 30),
        (w.section(1, struct.pack("<IB", 999, 0) + plain), "compressed/Data.raw", b"in it " * 30),
        (w.section(3, plain), "disposable/Data.raw", b"in it " * 30),
        (w.section(0x18, w.guid(6).bytes_le + b"free", large=True), f"data.freeform.{w.guid(6)}", b"free"),
    ):  # fmt: skip
        assert leaves(held(coded)) == {f"{w.guid(1)}/{name}": content}


@pytest.mark.parametrize(
    ("coded", "said"),
    [
        (w.compressed(2, b"\xff" * 99), "neither LZMA nor Tiano's"),
        (w.compressed(3, os.urandom(99)), "not known (type 3)"),
        (w.guided(w.guid(9), os.urandom(99)), f"not known, {w.guid(9)}"),
        (w.guided(LZMA, b"none of it" * 9), "no header of LZMA"),
        (w.guided(LZMA, alone(os.urandom(9000))[:5000]), "cut short"),
        (w.guided(LZMA, alone(w.section(0x19, b"a" * 99)) + os.urandom(99)), "behind the end"),
        (w.crc32(w.section(0x19, b"abc"))[:-1] + b"x", "CRC-32 of the section does not hold"),
        (w.section(0x17, os.urandom(999)), "said to be a volume"),
        (w.section(0x10, os.urandom(99)), "said to be a program"),
        (w.section(0x77, b"what"), "type 0x77"),
        (struct.pack("<I", 0x19000000 | 5000) + b"lies", "says 5000 bytes of 8"),
        (struct.pack("<I", 0x19000002) + b"lies", "says 2 bytes of 8"),
    ],
)
def test_a_section_that_is_closed_or_damaged(coded: bytes, said: str, examined: Examine) -> None:
    unread = examined(held(w.section(0x19, b"before" * 9), coded)).survey.unread
    assert any(said in line and str(w.guid(1)) in line for line in unread), unread
    assert b"before" * 9 in leaves(held(w.section(0x19, b"before" * 9), coded)).values()


def test_a_damaged_file_is_told_and_the_next_is_read(examined: Examine) -> None:
    good, second = w.driver(1, "First", checksum=True), w.driver(2, "Second")
    for at, said, others in (
        (2, "checksum of the header", 3),
        (60, "checksum of the file does not hold", 6),
    ):
        bad = good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1 :]
        image = w.volume(bad, second)
        (line,) = examined(image).survey.unread
        assert said in line
        assert len([p for p in leaves(image) if p.startswith(str(w.guid(2)))]) == 3
        assert len([p for p in leaves(image) if "/" in p]) == others
    for state, said in ((0x03, "not written to its end"), (0x27, "")):
        image = w.volume(w.file(w.guid(1), w.RAW, b"left" * 20, state=state), second)
        unread = examined(image).survey.unread
        assert [said in line for line in unread] == ([True] if said else [])
    assert f"deleted/{w.guid(1)}.raw" in leaves(w.volume(w.file(w.guid(1), w.RAW, b"l" * 99, state=0x17)))  # fmt: skip


@pytest.mark.parametrize("size", [0, 23, 0xFFFFFF])
def test_a_file_that_lies_about_its_size(size: int, examined: Examine) -> None:
    lie = bytearray(w.driver(1, "Lies"))
    lie[20:23] = size.to_bytes(3, "little")
    (line,) = examined(w.volume(bytes(lie), w.driver(2, "Second"))).survey.unread
    assert f"{w.guid(1)} says {size} bytes" in line
    assert "not read" in line


def test_cut_and_filled_volumes(examined: Examine) -> None:
    image = w.volume(w.driver(1, "First"), w.driver(2, "Second"))
    for size in range(80, len(image), 97):
        assert "cut short" in " ".join(examined(image[:size]).survey.unread)
    hidden = w.volume(w.driver(1, "First"), bytes([0xFF] * 64) + os.urandom(500))
    assert "free space" in " ".join(examined(hidden).survey.unread)
    pad = w.volume(w.file(w.guid(1), w.PAD, b"\xff" * 99), w.file(w.guid(2), w.PAD, b"hidden" * 99))
    assert list(leaves(pad).values()) == [b"hidden" * 99]
    other = examined(w.volume(w.driver(1, "First"), kind=w.guid(3)))
    assert "not opened" in other.survey.unread[0]
    assert dict(other.all(ImageLayer)[0].details)["kind"] == str(w.guid(3))


def test_what_the_files_hold_is_looked_at_once(examined: Examine) -> None:
    """A private key in a driver of a volume inside a volume."""
    program = w.pe(b"\x90" * 400 + key_file() + b"\0" * 99)
    inner = w.volume(w.driver(1, "Secret", program))
    for image in (
        held(w.section(0x17, inner)),
        held(w.guided(LZMA, alone(w.section(0x17, inner)))),
    ):
        (key,) = examined(image).all(ImageKey)
        assert (key.place, key.path) == ("0/0", f"{w.guid(1)}/Secret.efi")


def test_a_program_with_a_signature_of_its_own_has_a_word_of_its_own(examined: Examine) -> None:
    """The others are covered by what covers the volume, if anything does."""
    table = struct.pack("<IHH", 64, 0x200, 2) + os.urandom(56)
    found = examined(w.volume(w.driver(1, "Plain"), w.driver(2, "Signed", w.pe(table=table))))
    (told,) = found.all(ImageProtection)
    assert (told.format, told.signing) == ("EFI program", Signing.UNREADABLE)


def signed(private: rsa.RSAPrivateKey, body: bytes) -> bytes:
    modulus = private.public_key().public_numbers().n.to_bytes(256)
    made = private.sign(body, padding.PKCS1v15(), hashes.SHA256())
    block = UUID("51aa59de-fdf2-4ea3-bc63-875fb7842ee9").bytes_le + modulus + made
    return w.guided(SIGNED, body, block)


def test_signed_sections(pair: Any, examined: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = pair("mine"), pair("other")
    content = w.section(0x17, w.volume(w.driver(1, "Driver")))
    section = signed(mine.private, content)
    for keys, word in (
        ((), Signing.NOT_VERIFIED),
        ((other.public,), Signing.NOT_VERIFIED),
        ((mine.public,), Signing.VERIFIED),
    ):
        found = examined(held(section), *keys)
        told = found.protection("0/0")
        assert (told.signing, told.binds_payload, told.public_key) == (word, True, "")
        assert (told.key_bits, found.survey.unread) == (2048, ())
        assert found.formats() == {"0": VOLUME, "0/0": "UEFI signed section", "0/0/0": VOLUME}
    changed = section[:-30] + b"\x55" + section[-29:]
    for keys in ((), (mine.public,), (other.public,)):
        assert examined(held(changed), *keys).protection("0/0").signing is Signing.TAMPERED
    empty = section[:40] + bytes(512) + section[552:]
    assert examined(held(empty)).protection("0/0").signing is Signing.UNSIGNED
    no_key = section[:24] + bytes(16) + section[40:]
    assert examined(held(no_key)).protection("0/0").signing is Signing.UNREADABLE
    by_certificate = w.guided(SIGNED_CERTIFICATE, content, os.urandom(900))
    assert examined(held(by_certificate)).protection("0/0").signing is Signing.NOT_VERIFIED
    assert examined(held(by_certificate)).formats()["0/0/0"] == VOLUME
    modulus = mine.private.public_key().public_numbers().n.to_bytes(256)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(modulus)
    monkeypatch.setitem(uefi_signed.KNOWN, digest.finalize().hex(), "a key of everybody")
    assert examined(held(section)).protection("0/0").public_key == "a key of everybody"


def test_ten_thousand_files(examined: Examine) -> None:
    begun = time.process_time()
    found = examined(
        w.volume(*[w.file(w.guid(n), w.RAW, b"some text\n" * 4) for n in range(10_000)])
    )
    assert found.survey.files == 10_000
    assert found.survey.unread == ()
    assert time.process_time() - begun < 10


@pytest.mark.parametrize("body", [b"x", b"as many."])
def test_as_many_sections_as_there_may_be(body: bytes, examined: Examine) -> None:
    """Nothing in them has a path: what is known by its path alone is not asked for each."""
    many = w.together(*[w.section(0x19, body)] * 1_990)
    image = w.volume(*[w.file(w.guid(n), w.FREEFORM, many) for n in range(25)])
    begun = time.process_time()
    found = examined(image)
    assert (found.survey.files, found.survey.unread) == (25 * 1_990, ())
    assert time.process_time() - begun < 5


def test_what_is_known_by_its_name_alone() -> None:
    known = {one.name for one in inspectors("image", "0")}
    assert known > BY_NAME
    nameless = Entry(path="etc/x", kind=Kind.FILE, mode=0, uid=0, gid=0, size=40, is_named=False)
    for one in inspectors("image", "0"):
        if one.name in BY_NAME:
            view = View(b"root:$1$abcdefgh$0123456789012345678901:" + b"0" * 40)
            assert [*one.look(nameless, view), *one.end()] == []


def test_bombs(examined: Examine) -> None:
    begun = time.process_time()
    bomb = alone(w.section(0x19, bytes(200 << 20), large=True))
    assert "grows beyond" in examined(held(w.guided(LZMA, bomb))).survey.unread[0]
    deep = w.section(0x19, b"at the end")
    for _ in range(40):
        deep = w.section(3, deep)
    assert "inside each other" in examined(held(deep)).survey.unread[0]
    many = held(*[w.section(0x19, b"x")] * 5_000)
    assert "beside each other" in examined(many).survey.unread[0]
    image = w.volume(w.driver(1, "Driver"))
    for _ in range(20):
        image = held(w.section(0x17, image))
    assert "layers inside each other" in examined(image).survey.unread[0]
    little = Limits(files=10)
    assert "files" in examined(w.volume(*[w.driver(n) for n in range(9)]), limits=little).survey.unread[0]  # fmt: skip
    assert time.process_time() - begun < 10


CODED = w.together(w.section(0x19, b"coded " * 30), w.section(0x10, w.pe()))
SAMPLE = w.volume(
    w.file(
        w.guid(8),
        w.FREEFORM,
        w.together(
            w.compressed(1, EfiCompress(CODED, len(CODED))),
            w.compressed(2, TianoCompress(CODED, len(CODED))),
            w.guided(TIANO_CODING, TianoCompress(CODED, len(CODED))),
            w.guided(BROTLI, struct.pack("<QQ", len(CODED), 0) + brotli.compress(CODED)),
        ),
    ),
    w.driver(1, "Driver", checksum=True),
    w.file(w.guid(2), w.IMAGE, w.guided(LZMA, alone(w.section(0x17, w.volume(w.driver(3)))))),
    w.file(w.guid(4), w.FREEFORM, w.together(w.crc32(w.section(0x19, b"a" * 90)), w.section(0x12, w.te()))),
    w.file(w.guid(5), w.RAW, b"b" * 50, large=True),
    extended=w.guid(6),
)  # fmt: skip


def refit(one: bytearray) -> None:
    """The checksum of the volume's header made anew, so that what is behind it is read."""
    if len(one) >= 72 and struct.unpack_from("<H", one, 48)[0] == 72:
        one[50:52] = b"\0\0"
        struct.pack_into("<H", one, 50, -sum(struct.unpack_from("<36H", one)) & 0xFFFF)


@given(st.integers(0, 1 << 32), st.booleans())
@settings(max_examples=150, deadline=None)
def test_mutants(seed: int, fit: bool) -> None:
    for one in mutants(SAMPLE, 4, seed):
        if fit:
            refit(one)
        survives(one)


@given(st.integers(0, 1 << 32), st.integers(0, len(SAMPLE)))
@settings(max_examples=100, deadline=None)
def test_whatever_is_taken_for_a_volume_is_read_as_one(seed: int, size: int) -> None:
    """A layer that nobody reads would vanish."""
    for one in mutants(SAMPLE, 1, seed, end=80):
        refit(one)
        view = View(bytes(one[:size]))
        if uefi_files.is_volume(view):
            assert FORMAT.read(view, Context(Budget())) is not None


@given(st.binary(max_size=300))
def test_signed_sections_of_junk(junk: bytes) -> None:
    """Each that is handed on as a layer is read as one."""
    section = w.guided(SIGNED, junk, junk[:40])
    section = section[:4] + section[4:20] + junk[:4].ljust(4, b"\x20") + section[24:]
    for entry, view in Sections(Budget(), uefi_files.is_volume).entries(View(section), "x"):
        if entry.seen is Seen.LAYER:
            assert uefi_signed.FORMAT.read(view, Context(Budget())) is not None
