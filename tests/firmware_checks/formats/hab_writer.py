"""Signed images of i.MX: mkimage's image, srktool's table of keys, OpenSSL's CMS, put together here.

Debian's ``cst``, which does the same, is built without its cryptography and ends in a segmentation fault; what it
makes with OpenSSL in its process is ``keys/hab_cst.imx.gz``.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from tests.firmware_checks.formats.conftest import Pair, build

ENTRY = 0x177FF400
ROOM, SLOT = 0x3000, 0x800
Script = Callable[[bytes], bytes]


class Hab:
    """One tree of keys and what is signed with it; every image has another program."""

    def __init__(self, tool: Callable[..., Any], folder: Path, kind: str = "rsa-2048") -> None:
        self.tool, self.folder = tool, folder
        self.root, self.second = (build(folder, f"SRK{n}", kind) for n in (1, 2))
        self.csf = build(folder, "CSF1", kind, self.root)
        self.image = build(folder, "IMG1", kind, self.root)
        for name, one in (("1.pem", self.root), ("2.pem", self.second)):
            (folder / name).write_bytes(one.certificate)  # srktool asks the name what is inside
        names = ("--table", "table.bin", "--efuses", "fuses.bin", "--digest", "sha256")
        tool("srktool", "--hab_ver", "4", *names, "--certs", "1.pem,2.pem")
        self.table = (folder / "table.bin").read_bytes()
        self.fuses = (folder / "fuses.bin").read_bytes()

    def unsigned(self, body: bytes) -> bytes:
        """As mkimage leaves it: with a device configuration and the room for the commands told, not there."""
        config = ("IMAGE_VERSION 2", "BOOT_FROM sd", "DATA 4 0x020c4068 0xffffffff")
        (self.folder / "config").write_text("\n".join((*config, f"CSF {ROOM:#x}")) + "\n")
        (self.folder / "raw").write_bytes(body)
        options = ("-n", "config", "-T", "imximage", "-e", hex(ENTRY), "-d", "raw", "out.imx")
        self.tool("mkimage", *options)
        return (self.folder / "out.imx").read_bytes()

    def cms(self, content: bytes, by: Pair, *more: str) -> bytes:
        (self.folder / "content").write_bytes(content)
        options = ("-sign", "-binary", "-nocerts", "-nosmimecap", "-md", "sha256", *more)
        signer = ("-signer", str(by.cert), "-inkey", str(by.key), "-outform", "DER")
        self.tool("openssl", "cms", *options, "-in", "content", *signer, "-out", "cms.der")
        return structure(0xD8, (self.folder / "cms.der").read_bytes())

    def signed(
        self,
        image: bytes,
        *,
        blocks: list[tuple[int, int]] | None = None,
        fast: bool = False,
        encrypted: bool = False,
        script: Script = lambda commands: commands,
        csf: Pair | None = None,
        by: Pair | None = None,
        more: tuple[str, ...] = (),
        data: bool = True,
    ) -> bytes:
        """``image`` with its commands behind it; ``script`` changes the commands before they are signed."""
        own = struct.unpack_from("<I", image, 20)[0]
        blocks = [(0, len(image))] if blocks is None else blocks
        slots = [SLOT * n for n in range(1, 6)]
        root, csf = self.root, csf or self.csf
        commands = install(3, 0x17, 0, 0, slots[0])
        commands += b"" if fast else install(9, 0, 0, 1, slots[1], flags=2)
        commands += authenticate(1, 0xC5, slots[2])
        commands += struct.pack(">BHBII", 0xB2, 12, 0x1D, 0, 1)  # unlock, as cst appends one
        if not fast:
            commands += install(9, 0, 0, 2, slots[3])
        if data:
            places = [(own + at, size) for at, size in blocks]
            commands += authenticate(0 if fast else 2, 0xC5, slots[4], *places)
        if encrypted:
            commands += install(0xBB, 0, 0, 0, slots[4] + 0x700)
            commands += authenticate(0, 0xA3, slots[4] + 0x740, (own + 0x1000, 0x400))
        commands = script(commands)
        head = struct.pack(">BHB", 0xD4, 4 + len(commands), 0x42) + commands
        content = b"".join(image[at : at + size] for at, size in blocks)
        signer = root if fast else by or self.image
        pieces = {
            0: head,
            slots[0]: self.table,
            slots[2]: self.cms(head, root if fast else csf, *more),
            slots[4]: self.cms(content, signer, *more),
        }
        if not fast:
            pieces[slots[1]] = certificate(csf)
            pieces[slots[3]] = certificate(by or self.image)
        out = bytearray(ROOM)
        for at, piece in pieces.items():
            assert len(piece) <= SLOT
            out[at : at + len(piece)] = piece
        return image + bytes(out)


def structure(tag: int, content: bytes) -> bytes:
    return struct.pack(">BHB", tag, 4 + len(content), 0x42) + content


def certificate(pair: Pair) -> bytes:
    return structure(0xD7, pair.made.public_bytes(Encoding.DER))


def install(
    protocol: int, algorithm: int, source: int, target: int, where: int, *, flags: int = 0
) -> bytes:
    return struct.pack(">BHBBBBBI", 0xBE, 12, flags, protocol, algorithm, source, target, where)


def authenticate(key: int, protocol: int, where: int, *blocks: tuple[int, int]) -> bytes:
    size = 12 + 8 * len(blocks)
    head = struct.pack(">BHBBBBBI", 0xCA, size, 0, key, protocol, 0x1D, 0, where)
    return head + b"".join(struct.pack(">II", *block) for block in blocks)
