"""Whether a transfer looks like a firmware update, and which version it names."""

import posixpath
import re
from urllib.parse import urlsplit

from probe.collect.traffic.http import Answer, Request

MAGICS: tuple[tuple[str, int, bytes], ...] = (
    ("U-Boot uImage", 0, b"\x27\x05\x19\x56"),
    ("flattened image tree", 0, b"\xd0\x0d\xfe\xed"),
    ("SquashFS", 0, b"hsqs"),
    ("SquashFS", 0, b"sqsh"),
    ("UBI", 0, b"UBI#"),
    ("UBIFS", 0, b"\x31\x18\x10\x06"),
    ("JFFS2", 0, b"\x85\x19"),
    ("CramFS", 0, b"\x45\x3d\xcd\x28"),
    ("ELF", 0, b"\x7fELF"),
    ("Android image", 0, b"ANDROID!"),
    ("Android OTA payload", 0, b"CrAU"),
    ("TRX", 0, b"HDR0"),
    ("SWUpdate or cpio", 0, b"070701"),
    ("SWUpdate or cpio", 0, b"070702"),
    ("MCUboot image", 0, b"\x3d\xb8\xf3\x96"),
    ("UF2", 0, b"UF2\n"),
    ("Intel HEX", 0, b":020000"),
    ("gzip", 0, b"\x1f\x8b\x08"),
    ("xz", 0, b"\xfd7zXZ\0"),
    ("LZ4", 0, b"\x04\x22\x4d\x18"),
    ("Zstandard", 0, b"\x28\xb5\x2f\xfd"),
    ("bzip2", 0, b"BZh"),
    ("ZIP", 0, b"PK\x03\x04"),
    ("tar", 257, b"ustar"),
)
FIRMWARE_MAGIC = frozenset(
    name for name, _, _ in MAGICS if name not in {"gzip", "xz", "LZ4", "Zstandard", "bzip2", "ZIP"}
) | {"ESP image"}
"""Formats that are hardly ever anything but programs or firmware. The packers carry anything."""
EXTENSIONS = (
    *(".bin", ".img", ".fw", ".ota", ".swu", ".rbl", ".uf2", ".hex", ".trx", ".chk", ".dfu"),
    *(".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar.zst", ".ubi", ".squashfs", ".itb"),
    *(".mender", ".raucb", ".ipk", ".gbl", ".zigbee", ".pkg", ".upd"),
)
WORDS = re.compile(r"firmware|fwupd|fw[-_/.]?up|\bota\b|sysupgrade|upgrade|softwareupdate", re.I)
AGENTS = re.compile(r"\bota\b|update|upgrade|esp8266-http-update|esp32-http-update|swupdate", re.I)
BINARY_TYPES = ("application/octet-stream", "application/x-binary", "application/macbinary")
BIG = 100_000
"""Bytes from which a binary body is more than a setting."""
VERSION = re.compile(
    r"(?<![A-Za-z0-9.])[vV]?(\d{1,4}(?:\.\d{1,6}){1,3}(?:[-_+][A-Za-z0-9.]{1,20})?)(?![A-Za-z0-9])"
)
BARE_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
LIBRARY = re.compile(
    r"(mozilla|curl|libcurl|wget|okhttp|python|go-http|dalvik|java|axios|node|busybox|lwip|apache)",
    re.I,
)
"""User agents whose version is that of a library, not of the device."""
VERSION_HEADER = re.compile(r"version|firmware|x-esp8266-(sdk|sketch)", re.I)


def magic(body: bytes) -> str:
    """The name of the format that the first bytes show, empty for none of those known."""
    for name, offset, sign in MAGICS:
        if body[offset : offset + len(sign)] == sign:
            return name
    # ESP image header: magic, 1..16 segments, flash mode 0..5; the entry point is in RAM or ROM.
    if len(body) >= 8 and body[0] == 0xE9 and 1 <= body[1] <= 16 and body[2] <= 5:
        return "ESP image" if body[7] in (0x40, 0x42, 0x3F) else ""
    return ""


def update_like(request: Request, answer: Answer | None) -> bool:
    """Whether the exchange looks like fetching an update: by what came, else by what was asked for."""
    if answer is not None and answer.status >= 400:
        # What was asked for still tells what the device would have taken.
        return _named_like_update(request)
    if answer is not None:
        found = magic(answer.body)
        if found in FIRMWARE_MAGIC:
            return True
        binary = answer.headers.get("content-type", "").startswith(BINARY_TYPES) or bool(found)
        big = (answer.length or 0) >= BIG
        if binary and big:
            return True
    return _named_like_update(request)


def _named_like_update(request: Request) -> bool:
    path = _path(request.target).lower()
    if path.endswith(EXTENSIONS):
        return True
    agent = request.headers.get("user-agent", "")
    return WORDS.search(path) is not None or AGENTS.search(agent) is not None


def version_text(request: Request, answer: Answer | None) -> str:
    """A version that travels in the clear: in the request's path, its headers, the answer's headers."""
    texts = [_path(request.target), _query(request.target)]
    texts += [v for k, v in request.headers.items() if VERSION_HEADER.search(k)]
    agent = request.headers.get("user-agent", "")
    if not LIBRARY.match(agent):
        texts.append(agent)
    if answer is not None:
        texts += [v for k, v in answer.headers.items() if VERSION_HEADER.search(k)]
        texts.append(answer.headers.get("content-disposition", ""))
    for text in texts:
        for match in VERSION.finditer(text):
            if not BARE_ADDRESS.fullmatch(match[1]):
                return match[0]
    return ""


def _path(target: str) -> str:
    try:
        return posixpath.normpath(urlsplit(target).path)
    except ValueError:
        return ""


def _query(target: str) -> str:
    """The query of a request target, empty when it is malformed."""
    try:
        return urlsplit(target).query
    except ValueError:
        return ""
