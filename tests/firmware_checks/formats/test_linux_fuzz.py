"""Damaged images of Linux, Android, UEFI and IETF formats: never an error of ours, never a long wait."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_checks import cms, fdt
from firmware_checks.view import Malformed, View
from tests.firmware_checks.formats import (
    test_openwrt,
    test_pe,
    test_suit,
    test_tuf,
    test_uefi_volume,
    test_uimage,
    test_vbmeta,
)

Examine = Callable[..., Any]
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "300"))
LONGEST = 1.0
"""Seconds that one damaged image may take."""


def fit(tool: Any, folder: Path, holder: Any) -> bytes:
    source = (
        '/dts-v1/; / { description = "f"; images { k { data = /incbin/("body"); type = "kernel"; arch = "arm"; os = "linux";'
        ' compression = "none"; hash { algo = "sha256"; }; }; }; configurations { default = "c"; c {'
        ' kernel = "k"; signature { algo = "sha256,rsa2048"; key-name-hint = "dev";'
        ' sign-images = "kernel"; }; }; }; };'
    )
    (folder / "body").write_bytes(b"kernel" * 500)
    (folder / "f.its").write_text(source)
    tool("mkimage", "-f", "f.its", "-k", ".", "f.itb")
    return (folder / "f.itb").read_bytes()


def rauc(tool: Any, folder: Path, holder: Any) -> bytes:
    (folder / "content").mkdir()
    (folder / "content/a.img").write_bytes(random.Random(1).randbytes(9000))
    manifest = (
        "[update]\ncompatible=b\nversion=1\n[bundle]\nformat=verity\n[image.a]\nfilename=a.img\n"
    )
    (folder / "content/manifest.raucm").write_text(manifest)
    tool("rauc", "--cert", "dev.crt", "--key", "dev.key", "bundle", "content", "out.raucb")
    return (folder / "out.raucb").read_bytes()


def mender(tool: Any, folder: Path, holder: Any) -> bytes:
    (folder / "a.img").write_bytes(b"a" * 3000)
    options = ["-t", "b", "-n", "r", "-f", "a.img", "-o", "out.mender", "-k", "dev.key"]
    tool("mender-artifact", "write", "rootfs-image", *options)
    return (folder / "out.mender").read_bytes()


def capsule(tool: Any, folder: Path, holder: Any) -> bytes:
    (folder / "body").write_bytes(b"payload" * 100)
    keys = ["-m", "1", "-p", "dev.key", "-c", "dev.crt"]
    guid = "09d7cf52-0720-4710-91d1-08469b7fe9c8"
    tool("mkeficapsule", "-i", "1", "-g", guid, *keys, "body", "out.cap")
    return (folder / "out.cap").read_bytes()


def program(tool: Any, folder: Path, holder: Any) -> bytes:
    (folder / "p.efi").write_bytes(test_pe.program())
    tool("sbsign", "--key", "dev.key", "--cert", "dev.crt", "--output", "s.efi", "p.efi")
    return (folder / "s.efi").read_bytes()


def openwrt(tool: Any, folder: Path, holder: Any) -> bytes:
    image = test_openwrt.about(test_openwrt.archive())
    return test_openwrt.appended(image, 0, test_openwrt.Signer().sign(image))


MAKERS: dict[str, Callable[..., bytes]] = {
    "fit": fit,
    "rauc": rauc,
    "mender": mender,
    "capsule": capsule,
    "program": program,
    "openwrt": openwrt,
    "trx": lambda *_: test_uimage.trx(b"a" * 900, b"b" * 900),
    "suit": lambda *_: test_suit.envelope(test_suit.make_key(-8)[0], -8),
    "tuf": lambda *_: test_tuf.zipped(test_tuf.Repository().files()),
    "tuf-root": lambda *_: test_tuf.Repository().files()["root.json"],
    "vbmeta": lambda tool, folder, holder: test_vbmeta.vbmeta(holder),
    "footer": lambda tool, folder, holder: test_vbmeta.footed(test_vbmeta.vbmeta(holder)),
    "volume": lambda *_: test_uefi_volume.SAMPLE,
}


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_damage_is_never_an_error_of_ours(
    name: str, tool: Any, tmp_path: Path, pair: Any, examined: Examine
) -> None:
    holder, chance = pair(), random.Random(name)
    image = MAKERS[name](tool, tmp_path, holder)
    for number in range(ROUNDS):
        data = damaged(image, chance)
        before = time.monotonic()
        try:
            examined(data, holder.certificate)
        except Exception as error:
            (tmp_path / "damaged.bin").write_bytes(data)
            raise AssertionError(f"round {number} of {name}: {error!r}") from error
        assert time.monotonic() - before < LONGEST + 1, f"round {number} of {name}"


def damaged(image: bytes, chance: random.Random) -> bytes:
    """Changed bytes, mostly among the first and last ones; a piece cut out, doubled or left off."""
    data = bytearray(image)
    for _ in range(chance.randint(1, 6)):
        near = chance.choice((min(512, len(data)), len(data)))
        at = chance.randrange(near)
        if chance.random() < 0.3:
            at = len(data) - 1 - at
        data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    way, at = chance.random(), chance.randrange(len(data))
    if way < 0.1:
        del data[at:]
    elif way < 0.2:
        del data[at : at + chance.randint(1, 64)]
    elif way < 0.25:
        data[at:at] = data[at : at + chance.randint(1, 64)]
    return bytes(data) or b"\0"


@given(st.binary(max_size=400))
def test_bytes_that_are_no_message(data: bytes) -> None:
    try:
        cms.read(b"\x30" + data)
    except Malformed:
        pass


@given(st.binary(max_size=200), st.integers(0, 200), st.integers(0, 200))
def test_bytes_that_are_no_tree(data: bytes, strings: int, structure: int) -> None:
    numbers = [40 + len(data), 40, 40 + strings, 40, 17, 16, 0, 50, structure]
    head = fdt.MAGIC + b"".join(n.to_bytes(4) for n in numbers)
    try:
        fdt.read(View(head + data))
    except Malformed:
        pass
