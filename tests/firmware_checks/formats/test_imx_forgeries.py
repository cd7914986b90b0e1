"""What somebody without the keys of an i.MX image may try, and what a chip refuses although its signature fits."""

import datetime
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from probe.model.firmware import ImageLayer, Signing
from tests.firmware_checks.conftest import examined
from tests.firmware_checks.formats import hab_writer
from tests.firmware_checks.formats.conftest import Pair
from tests.firmware_checks.formats.hab_writer import ROOM, SLOT, Hab

Call = Callable[..., Any]


@pytest.fixture
def hab(tool: Call, tmp_path: Path) -> Hab:
    return Hab(tool, tmp_path)


def leaf(hab: Hab, name: str, issuer: Pair) -> Pair:
    """A key whose certificate says that it signs no others."""
    private = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(issuer.made.subject, subject, private.public_key(), 7)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(issuer.private, hashes.SHA256())
    )
    pair = hab_writer.build(hab.folder, name)
    form = (s.Encoding.PEM, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption())
    pair.key.write_bytes(private.private_bytes(*form))
    pair.cert.write_bytes(made.public_bytes(s.Encoding.PEM))
    return replace(pair, private=private, made=made)


def test_the_key_of_the_commands_makes_no_other_keys(hab: Hab) -> None:
    """Who holds the key of the commands alone must not be able to name a key for the program."""
    commands = leaf(hab, "CSF2", hab.root)
    mine = hab_writer.build(hab.folder, "MINE", issuer=commands)
    old = hab_writer.install(9, 0, 0, 2, 4 * SLOT)
    new = hab_writer.install(9, 0, 1, 2, 4 * SLOT)
    image = hab.unsigned(os.urandom(5000))
    made = hab.signed(image, csf=commands, by=mine, script=lambda c: c.replace(old, new))
    found = examined(made, hab.root.certificate).protection()
    assert found.signing is Signing.NOT_VERIFIED
    assert "may not sign keys" in found.detail


def test_a_command_that_decrypts_hides_no_change(hab: Hab) -> None:
    """Anybody can write one into a command file whose signature then does not fit."""
    image = hab.signed(hab.unsigned(os.urandom(5000)))
    at = len(image) - ROOM
    size = struct.unpack_from(">H", image, at + 1)[0]
    more = hab_writer.authenticate(0, 0xA3, SLOT * 5, (0x17800000, 16))
    changed = bytearray(image)
    struct.pack_into(">H", changed, at + 1, size + len(more))
    changed[at + size : at + size + len(more)] = more
    changed[0xC00 + 50] ^= 1
    found = examined(bytes(changed), hab.root.certificate).protection()
    assert found.signing is Signing.TAMPERED


def test_code_in_the_structure_of_a_signature(hab: Hab) -> None:
    """The length of the structure is under no signature; the message inside it ends where it ends."""
    image = hab.signed(hab.unsigned(os.urandom(5000)))
    at = len(image) - ROOM + 5 * SLOT
    size = struct.unpack_from(">H", image, at + 1)[0]
    changed = bytearray(image)
    struct.pack_into(">H", changed, at + 1, size + 64)
    changed[at + size : at + size + 64] = b"code" * 16
    found = examined(bytes(changed), hab.root.certificate).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    assert f"bytes {at + size} to" in found.detail


def test_two_signers(hab: Hab) -> None:
    """A message has one signer; with two it is a matter of the reader which of them counts."""
    lone = hab_writer.build(hab.folder, "LONE")
    more = ("-signer", str(lone.cert), "-inkey", str(lone.key))
    found = examined(hab.signed(hab.unsigned(os.urandom(5000)), more=more), hab.root.certificate)
    assert found.protection().signing is Signing.NOT_VERIFIED
    assert "2 signers" in found.protection().detail


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [(4, 0x17900000, "the entry point"), (12, 0x17000000, "the device configuration"), (12, 0x17F00000, "the device configuration")],
)  # fmt: skip
def test_pointers_to_what_is_not_in_the_image(place: int, value: int, named: str, hab: Hab) -> None:
    image = bytearray(hab.unsigned(os.urandom(5000)))
    struct.pack_into("<I", image, place, value)
    found = examined(hab.signed(bytes(image)), hab.root.certificate).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    assert named in found.detail


def test_a_plugin_is_told(hab: Hab) -> None:
    image = bytearray(hab.unsigned(os.urandom(5000)))
    struct.pack_into("<I", image, 40, 1)
    layer = examined(hab.signed(bytes(image))).all(ImageLayer)[0]
    assert "plugin" in dict(layer.details)
