"""Stores of UEFI variables by an own writer, from edk2's headers: every variable is a file that is looked at."""

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.budget import Budget
from firmware_checks.formats.uefi_store import HEADERS, WORKING, Store
from firmware_checks.view import View
from probe.model.firmware import ImageKey
from tests.firmware_checks.filesystems.mutation import mutants, survives
from tests.firmware_checks.formats import uefi_writer as w
from tests.firmware_checks.formats.test_uefi_variables import VARIABLES

Examine = Callable[..., Any]
WITH, WITHOUT = HEADERS
VENDOR = w.guid(1)


def variable(name: str, value: bytes, state: int = 0x3F, kind: UUID = WITH) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    head = struct.pack("<HBBI", 0x55AA, state, 0, 7)
    head += bytes(28) if kind == WITH else b""
    head += struct.pack("<II", len(text), len(value)) + VENDOR.bytes_le
    return w.padded(head + text + value, 4)


def store(*variables: bytes, kind: UUID = WITH, size: int = 4096, state: int = 0xFE) -> bytes:
    head = kind.bytes_le + struct.pack("<IBBHI", size, 0x5A, state, 0, 0)
    return (head + b"".join(variables)).ljust(size, b"\xff")


def volume(inside: bytes, behind: bytes = b"") -> bytes:
    return w.volume(inside + behind, kind=VARIABLES)


def read(inside: bytes) -> dict[str, tuple[bytes, str]]:
    tree = Store(View(inside))
    return {e.path: (v.read(), e.problem) for e, v in tree.entries(Budget())}


@pytest.mark.parametrize("kind", HEADERS)
def test_every_variable_is_a_file(kind: UUID, examined: Examine) -> None:
    rows = [variable(f"Boot{n:04}", b"value" * n, kind=kind) for n in range(20)]
    gone = variable("Old", b"before", 0x3C, kind)
    working = w.padded(bytes(0), 8) + WORKING + bytes(16) + b"\xff" * 900
    inside = store(*rows, gone, kind=kind)
    found = examined(volume(inside, b"\xff" * 200 + working))
    assert found.survey.unread == ()
    assert found.survey.files == 21
    told = read(inside)
    assert told[f"{VENDOR}/Boot0007"] == (b"value" * 7, "")
    assert told[f"deleted/{VENDOR}/Old"] == (b"before", "")


def test_a_secret_that_was_deleted_is_still_there(examined: Examine) -> None:
    key = rsa.generate_private_key(65537, 2048)
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, form, none)
    found = examined(volume(store(variable("Tls", pem, 0x3C))))
    assert [k.path for k in found.all(ImageKey)] == [f"deleted/{VENDOR}/Tls"]


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (store(variable("A", b"a"), kind=w.guid(2)), "not a store of variables that is known"),
        (store(size=28)[:16] + struct.pack("<I", 1 << 20) + bytes(8), "not a store of variables"),
        (store(variable("A", b"a"), state=0xFF), "says that it is not whole"),
        (store(variable("A", b"a"), b"junk" * 9), "behind the last variable"),
        (store(variable("A", b"a" * 99)[:-40], size=200)[:120].ljust(200, b"b"), "last variable"),
        (store(variable("A", b"a")) + WORKING + bytes(16) + b"left" * 50, "was broken off"),
    ],
)
def test_what_is_not_read_is_told(inside: bytes, said: str, examined: Examine) -> None:
    assert said in " ".join(examined(volume(inside)).survey.unread)


SAMPLE = volume(store(variable("One", b"1" * 30), variable("Two", b"2" * 30, 0x3C), size=400))


@given(st.integers(0, 1 << 32))
@settings(max_examples=100, deadline=None)
def test_mutants(seed: int) -> None:
    for one in mutants(SAMPLE, 5, seed, begin=72):
        survives(one)
