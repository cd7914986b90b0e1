"""How programs were built: against what the compiler was told, and against an own writer for other chips."""

import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.content.elf import Elf, read_elf
from firmware_checks.content.kernel import options_of
from firmware_checks.view import View
from probe.model.firmware import ImageHardening, ImageKernel

SOURCE = """
#include <stdio.h>
#include <string.h>
int main(int n, char **v) { char b[64]; strcpy(b, v[n - 1]); memcpy(b + 1, v[0], n); return puts(b); }
"""
HARD = "-O2 -fstack-protector-all -D_FORTIFY_SOURCE=2 -fPIE -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack"
SOFT = "-O1 -fno-stack-protector -U_FORTIFY_SOURCE -no-pie -Wl,-z,norelro -Wl,-z,execstack"


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no compiler here")
@pytest.mark.parametrize(("options", "there"), [(HARD, True), (SOFT, False)])
def test_what_the_compiler_was_told(
    options: str, there: bool, tool: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "a.c").write_text(SOURCE)
    tool("gcc", "-w", *options.split(), "-o", "a", "a.c")
    elf = read_elf(View((tmp_path / "a").read_bytes()))
    assert elf == Elf(program=True, nx=there, pie=there, relro=there, canary=there, fortify=there)
    assert bool(elf.missing()) is not there


def made(
    *, wide: bool, order: str, kind: int, stack: int | None, relro: bool, names: bytes
) -> bytes:
    """A program of headers only, after the System V ABI: one segment that loads all, and a dynamic one."""
    size = 56 if wide else 32
    segments: list[tuple[int, int, int, int, int]] = []
    number = 2 + (stack is not None) + relro
    start = (64 if wide else 52) + number * size
    tags = [(5, start), (10, len(names)), (0, 0)]
    dynamic = b"".join(struct.pack(order + ("qQ" if wide else "iI"), *tag) for tag in tags)
    segments.append((1, 5, 0, 0, start + len(names) + len(dynamic)))
    segments.append((2, 6, start + len(names), 0, len(dynamic)))
    if stack is not None:
        segments.append((0x6474E551, stack, 0, 0, 0))
    if relro:
        segments.append((0x6474E552, 4, 0, 0, 0))
    table = b""
    for what, flags, offset, address, length in segments:
        if wide:
            table += struct.pack(
                order + "IIQQQQQQ", what, flags, offset, address, 0, length, length, 0
            )
        else:
            table += struct.pack(order + "8I", what, offset, address, 0, length, length, flags, 0)
    ident = b"\x7fELF" + bytes([2 if wide else 1, 2 if order == ">" else 1, 1]) + bytes(9)
    if wide:
        rest = struct.pack(
            order + "HHIQQQIHHHHHH", kind, 8, 1, 0, 64, 0, 0, 64, size, number, 0, 0, 0
        )
    else:
        rest = struct.pack(
            order + "HHIIIIIHHHHHH", kind, 8, 1, 0, 52, 0, 0, 52, size, number, 0, 0, 0
        )
    return ident + rest + table + names + dynamic


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_other_chips(wide: bool, order: str) -> None:
    good = made(
        wide=wide,
        order=order,
        kind=3,
        stack=6,
        relro=True,
        names=b"\0__stack_chk_fail\0__strcpy_chk\0",
    )
    bad = made(wide=wide, order=order, kind=2, stack=7, relro=False, names=b"\0strcpy\0main\0")
    absent = made(wide=wide, order=order, kind=2, stack=None, relro=False, names=b"\0puts\0")
    assert read_elf(View(good)) == Elf(
        False, nx=True, pie=None, relro=True, canary=True, fortify=True
    )
    assert read_elf(View(bad)) == Elf(
        True, nx=False, pie=False, relro=False, canary=False, fortify=False
    )
    said = read_elf(View(absent))
    assert said is not None
    assert not said.nx, "without the header the stack is executable"
    assert said.fortify is None, "it calls nothing that could be fortified"


@given(st.data())
@settings(max_examples=150, deadline=1000)
def test_a_damaged_program_is_none_or_a_program(data: st.DataObject) -> None:
    whole = bytearray(
        made(
            wide=data.draw(st.booleans()), order="<", kind=3, stack=6, relro=True, names=b"\0puts\0"
        )
    )
    for _ in range(data.draw(st.integers(1, 12))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    found = read_elf(View(bytes(whole[: data.draw(st.integers(0, len(whole)))])))
    assert found is None or isinstance(found, Elf)


def test_the_programs_of_a_file_system_are_counted(facts: Callable[..., list[Any]]) -> None:
    good = made(
        wide=True,
        order="<",
        kind=3,
        stack=6,
        relro=True,
        names=b"\0__stack_chk_fail\0__memcpy_chk\0",
    )
    bad = made(wide=True, order="<", kind=2, stack=7, relro=False, names=b"\0strcpy\0")
    files = {
        "lib/liba.so": good,
        "bin/b": bad,
        "bin/script": b"#!/bin/sh\n",
        "lib/m.ko": b"\x7fELF" + bytes(60),
    }
    (one,) = facts(files, ImageHardening)
    assert (one.programs, one.without_nx, one.without_pie, one.without_relro) == (2, 1, 1, 1)
    assert (one.without_canary, one.without_fortify) == (1, 1)
    assert one.examples == ("bin/b: without NX, PIE, RELRO, stack canary, FORTIFY",)
    assert not facts({"bin/script": b"#!/bin/sh\n"}, ImageHardening)


CONFIG = b"""#
# Automatically generated file; DO NOT EDIT.
# Linux/arm 5.10.161 Kernel Configuration
#
CONFIG_STRICT_KERNEL_RWX=y
# CONFIG_STACKPROTECTOR is not set
CONFIG_DEFAULT_MMAP_MIN_ADDR=4096
CONFIG_LOCALVERSION=""
CONFIG_NOT_ASKED=y
"""


def test_the_configuration_of_a_kernel(facts: Callable[..., list[Any]]) -> None:
    import gzip

    packed = gzip.compress(CONFIG)
    kernel = b"\0" * 500 + b"IKCFG_ST" + packed + b"IKCFG_ED" + b"\0" * 90
    files = {"boot/config-5.10.161": CONFIG, "proc/config.gz": packed, "boot/vmlinux": kernel}
    found = facts(files, ImageKernel)
    assert len(found) == 3
    for one in found:
        assert one.version == "5.10.161"
        assert dict(one.options) == {
            "STRICT_KERNEL_RWX": "y",
            "STACKPROTECTOR": "n",
            "DEFAULT_MMAP_MIN_ADDR": "4096",
            "LOCALVERSION": "",
        }
    assert not facts({"boot/config-notes": b"nothing", "etc/config.gz": packed[:30]}, ImageKernel)
    assert options_of("CONFIG_MODULES=y\n") == (("MODULES", "y"),)


def test_a_bomb_in_place_of_a_configuration_stays_small(facts: Callable[..., list[Any]]) -> None:
    import gzip

    assert not facts({"config.gz": gzip.compress(bytes(64 << 20))}, ImageKernel)
