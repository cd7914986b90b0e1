"""High Assurance Boot: images signed with keys of this run, one that NXP's own tool signed, and what must not pass."""

import gzip
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget
from firmware_checks.formats import boot_rom
from firmware_checks.reading import Context
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageLayer, Signing
from tests.firmware_checks.conftest import examined
from tests.firmware_checks.formats import hab_writer
from tests.firmware_checks.formats.hab_writer import Hab

Call = Callable[..., Any]
SAMPLES = Path(__file__).parent / "samples"
GENUINE = gzip.decompress((SAMPLES / "hab_cst.imx.gz").read_bytes())
GENUINE_KEY = (SAMPLES / "hab_cst_srk.pem").read_bytes()


@pytest.fixture
def hab(tool: Call, tmp_path: Path) -> Hab:
    return Hab(tool, tmp_path)


def told(image: bytes, *keys: bytes) -> dict[str, str]:
    return dict(examined(image, *keys).all(ImageLayer)[0].details)


def test_what_the_tool_of_nxp_signed() -> None:
    found = examined(GENUINE, GENUINE_KEY).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)
    assert found.scheme == "HAB RSA-2048 SHA-256"
    assert examined(GENUINE).protection().signing is Signing.NOT_VERIFIED
    changed = bytearray(GENUINE)
    changed[5000] ^= 1
    assert examined(bytes(changed), GENUINE_KEY).protection().signing is Signing.TAMPERED


def test_what_the_newer_tool_of_nxp_signed_and_encrypted() -> None:
    """spsdk: an image of i.MX RT, whose pieces stand at fixed places with padding between them."""
    signed, encrypted = (
        gzip.decompress((SAMPLES / name).read_bytes())
        for name in ("hab_spsdk.bin.gz", "hab_spsdk_encrypted.bin.gz")
    )
    found = examined(signed, GENUINE_KEY).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)
    for place in (4, 0x1400):
        changed = bytearray(signed)
        changed[place] ^= 1
        assert examined(bytes(changed), GENUINE_KEY).protection().signing is Signing.TAMPERED
    # Code where there was padding.
    hidden = signed[:0x800] + b"code" + signed[0x804:]
    assert examined(hidden, GENUINE_KEY).protection().binds_payload is False
    for keys in ((), (GENUINE_KEY,)):
        assert examined(encrypted, *keys).protection().signing is Signing.ENCRYPTED


@pytest.mark.parametrize(("more", "word"), [(6, Signing.VERIFIED), (7, Signing.UNREADABLE)])
def test_no_more_signatures_are_read_than_tools_make(more: int, word: Signing, hab: Hab) -> None:
    """Each may cost milliseconds: 2,000 images of 60 signatures took minutes."""
    image = hab.unsigned(os.urandom(5000))
    own = struct.unpack_from("<I", image, 20)[0]
    row = hab_writer.authenticate(2, 0xC5, hab_writer.SLOT * 5, (own, len(image)))
    signed = hab.signed(image, script=lambda commands: commands + row * more)
    assert examined(signed, hab.root.certificate).protection().signing is word


@pytest.mark.parametrize("kind", ["rsa-2048", "ec"])
def test_keys_and_the_hash_of_the_fuses(kind: str, tool: Call, tmp_path: Path) -> None:
    made = Hab(tool, tmp_path, kind)
    image = made.signed(made.unsigned(os.urandom(5000)))
    for key in (made.root.certificate, made.root.public):
        found = examined(image, key).protection()
        assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)
    other = examined(image, made.second.certificate).protection()
    assert other.signing is Signing.NOT_VERIFIED
    assert "another one of its table" in other.detail
    # The keys between cannot vouch for themselves: only the root is compared with the fuses.
    assert examined(image, made.image.certificate).protection().signing is Signing.NOT_VERIFIED
    assert told(image)["hash of the super root keys (fuses)"] == made.fuses.hex()


def test_one_key_for_all(hab: Hab) -> None:
    image = hab.signed(hab.unsigned(os.urandom(5000)), fast=True)
    found = examined(image, hab.root.certificate).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)


def test_the_room_behind_the_commands_need_not_be_there(hab: Hab) -> None:
    image = hab.signed(hab.unsigned(os.urandom(5000))).rstrip(b"\0")
    assert examined(image, hab.root.certificate).protection().signing is Signing.VERIFIED
    cut = examined(image[:-40], hab.root.certificate).protection()
    assert cut.signing is Signing.UNREADABLE


