"""The verdict table: every format, every twin, without a key, with a wrong one, with the right one."""

from collections.abc import Callable
from typing import Any

import pytest

from probe.model.firmware import ImageProtection, Signing
from tests.firmware_checks.formats import verdict_twins as twins
from tests.firmware_checks.formats.conftest import Pair

Examine = Callable[..., Any]
WORDS = {
    "U": Signing.UNSIGNED,
    "N": Signing.NOT_VERIFIED,
    "V": Signing.VERIFIED,
    "T": Signing.TAMPERED,
    "S": Signing.STRIPPED,
    "E": Signing.ENCRYPTED,
    "X": Signing.UNREADABLE,
    "-": None,
}
"""``-``: no format is claimed, and the bytes are told as unread."""
SIGNED = {"signed": "NNV", "nested": "NNV"}
TABLE: dict[str, tuple[Any, dict[str, str]]] = {
    "MCUboot": (twins.mcuboot, SIGNED | {
        "weak key": "NNV", "unsigned": "UUU", "tampered": "NNT", "test key": "NNV", "truncated": "XXX",
        "encrypted": "EEE"}),
    "ESP32": (twins.esp32, SIGNED | {
        "unsigned": "UUU", "stripped": "SSS", "tampered": "TTT", "weak key": "NNV",
        "truncated": "XXX", "encrypted": "---"}),
    "FIT": (twins.fit_image, SIGNED | {
        "encrypted": "NNV", "unsigned": "UUU", "tampered": "NNT", "weak key": "NNV", "truncated": "XXX"}),
    "RAUC": (twins.rauc_bundle, SIGNED | {
        "stripped": "SSS", "tampered": "TTT", "weak key": "NNV", "test key": "NNV",
        "truncated": "---", "encrypted": "NNE"}),
    "SWUpdate": (twins.swupdate_image, SIGNED | {
        "unsigned": "UUU", "tampered": "NNT", "weak key": "NNV", "truncated": "XXX",
        "encrypted": "NNV"}),
    "Mender": (twins.mender_artifact, SIGNED | {
        "unsigned": "UUU", "tampered": "NNT", "weak key": "NNV", "truncated": "XXX"}),
    "OpenWrt": (twins.openwrt_image, SIGNED | {"unsigned": "UUU", "tampered": "NNN"}),
    "OpenWrt, ucert": (twins.openwrt_chain, SIGNED | {"tampered": "TTT"}),
    "SUIT": (twins.suit_envelope, SIGNED | {
        "unsigned": "UUU", "tampered": "NNN", "truncated": "---", "encrypted": "EEE"}),
    "TUF": (twins.tuf_repository, SIGNED | {"tampered": "TTT"}),
    "vbmeta": (twins.vbmeta, SIGNED | {
        "test key": "NNV", "unsigned": "UUU", "tampered": "TTT", "truncated": "---"}),
    "AVB footer": (twins.avb_partition, SIGNED | {
        "test key": "NNV", "unsigned": "UUU", "tampered": "TTT"}),
    "capsule": (twins.uefi_capsule, SIGNED | {
        "unsigned": "UUU", "tampered": "TTT", "weak key": "NNV", "test key": "NNV",
        "truncated": "XXX"}),
    "EFI program": (twins.efi_program, SIGNED | {
        "unsigned": "UUU", "tampered": "TTT", "weak key": "NNV", "test key": "NNV",
        "truncated": "XXX"}),
    "Nordic": (twins.nordic_package, SIGNED | {"unsigned": "UUU", "tampered": "NNN"}),
    "GBL": (twins.gecko, SIGNED | {
        "unsigned": "UUU", "stripped": "SSS", "tampered": "NNN", "truncated": "XXX",
        "encrypted": "NNV"}),
    "Zigbee": (twins.zigbee, SIGNED | {
        "unsigned": "UUU", "stripped": "UUU", "tampered": "NNN", "weak key": "NNV",
        "truncated": "XXX"}),
    "i.MX": (twins.imx, SIGNED | {
        "unsigned": "UUU", "stripped": "UUU", "tampered": "TTT", "weak key": "NNV",
        "truncated": "XXX", "encrypted": "EEE"}),
    "STM32": (twins.stm32, SIGNED | {
        "unsigned": "UUU", "stripped": "SSS", "tampered": "TTT", "truncated": "XXX",
        "encrypted": "NNV"}),
    "carriers": (twins.carriers, dict.fromkeys(
        ("hex", "srec", "uf2", "dfu", "dfuse", "uImage", "TRX", "Matter"), "UUU")),
}  # fmt: skip
PROVES_ITSELF = {"ESP32", "RAUC", "OpenWrt, ucert", "TUF", "vbmeta", "AVB footer", "capsule"}
PROVES_ITSELF |= {"EFI program", "i.MX", "STM32"}
"""Formats that hold the signer's key, or a signed hash: there a change shows without a key from outside."""


@pytest.mark.parametrize("name", list(TABLE))
def test_the_word_for_every_twin(
    name: str, tool: Any, tmp_path: Any, pair: Callable[..., Pair], examined: Examine
) -> None:
    make, expected = TABLE[name]
    seen = set()
    for twin in make(twins.Lab(tool, tmp_path, pair)):
        seen.add(twin.kind)
        words = ""
        for keys in ((), (twin.wrong,), (twin.right,)):
            found = examined(twin.image, *keys)
            one = outermost(found)
            words += letter(one)
            if one is None:
                assert found.survey.unread, (name, twin.kind)
                continue
            assert bool(one.weak) == (twin.kind == "weak key"), (name, twin.kind)
            assert bool(one.public_key) == (twin.kind == "test key"), (name, twin.kind)
            assert one.encrypted == (twin.kind == "encrypted"), (name, twin.kind)
            if one.signing is Signing.VERIFIED and twin.kind != "encrypted":
                assert one.binds_payload, (name, twin.kind)
                assert one.scheme
        assert words == expected[twin.kind], (name, twin.kind)
    assert seen == set(expected)


def outermost(found: Any) -> ImageProtection | None:
    rows = [p for p in found.all(ImageProtection) if p.place in ("0", "0/0")]
    return min(rows, key=lambda p: p.place, default=None)


def letter(one: ImageProtection | None) -> str:
    signing = one.signing if one else None
    return next(short for short, word in WORDS.items() if word is signing)


def test_the_table_makes_no_forbidden_claim() -> None:
    """And it is as large as is said: the numbers for whoever quotes them."""
    samples = sum(len(expected) for _, expected in TABLE.values())
    for name, (_, expected) in TABLE.items():
        for kind, words in expected.items():
            alone, wrong, _ = words
            assert "V" not in alone + wrong, (name, kind)
            if kind == "encrypted":
                assert "T" not in words, name
            elif "T" in alone + wrong:
                assert name in PROVES_ITSELF, name
            assert kind == "tampered" or "T" not in words, (name, kind)
    print(f"{len(TABLE)} rows, {samples} samples, {3 * samples} combinations")
    assert (len(TABLE), samples) == (20, 126)
