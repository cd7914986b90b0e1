"""The environment of U-Boot, made by its own mkenvimage, alone and in a flash dump."""

import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget
from firmware_checks.formats.uboot_env import FORMAT
from firmware_checks.reading import Context
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageLayer, ImageSecret, ImageWeakness
from tests.firmware_checks.content.planted import github

Examine = Callable[..., Any]
OPEN = "baudrate=115200\nbootargs=console=ttyS0,115200 root=/dev/mtd4\nbootcmd=run net\nbootdelay=3\nnet=tftpboot 0x80000000 fw.img; bootm\nverify=n\n"
SHUT = "baudrate=115200\nbootargs=console=ttyS0,115200 root=/dev/mtd4\nbootcmd=bootm 0x9f050000\nbootdelay=-2\nverify=yes\n"


@pytest.fixture
def environment(tool: Callable[..., Any], tmp_path: Path) -> Callable[..., bytes]:
    """``environment(text, size, *options)``: what mkenvimage makes."""

    def make(text: str, size: int = 0x4000, *options: str) -> bytes:
        (tmp_path / "env.txt").write_text(text)
        tool("mkenvimage", "-s", str(size), *options, "-o", "env.bin", "env.txt")
        return (tmp_path / "env.bin").read_bytes()

    return make


def weak(done: Any) -> list[tuple[str, str]]:
    return sorted((w.kind, w.what.partition("=")[0]) for w in done.all(ImageWeakness))


@pytest.mark.parametrize("options", [(), ("-r",), ("-b",), ("-r", "-p", "0x00")])
@pytest.mark.parametrize("size", [0x1000, 0x4000, 0x10000, 0x30000])
def test_an_open_one_and_its_twin(
    size: int, options: tuple[str, ...], environment: Callable[..., bytes], examined: Examine
) -> None:
    done = examined(environment(OPEN, size, *options))
    assert done.formats()["0"] == "U-Boot environment"
    assert weak(done) == [
        ("console without login", "bootdelay"),
        ("verification skipped", "verify"),
    ]
    (first, *_) = done.all(ImageLayer)
    assert ("boots from the network", "bootcmd says so") in first.details
    good = examined(environment(SHUT, size, *options))
    assert weak(good) == []
    assert not good.survey.unread
    assert not any(name == "boots from the network" for name, _ in good.all(ImageLayer)[0].details)


def test_in_a_flash_dump(environment: Callable[..., bytes], examined: Examine) -> None:
    loader = random.Random(3).randbytes(0x30000)
    token = github()
    dump = loader + environment(OPEN + f"zz_token={token}\n", 0x10000) + b"\xff" * 0x20000
    done = examined(dump)
    assert len(weak(done)) == 2
    layer = next(one for one in done.all(ImageLayer) if one.format == "U-Boot environment")
    assert (layer.offset, layer.size) == (0x30000, 0x10000)
    assert [one.excerpt for one in done.all(ImageSecret) if token in one.excerpt] == []
    assert done.all(ImageSecret)


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("bootdelay=0", []),
        ("bootdelay=-2", []),
        ("bootdelay=-1", ["console without login"]),
        ("bootdelay=2\nbootstopkeysha256=ab12", []),
        ("bootdelay=x", []),
        ("bootargs=init=/bin/sh", ["console without login"]),
        ("bootargs=init=/sbin/init", []),
        ("verify=0", ["verification skipped"]),
        ("verify=1", []),
    ],
)
def test_each_setting(
    line: str, kinds: list[str], environment: Callable[..., bytes], examined: Examine
) -> None:
    done = examined(environment(f"baudrate=115200\n{line}\n"))
    assert [w.kind for w in done.all(ImageWeakness)] == kinds


def test_a_checksum_that_does_not_hold(
    environment: Callable[..., bytes], examined: Examine
) -> None:
    data = bytearray(environment(OPEN))
    data[-1] ^= 1
    done = examined(bytes(data))
    assert "U-Boot environment" not in done.formats().values()
    assert done.survey.unread


@given(st.binary(max_size=300), st.sampled_from([4, 5]), st.sampled_from([1024, 4096, 5000]))
@settings(max_examples=300, deadline=1000)
def test_whatever_a_checksum_covers(body: bytes, begin: int, size: int) -> None:
    """Right checksums over anything: it is read, or it is none."""
    content = (b"bootcmd=" + body).ljust(size - begin, b"\xff")[: size - begin]
    data = zlib.crc32(content).to_bytes(4, "little") + b"\1" * (begin - 4) + content
    try:
        reading = FORMAT.read(View(data), Context(Budget()))
    except Malformed:
        return
    if reading is not None and reading.says is not None:
        assert reading.size <= size
        list(reading.says("image", "0"))
