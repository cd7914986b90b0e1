"""Scripts that fetch an image and write it to the flash, and check no signature before they do.

A checksum that was fetched with the image shows that nothing was lost on the way, not who made it.
"""

import re

from firmware_checks.content import Facts
from firmware_checks.content.files import is_documentation, is_file, is_text, numbered, weakness
from firmware_checks.content.skips import SKIPPED
from firmware_checks.reading import Entry
from firmware_checks.view import View

LARGEST = 256 << 10
_FETCHES = re.compile(r"\b(?:wget|curl|uclient-fetch|tftp|ftpget|aria2c)\s")
_WRITES = re.compile(
    r"\bmtd\s+(?:-\S+\s+){0,20}write\b|\b(?:flashcp|nandwrite|ubiupdatevol|mtd_write)\s"
    r"|^(?>.*?\bdd\b).*\bof=[\"']?/dev/(?:mtd|mmcblk|ubi)"
)
_VERIFIES = re.compile(
    r"^(?>.*?\bopenssl\s+dgst\b).*-verify|\bopenssl\s+(?:pkeyutl|rsautl|cms|smime)|\b(?:usign|ucert|gpgv?|signify|minisign|fwtool|veritysetup)\s"
    r"|\b(?:verify|check|validate)_?(?:sig|signature|image|firmware)|\b(?:rauc|swupdate|sysupgrade|mender)\s",
    re.IGNORECASE,
)
_SUMS = re.compile(r"\b(?:md5sum|sha\d{1,3}sum|cksum|crc32)\b")


class Installers:
    """One file system."""

    name = "installers"

    def __init__(self, image: str, place: str) -> None:
        self.where = (image, place)

    def look(self, entry: Entry, view: View) -> Facts:
        script = view.starts_with(b"#!") or entry.path.endswith(".sh")
        if not script or not is_file(entry, largest=LARGEST) or not is_text(view):
            return
        if is_documentation(entry.path):
            return
        lines = list(numbered(view))
        written = next(((n, line) for n, line in lines if _WRITES.search(line)), None)
        fetched = any(_FETCHES.search(line) for _, line in lines)
        if written is None or not fetched or any(_VERIFIES.search(line) for _, line in lines):
            return
        sums = next((m.group(0) for _, line in lines if (m := _SUMS.search(line))), "")
        how = f"with a checksum only ({sums})" if sums else "without any check"
        number, line = written
        what = f"what was fetched is written {how}, not a signature: {line}"
        yield weakness(self.where, entry.path, SKIPPED, what, number, view)

    def end(self) -> Facts:
        yield from ()


TOPIC = Installers
