"""Headers of STM32 with signatures by OpenSSL, from ST's description; version 1 without one is mkimage's."""

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

VERSIONS = (0x10000, 0x20000, 0x20200, 0x20300)
ALGORITHMS = {"prime256v1": 1, "brainpoolP256t1": 2}
EXTENSIONS = 0x180


def second(version: int, body: bytes, *, claims: bool = False, encrypted: bool = False) -> bytes:
    """A header of version 2 whose extension is padding."""
    long = version == 0x20300
    flags = 1 << 31 | claims | encrypted << 1
    head = b"STM2" + bytes(96 if long else 64)
    head += struct.pack("<II", sum(body), version)
    head += struct.pack("<IIIIIIIII", len(body), 0x2FFE0000, 0, 0x2FFE0000, 0, 7, flags, EXTENSIONS, 0x10)  # fmt: skip
    head = head.ljust(160 if long else 128, b"\0")
    return head + (b"ST\xff\xff" + struct.pack("<I", EXTENSIONS)).ljust(EXTENSIONS, b"\0") + body


class Signer:
    """A key of OpenSSL's, on a curve that it has."""

    def __init__(self, tool: Callable[..., Any], folder: Path, name: str, curve: str) -> None:
        self.tool, self.folder, self.algorithm = tool, folder, ALGORITHMS[curve]
        self.key = f"{name}-{curve}.key"
        tool("openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", self.key)
        tool("openssl", "pkey", "-in", self.key, "-pubout", "-out", "public.pem")
        self.public = (folder / "public.pem").read_bytes()
        tool("openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER", "-out", "public.der")
        self.point = (folder / "public.der").read_bytes()[-64:]

    def _raw(self, content: bytes) -> bytes:
        (self.folder / "content").write_bytes(content)
        self.tool("openssl", "dgst", "-sha256", "-sign", self.key, "-out", "sig", "content")
        return b"".join(
            n.to_bytes(32) for n in decode_dss_signature((self.folder / "sig").read_bytes())
        )

    def sign(
        self, image: bytes, hashes: list[bytes] | None = None, without: tuple[int, int] = (0, 0)
    ) -> bytes:
        """``image`` signed; ``hashes``: a wrong table of keys; ``without``: bytes that are left out."""
        data = bytearray(image)
        number = self.algorithm.to_bytes(4, "little")
        if data[0x4A] == 1:
            data[0x60:0x6C] = struct.pack("<III", 7, 0, self.algorithm)
            data[0x6C:0xAC] = self.point
            data[4:68] = self._raw(bytes(data[0x48:]))
            return bytes(data)
        base, room = (160, 96) if data[0x6A] == 2 and data[0x69] == 3 else (128, 64)
        table = hashes or [hashlib.sha256(number + self.point).digest()] + [
            bytes([n]) * 32 for n in range(7)
        ]
        extension = struct.pack("<III", 0, len(table), self.algorithm) + self.point.ljust(
            room, b"\0"
        )
        extension += b"".join(table)
        extension = b"ST\0\2" + struct.pack("<I", 8 + len(extension)) + extension
        rest = EXTENSIONS - len(extension)
        extension += (b"ST\xff\xff" + struct.pack("<I", rest)).ljust(rest, b"\0")
        data[base : base + EXTENSIONS] = extension
        data[room + 36] |= 1
        version = room + 8
        covered = bytes(data[version : without[0] or base]) + bytes(data[without[1] or base :])
        data[4:68] = self._raw(covered)
        return bytes(data)