def test_what_is_not_covered_is_named(hab: Hab) -> None:
    image = hab.unsigned(os.urandom(5000))
    whole = len(image)

    def left(*blocks: tuple[int, int]) -> str:
        signed = hab.signed(image, blocks=list(blocks))
        found = examined(signed, hab.root.certificate).protection()
        assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
        return found.detail

    assert "the header, the boot data, the device configuration" in left((0xC00, whole - 0xC00))
    # The last word of the device configuration, the word of the header that would point to it: zeros count there.
    assert "bytes 24 to 28 (the header)" in left((0, 24), (28, whole - 28))
    assert "the device configuration" in left((0, 48), (60, whole - 60))
    assert "bytes 3172 to 3176" in left((0, 0xC64), (0xC68, whole - 0xC68))
    assert "bytes 32 to 44 (the boot data)" in left((0, 32), (44, whole - 44))
    # mkimage fills the last page with zeros: whether those are under the signature is told, and no more.
    padded = hab.signed(image, blocks=[(0, whole - 4)])
    assert examined(padded, hab.root.certificate).protection().binds_payload is True
    assert told(padded)["padding that is not under the signature"] == "4 bytes"
    # What stands behind the commands and belongs to none of them is no padding.
    hidden = bytearray(hab.signed(image))
    hidden[-4:] = b"code"
    found = examined(bytes(hidden), hab.root.certificate).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    # Pieces in any order that are all of it.
    signed = hab.signed(image, blocks=[(64, whole - 64), (0, 64)])
    assert examined(signed, hab.root.certificate).protection().binds_payload is True


def test_changes_show_without_a_key(hab: Hab) -> None:
    image = hab.signed(hab.unsigned(os.urandom(5000)))
    at = len(image) - hab_writer.ROOM
    places = {
        "header": 4,
        "program": 0xC00 + 50,
        "commands": at + 0x20,
        "certificate": at + 2 * hab_writer.SLOT + 100,
    }
    for name, place in places.items():
        for keys in ((), (hab.root.certificate,)):
            changed = bytearray(image)
            changed[place] ^= 1
            found = examined(bytes(changed), *keys).all(ImageLayer)
            if found[0].format == "i.MX boot image":
                one = examined(bytes(changed), *keys).protection()
                assert one.signing is not Signing.VERIFIED, name
                if name == "program":
                    assert one.signing is Signing.TAMPERED


def test_a_table_of_foreign_keys_proves_nothing(hab: Hab, tool: Call, tmp_path: Path) -> None:
    """Whoever signs with keys of his own gets no word but that: the fuses know better."""
    (tmp_path / "other").mkdir()

    def there(*argv: str) -> None:
        import subprocess

        subprocess.run(argv, cwd=tmp_path / "other", check=True, capture_output=True)

    other = Hab(there, tmp_path / "other")
    image = other.signed(other.unsigned(os.urandom(5000)))
    assert examined(image, hab.root.certificate).protection().signing is Signing.NOT_VERIFIED
    # The table of the right keys in front of commands that others signed.
    forged = image.replace(other.table, hab.table)
    assert examined(forged, hab.root.certificate).protection().signing is Signing.TAMPERED


def test_keys_that_no_root_signed(hab: Hab) -> None:
    """Signatures by keys whose certificates another root issued."""
    foreign = hab_writer.build(hab.folder, "FOREIGN")
    lone = hab_writer.build(hab.folder, "LONE", issuer=foreign)
    image = hab.unsigned(os.urandom(5000))
    for wrong in (hab.signed(image, csf=lone), hab.signed(image, by=lone)):
        found = examined(wrong, hab.root.certificate).protection()
        assert found.signing is Signing.TAMPERED
        assert "not signed by the key of slot 0" in found.detail


def test_a_certificate_in_the_message_is_not_asked(hab: Hab) -> None:
    """The message brings the certificate of a key that the commands never installed."""
    lone = hab_writer.build(hab.folder, "LONE")
    image = hab.unsigned(os.urandom(5000))
    honest = hab.cms

    def with_certificate(content: bytes, by: Any, *more: str) -> bytes:
        if by is not hab.image:
            return honest(content, by, *more)
        (hab.folder / "content").write_bytes(content)
        signer = ("-signer", str(lone.cert), "-inkey", str(lone.key), "-outform", "DER")
        options = ("-binary", "-nosmimecap", "-in", "content", *signer, "-out", "cms.der")
        hab.tool("openssl", "cms", "-sign", *options)
        return hab_writer.structure(0xD8, (hab.folder / "cms.der").read_bytes())

    hab.cms = with_certificate  # type: ignore[method-assign]
    found = examined(hab.signed(image), hab.root.certificate, lone.certificate).protection()
    assert found.signing is Signing.TAMPERED


