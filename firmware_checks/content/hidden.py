"""Files in which something may lie that nobody can see: encrypted parts of an update, images of no known format.

Asked only of files of a tree that no format fits. A file system is full of pictures and data; only what looks
like an image, by its bytes or its name, is said not to be read.
"""

import re
import zlib

from firmware_checks.content.files import is_documentation
from firmware_checks.guess import entropy, is_text
from firmware_checks.view import View

SMALLEST = 4096
ENCRYPTED = 7.9
"""Bits of entropy per byte. Random bytes have 7.95 in 4 KiB; programs 6.5."""
KERNEL = b"Linux version "
_PICTURES = (
    *(b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"RIFF", b"OggS", b"ID3", b"\xff\xfb", b"fLaC", b"%PDF"),
    *(b"wOFF", b"wOF2", b"\0\0\1\0", b"II*\0", b"MM\0*", b"BM", b"\x1aE\xdf\xa3"),
)  # fmt: skip
"""Pictures, sounds, films, fonts, documents: compressed, and nothing to look for inside."""
_OF_A_PAGE = re.compile(
    r"\.(?:br|brotli|mp4|m4a|mo|gmo|qm|mp3|webm|woff2?|jpe?g|png|p12|pfx|class)$", re.I
)
_OF_A_CHIP = re.compile(r"(?:^|/)(?:lib|etc|vendor)/firmware/")
"""What a driver loads into another chip: its code is not this system's, and is often encrypted."""
_LIKE_AN_IMAGE = re.compile(
    r"\.(?:img|image|sqfs|squashfs|sqsh|ubi|ubifs|jffs2|yaffs2?|cramfs|ext[234]|cpio|itb|fit|trx|swu|raucb|enc|encrypted|rootfs)$"
    r"|(?:^|/)(?:rootfs|kernel|uimage|zimage|vmlinu[xz])[^/]*$",
    re.IGNORECASE,
)
_ENDS = (".bin", ".dat", ".fw", ".rom", ".upd", ".upg", ".pkg")
_LIKE_AN_UPDATE = re.compile(
    r"(?:^|/)(?>(?:[^/]*?[_.-])??(?:firmware|fw|update|upgrade|sysupgrade|recovery|factory)[_.-])[^/]*$"
    r"|(?:^|/)(?:firmware|fw|updates?|upgrades?|ota|recovery|factory)/[^/]+$",
    re.IGNORECASE,
)


def hidden(path: str, view: View) -> str:
    """Why a file of no known format counts as not read; empty when it does not."""
    if len(view) < SMALLEST or view.starts_with(b"\x7fELF"):
        return ""
    image = _LIKE_AN_IMAGE.search(path) is not None
    of_a_chip = _OF_A_CHIP.search(path) is not None
    if is_documentation(path) or (of_a_chip and not image):
        return ""
    if any(view.starts_with(magic) for magic in _PICTURES) or _OF_A_PAGE.search(path):
        return ""
    if view.starts_with(b"ftyp", 4):
        return ""
    if cannot_shrink(view) and (bits := entropy(view)) >= ENCRYPTED:
        return f"{len(view)} bytes encrypted or compressed, {bits:.1f} bits of entropy per byte"
    if not image and not of_a_chip and path.lower().endswith(_ENDS):
        image = _LIKE_AN_UPDATE.search(path) is not None
    if image and not is_text(view) and not is_kernel(path, view):
        return f"{len(view)} bytes of no known format, named like an image"
    return ""


def is_kernel(path: str, view: View) -> bool:
    """Whether it is the kernel proper out of its image, where it has this name: nothing of it is hidden."""
    return path == "vmlinux" and view.find(KERNEL) >= 0


def cannot_shrink(view: View) -> bool:
    """A sample of random bytes does not; much quicker than counting them, for all the files that are not."""
    sample = view.read(0, 2048) + view.read(len(view) // 2, 2048)
    return len(zlib.compress(sample, 1)) >= len(sample)
