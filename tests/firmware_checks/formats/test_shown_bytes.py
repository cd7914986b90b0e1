"""What settings, flash layouts, environments and device trees say of themselves is shown with the bytes that say it."""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from probe.model.dut import Seen
from probe.model.evidence import EvidenceRef
from probe.model.firmware import ImageSecret, ImageWeakness
from probe.report.masks import Masks
from tests.firmware_checks.formats.esp_samples import boot_loader, table
from tests.firmware_checks.formats.test_esp_flash import SETTINGS, flash, nvs

Call = Callable[..., Any]
_WHERE = re.compile(r"at 0x([0-9a-f]+) of layer ([0-9/]+)")


def shown(found: Any, image: bytes, kind: type[Any], begin: int = 0) -> Iterator[tuple[Any, bytes]]:
    """Each fact with its bytes, which stand in the image where the caption says; ``begin``: of the layer."""
    for one in found.observations:
        if not isinstance(one.fact, kind):
            continue
        for proof in one.proof:
            assert isinstance(proof, EvidenceRef)
            where, data = _WHERE.search(proof.caption), found.kept[proof.sha256]
            if where is None:
                continue  # of the files inside
            assert where[2] == one.fact.place
            at = begin + int(where[1], 16)
            assert image[at : at + len(data)] == data, proof.caption
            yield one.fact, data


def test_settings(examined: Call) -> None:
    image = nvs(*SETTINGS)
    found = examined(image)
    told = [(fact.path, data.rstrip(b"\0")) for fact, data in shown(found, image, ImageSecret)]
    assert sorted(told) == [
        ("app/mqtt_password", b"mqtt_password"),
        ("app/mqtt_password", b"s3cret"),
        ("nvs.net80211/sta.pswd", b"correct horse"),
        ("nvs.net80211/sta.pswd", b"sta.pswd"),
    ]


def test_passwords_in_settings_are_masked_where_they_are_shown(examined: Call) -> None:
    found = examined(nvs(*SETTINGS))
    seen = [Seen(o.fact, o.proof) for o in found.observations if isinstance(o.fact, ImageSecret)]
    masks = Masks(images=seen)
    for one in seen:
        for proof in one.proof[1:]:
            assert isinstance(proof, EvidenceRef)
            data = found.kept[proof.sha256]
            hidden = masks.bytes_of(proof.sha256)(data)
            assert one.fact.secret.encode() in data
            assert one.fact.secret.encode() not in hidden
            assert b"***" in hidden


def settings(before: int) -> bytes:
    """A partition of settings whose password stands in a row behind so many bytes."""
    filler = (1, 33, "a", b"x" * before + b"\0")
    return nvs((0, 1, "app", b"\1"), filler, (1, 33, "mqtt_password", b"sunshine\0"))


def archive(before: int) -> bytes:
    """A cpio archive whose first file is settings of OpenWrt, with the password behind so many bytes."""
    name, text = b"etc/config/wireless\0\0", b"config wifi-iface\n option ssid '%s'\n"
    text = text % (b"x" * before) + b" option encryption 'psk2'\n option key 'sunshine'\n"
    out = b""
    for number, (path, data, mode) in enumerate(
        ((name, text, 0o100644), (b"TRAILER!!!\0\0\0\0", b"", 0))
    ):
        row = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path.rstrip(b"\0")) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % one for one in row) + path
        out += head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    return out


@pytest.mark.parametrize(
    ("image", "before"), [(settings, 20), (settings, 60), *((archive, n) for n in range(0, 50, 3))]
)
def test_a_password_in_the_first_bytes_of_a_layer_is_masked_there(
    image: Callable[[int], bytes], before: int, examined: Call
) -> None:
    """An ordinary word, which is masked in its own evidence only; whole, or cut off where no more is shown."""
    found = examined(image(before))
    seen = [Seen(o.fact, o.proof) for o in found.observations if isinstance(o.fact, ImageSecret)]
    assert {one.fact.secret for one in seen} == {"sunshine"}
    masks = Masks(images=seen)
    for sha256, data in found.kept.items():
        hidden = masks.bytes_of(sha256)(data)
        assert b"un" not in hidden, (data, hidden)


def test_keys_of_a_flash_are_pointed_at_and_not_shown(examined: Call) -> None:
    keys = bytes(range(1, 65))
    rows = ((1, 4, 0x9000, 0x1000, "nvs_key", 0), (0, 0x10, 0x10000, 0x40000, "app0", 0))
    written = keys + struct.pack("<I", zlib.crc32(keys, 0xFFFFFFFF))
    image = flash({0x1000: boot_loader(), 0x8000: table(*rows), 0x9000: written})
    found = examined(image)
    (row, checksum) = [data for _, data in shown(found, image, ImageSecret)]
    assert row.startswith(b"\xaa\x50\x01\x04")
    assert b"nvs_key" in row
    assert checksum == written[64:]
    assert all(keys[:8] not in data for data in found.kept.values())


@pytest.mark.parametrize("options", [(), ("-r",)])
def test_an_environment(
    options: tuple[str, ...], tool: Call, tmp_path: Path, examined: Call
) -> None:
    (tmp_path / "env.txt").write_text("baudrate=115200\nbootcmd=bootm\nbootdelay=3\nverify=n\n")
    tool("mkenvimage", "-s", "4096", *options, "-o", "env.bin", "env.txt")
    image = (tmp_path / "env.bin").read_bytes()
    told = list(shown(examined(image), image, ImageWeakness))
    assert [(fact.line, data) for fact, data in told] == [(3, b"bootdelay=3"), (4, b"verify=n")]


KEY = 'key-{n} {{ key-name-hint = "{n}"; {more} rsa,num-bits = <{bits}>; rsa,modulus = [00 01 02 03]; }};'


@pytest.mark.parametrize(
    ("more", "bits", "mode", "wanted"),
    [
        ("", 2048, "", {"node": b"key-name-hint"}),
        ('required = "image";', 2048, "", {"property required": b"image\0"}),
        ('required = "conf";', 1024, "", {"property rsa,num-bits": struct.pack(">I", 1024)}),
        (
            'required = "conf";',
            2048,
            'required-mode = "any";',
            {"property required-mode": b"any\0"},
        ),
    ],
)
def test_a_control_tree(
    more: str, bits: int, mode: str, wanted: dict[str, bytes], tool: Call, tmp_path: Path, examined: Call
) -> None:  # fmt: skip
    keys = "".join(KEY.format(n=n, more=more, bits=bits) for n in ("a", "b"))
    text = f'/dts-v1/; / {{ model = "m"; signature {{ {mode} {keys} }}; }};'
    (tmp_path / "control.dts").write_text(text)
    tool("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", "control.dtb", "control.dts")
    image = (tmp_path / "control.dtb").read_bytes()
    found = examined(image)
    told = list(shown(found, image, ImageWeakness))
    ((name, data),) = wanted.items()
    captions = [p.caption for o in found.observations for p in o.proof]
    assert any(f", {name} at 0x" in caption for caption in captions)
    assert told
    if name == "node":
        assert all(raw.startswith(b"\0\0\0\1key-") for _, raw in told)
        assert all(raw.endswith(b"\0\0\0\2") for _, raw in told)
    else:
        assert all(raw.startswith(b"\0\0\0\3") and data in raw for _, raw in told)
