"""Variable stores by an own writer, from edk2's headers and the UEFI specification."""

import os
import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization as s
from hypothesis import given
from hypothesis import strategies as st

from firmware_checks.formats.uefi_variables import ADDED, X509, known_keys
from firmware_checks.formats.uefi_volume import KINDS
from firmware_checks.view import View
from probe.model.firmware import ImageKey

Examine = Callable[..., Any]
VARIABLES = next(guid for guid, kind in KINDS.items() if kind == "variables")


def listed(*ders: bytes) -> bytes:
    return b"".join(
        X509 + struct.pack("<III", 28 + 16 + len(d), 0, 16 + len(d)) + bytes(16) + d for d in ders
    )


def variable(name: str, value: bytes, state: int = 0x3F) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    head = struct.pack("<HBBIQ16sI", 0x55AA, state, 0, 0x27, 0, bytes(16), 0)
    out = head + struct.pack("<II", len(text), len(value)) + bytes(16) + text + value
    return out + b"\xff" * (-len(out) % 4)


def volume(*variables: bytes) -> bytes:
    body = b"".join(variables).ljust(0x4000, b"\xff")
    head = bytes(16) + VARIABLES.bytes_le + struct.pack("<Q", 72 + len(body)) + b"_FVH"
    head += struct.pack("<IHHHBB", 0, 72, 0, 0, 0, 2) + struct.pack(
        "<IIII", 1, 72 + len(body), 0, 0
    )
    total = -sum(struct.unpack("<36H", head)) & 0xFFFF
    return head[:50] + struct.pack("<H", total) + head[52:] + body


def der(holder: Any) -> bytes:
    return bytes(holder.made.public_bytes(s.Encoding.DER))


def test_a_platform_key_that_everybody_has(pair: Any, examined: Examine) -> None:
    known, mine = pair("DO NOT TRUST - AMI Test PK"), pair("Maker Platform Key")
    assert UUID(bytes_le=X509).version == 4
    image = volume(variable("PK", listed(der(known))), variable("KEK", listed(der(mine))))
    found = examined(image)
    assert found.formats()["0"] == "UEFI firmware volume"
    (key,) = found.all(ImageKey)
    assert (key.path, key.use, key.bits) == ("PK", "verification key", 2048)
    assert key.public_name == "CN=DO NOT TRUST - AMI Test PK"
    second = examined(volume(variable("db", listed(der(mine), der(known)))))
    assert [k.path for k in second.all(ImageKey)] == ["db"]


def test_what_is_no_trusted_test_key(pair: Any, examined: Examine) -> None:
    known, mine = pair("DO NOT SHIP - PK"), pair("Maker")
    for one in (
        variable("dbx", listed(der(known))),
        variable("PK", listed(der(known)), state=0x3D),
        variable("PK", listed(der(mine))),
        variable("Setup", listed(der(known))),
        variable("PK", listed(der(known))[:-1]),
    ):
        assert examined(volume(one)).all(ImageKey) == []


@given(st.binary(max_size=200), st.integers(0, 90))
def test_hostile_stores(junk: bytes, at: int) -> None:
    good = variable("PK", listed(os.urandom(30)))
    for data in (junk, ADDED + junk, good[:at] + junk + good[at:], ADDED * 600):
        list(known_keys(View(data), "i", "0"))
