"""Programs that the vendor's esptool makes into images: an ELF file of our own with what it looks for."""

import hashlib
import os
import struct
from functools import reduce
from operator import xor

XTENSA, RISC_V = 94, 243
CHIPS = {
    "esp32": (XTENSA, 0x3F400020, 0x400D0020, 0x3FFB0000),
    "esp32s2": (XTENSA, 0x3F000020, 0x40080020, 0x3FFB0000),
    "esp32s3": (XTENSA, 0x3C000020, 0x42010020, 0x3FC90000),
    "esp32c3": (RISC_V, 0x3C000020, 0x42010020, 0x3FC90000),
    "esp32c6": (RISC_V, 0x42000020, 0x42010020, 0x40810000),
    "esp32h2": (RISC_V, 0x42000020, 0x42010020, 0x40810000),
}
"""Machine, and addresses in mapped data, mapped code and memory."""


def descriptor(secure_version: int = 0, project: str = "lamp", version: str = "1.2.3") -> bytes:
    """``esp_app_desc_t``."""
    head = struct.pack("<II8x", 0xABCD5432, secure_version)
    words = [(version, 32), (project, 32), ("12:13:14", 16), ("Nov 21 2026", 16), ("v5.3.1", 32)]
    texts = b"".join(text.encode().ljust(size, b"\0") for text, size in words)
    return (head + texts + bytes(32)).ljust(256, b"\0")


def elf(chip: str = "esp32", *, data: bytes = b"", secure_version: int = 0) -> bytes:
    """A program with a descriptor, code and variables."""
    machine, drom, irom, dram = CHIPS[chip]
    sections = [
        (".flash.appdesc", drom, descriptor(secure_version) + data),
        (".flash.text", irom, os.urandom(3000)),
        (".dram0.data", dram, os.urandom(500)),
    ]
    names, blob = b"\0", b""
    rows = [bytes(40)]
    for name, address, content in sections:
        content += bytes(-len(content) % 4)
        rows.append(
            struct.pack("<10I", len(names), 1, 6, address, 52 + len(blob), len(content), 0, 0, 4, 0)
        )
        names += name.encode() + b"\0"
        blob += content
    rows.append(
        struct.pack("<10I", len(names), 3, 0, 0, 52 + len(blob), len(names) + 10, 0, 0, 1, 0)
    )
    names += b".shstrtab\0"
    blob += names + bytes(-len(names) % 4)
    ident = b"\x7fELF\1\1\1".ljust(16, b"\0")
    header = struct.pack(
        "<HHIIIIIHHHHHH", 2, machine, 1, irom, 0, 52 + len(blob), 0, 52, 0, 0, 40, len(rows), 4
    )
    return ident + header + blob + b"".join(rows)


def table(*rows: tuple[int, int, int, int, str, int], closed: bool = True) -> bytes:
    """A partition table: type, subtype, offset, size, name and flags of each row."""
    made = b"".join(
        b"\xaa\x50" + struct.pack("<BBII16sI", kind, sub, at, size, name.encode(), flags)
        for kind, sub, at, size, name, flags in rows
    )
    if closed:
        made += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(made).digest()
    return made.ljust(0xC00, b"\xff")


def boot_loader(secure_version: int = 0) -> bytes:
    """A small boot loader with ``esp_bootloader_desc_t``: own writer, from the specification."""
    about = struct.pack("<B2xBI", 0x50, secure_version, 1) + b"v5.3.1".ljust(32, b"\0")
    data = (about + b"Nov 21 2026 12:00:00".ljust(24, b"\0")).ljust(80, b"\0") + os.urandom(2000)
    made = struct.pack("<BBBBI", 0xE9, 1, 2, 0x20, 0x40080400) + b"\xee" + bytes(14) + b"\1"
    made += struct.pack("<II", 0x3FFF0030, len(data)) + data
    made += bytes(15 - len(made) % 16) + bytes([reduce(xor, data, 0xEF)])
    return made + hashlib.sha256(made).digest()
