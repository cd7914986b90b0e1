"""Images that the project's own imgtool makes: each twin is told as what it is, with and without the key."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.model.firmware import Rollback, Signing

KINDS = ["rsa-2048", "rsa-3072", "ecdsa-p256", "ed25519"]
Tool = Callable[..., Any]
Examine = Callable[..., Any]


@pytest.fixture
def make(tool: Tool, tmp_path: Path) -> Callable[..., bytes]:
    def image(*options: str, body: bytes | None = None) -> bytes:
        (tmp_path / "body.bin").write_bytes(body or os.urandom(5000))
        common = ["--header-size", "0x200", "--pad-header", "-S", "0x20000", "--align", "4"]
        tool("imgtool", "sign", *common, "--version", "1.2.3+4", *options, "body.bin", "out.bin")
        return (tmp_path / "out.bin").read_bytes()

    return image


def key(tool: Tool, tmp_path: Path, kind: str, name: str) -> bytes:
    tool("imgtool", "keygen", "-k", f"{name}.pem", "-t", kind)
    return str(tool("imgtool", "getpub", "-k", f"{name}.pem", "-e", "pem").stdout).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_image_with_and_without_its_key(
    kind: str, tool: Tool, make: Callable[..., bytes], examined: Examine, tmp_path: Path
) -> None:
    mine, other = key(tool, tmp_path, kind, "mine"), key(tool, tmp_path, kind, "other")
    image = make("-k", "mine.pem", "-s", "7")
    alone, with_key, with_other = examined(image), examined(image, mine), examined(image, other)
    assert alone.protection().signing is Signing.NOT_VERIFIED
    assert with_key.protection().signing is Signing.VERIFIED
    assert with_other.protection().signing is Signing.NOT_VERIFIED
    assert with_key.protection().binds_payload
    assert with_key.protection().rollback is Rollback.COUNTER
    assert with_key.protection().rollback_value == 7
    assert with_key.protection().integrity == "SHA-256 holds"


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_moved_to_another_payload_is_tampering(
    kind: str, tool: Tool, make: Callable[..., bytes], examined: Examine, tmp_path: Path
) -> None:
    """The hash was made anew, as an attacker does; the signature is still over the old one."""
    mine = key(tool, tmp_path, kind, "mine")
    body = os.urandom(5000)
    first = make("-k", "mine.pem", body=body)
    other = make("-k", "mine.pem", body=b"evil" + body[4:])
    assert examined(first, mine).protection().signing is Signing.VERIFIED
    payload_end = 0x200 + 5000
    forged = other[:payload_end] + _with_signature_of(other[payload_end:], first[payload_end:])
    found = examined(forged, mine).protection()
    assert found.integrity == "SHA-256 holds"
    assert found.signing is Signing.TAMPERED
    assert examined(forged).protection().signing is Signing.NOT_VERIFIED


def _with_signature_of(area: bytes, donor: bytes) -> bytes:
    """``area`` with everything but its hash taken from ``donor``: tag, length and value from offset 4."""
    size = int.from_bytes(area[6:8], "little")
    return donor[:8] + area[8 : 8 + size] + donor[8 + size :]


def test_no_signature_and_a_changed_byte(
    make: Callable[..., bytes], examined: Examine, tool: Tool, tmp_path: Path
) -> None:
    assert examined(make()).protection().signing is Signing.UNSIGNED
    assert examined(make()).protection().rollback is Rollback.NONE
    key(tool, tmp_path, "ecdsa-p256", "mine")
    image = bytearray(make("-k", "mine.pem"))
    image[0x300] ^= 1
    assert examined(bytes(image)).protection().signing is Signing.TAMPERED


def test_an_image_cut_in_half_is_unreadable_and_not_unsigned(
    make: Callable[..., bytes], examined: Examine
) -> None:
    image = make()
    found = examined(image[: len(image) // 2])
    assert found.protection().signing is Signing.UNREADABLE
    assert "cut short" in found.survey.unread[0]


def test_an_encrypted_image_is_never_called_tampered(
    tool: Tool, make: Callable[..., bytes], examined: Examine, tmp_path: Path
) -> None:
    mine = key(tool, tmp_path, "ecdsa-p256", "mine")
    key(tool, tmp_path, "ecdsa-p256", "device")
    image = make("-k", "mine.pem", "-E", "device.pem")
    for found in (examined(image), examined(image, mine)):
        assert found.protection().signing is Signing.ENCRYPTED
        assert any("payload: encrypted" in text for text in found.survey.unread)
        assert found.protection().encrypted