ORDERS: dict[str, Callable[[bytes], bytes]] = {
    "data before the commands": lambda c: c[:24] + c[36 + 24 :] + c[24 : 36 + 24],
    "no signature over the commands": lambda c: c[:24] + c[36:],
    "the root twice": lambda c: c[:12] + c,
    "a slot twice": lambda c: c + hab_writer.install(9, 0, 0, 2, 0x2000),
    "a key from nowhere": lambda c: c[:48] + c[48:].replace(bytes.fromhex("09000002"), bytes.fromhex("09000302"), 1),
    "a root that is not in the table": lambda c: c.replace(bytes.fromhex("03170000"), bytes.fromhex("03170700")),
    "the data with the key of the commands": lambda c: c.replace(bytes.fromhex("02c51d00"), bytes.fromhex("01c51d00")),
    "the data with the root": lambda c: c.replace(bytes.fromhex("02c51d00"), bytes.fromhex("00c51d00")),
    "an unknown protocol": lambda c: c.replace(bytes.fromhex("02c51d00"), bytes.fromhex("02991d00")),
    "a block where USB loads the device configuration": lambda c: c[:-8] + struct.pack(">II", 0x00910000, 16),
    "a block behind the image": lambda c: c[:-8] + struct.pack(">II", 0x17900000, 16),
    "blocks in front of the header": lambda c: c[:-8] + struct.pack(">II", 0x1000, 16),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDERS)
def test_commands_that_the_chip_refuses(name: str, hab: Hab) -> None:
    image = hab.signed(hab.unsigned(os.urandom(5000)), script=ORDERS[name])
    found = examined(image, hab.root.certificate).protection()
    assert found.signing is Signing.NOT_VERIFIED, found.detail


def test_commands_alone(hab: Hab) -> None:
    image = hab.signed(hab.unsigned(os.urandom(5000)), data=False)
    found = examined(image, hab.root.certificate).protection()
    assert (found.signing, found.binds_payload) == (Signing.NOT_VERIFIED, False)
    assert "nothing else is" in found.detail


def test_a_key_named_by_its_hash(hab: Hab) -> None:
    """The install command may hold the hash of the certificate's structure."""
    import hashlib

    digest = hashlib.sha256(hab_writer.certificate(hab.image)).digest()

    def with_hash(digest: bytes) -> Callable[[bytes], bytes]:
        old = hab_writer.install(9, 0, 0, 2, 4 * hab_writer.SLOT)
        new = struct.pack(">BHBBBBBI", 0xBE, 44, 0x80, 9, 0x17, 0, 2, 4 * hab_writer.SLOT) + digest
        return lambda commands: commands.replace(old, new)

    image = hab.unsigned(os.urandom(5000))
    good = examined(hab.signed(image, script=with_hash(digest)), hab.root.certificate)
    assert good.protection().signing is Signing.VERIFIED
    bad = examined(hab.signed(image, script=with_hash(bytes(32))), hab.root.certificate)
    assert bad.protection().signing is Signing.TAMPERED


def test_encrypted(hab: Hab) -> None:
    image = hab.signed(hab.unsigned(os.urandom(9000)), encrypted=True)
    changed = bytearray(image)
    changed[0x1000] ^= 1
    for data in (image, bytes(changed)):
        found = examined(data, hab.root.certificate)
        assert found.protection().signing is Signing.ENCRYPTED
        assert found.protection().encrypted
        assert any("encrypted" in text for text in found.survey.unread)


def test_weak_keys_and_hashes(tool: Call, tmp_path: Path) -> None:
    small = Hab(tool, tmp_path, "rsa-1024")
    image = small.signed(small.unsigned(os.urandom(5000)))
    assert "1024" in examined(image, small.root.certificate).protection().weak


def read(data: bytes) -> Any:
    return boot_rom.FORMAT.read(View(data), Context(budget=Budget()))


@settings(max_examples=300, deadline=1000, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_mutants(seed: int, changes: int) -> None:
    chance = random.Random(seed)
    data = bytearray(GENUINE)
    at = len(GENUINE) - 3656
    for _ in range(changes):
        place = chance.choice((chance.randrange(48), at + chance.randrange(0x60), chance.randrange(len(data))))  # fmt: skip
        data[place] = chance.choice((0, 1, 4, 255, chance.randrange(256)))
    try:
        found = read(bytes(data[: chance.choice((len(data), at + 40, at + 900))]))
    except Malformed:
        return
    if found is not None and found.protection is not None and bytes(data) != GENUINE:
        assert found.protection.signing is not Signing.VERIFIED  # no key was given
