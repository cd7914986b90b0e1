"""Boot programs without any header, known by what they say of themselves, with the date of their build.

They begin with code of whatever processor, so nothing but a banner tells them from other bytes; it counts only
where no layer was found. What they were built from shows in a debugger, not here: they carry no signature.
"""

import re
import zlib

from firmware_checks.view import View

PROGRAMS = (
    (
        "U-Boot program",
        b"U-Boot ",
        re.compile(
            rb"U-Boot (?:SPL |TPL )?(20\d\d\.\d\d[^\0\n (]{0,40}) \([A-Z][a-z]{2} \d\d 20\d\d - "
        ),
    ),
    ("TF-A program", b"BL31: ", re.compile(rb"BL31: Initializing runtime services")),
    ("OpenSBI program", b"OpenSBI v", re.compile(rb"OpenSBI v%d\.%d\n")),
    ("SeaBIOS program", b"SeaBIOS (v", re.compile(rb"SeaBIOS \(version %s\)")),
)
"""Name, the bytes to look for, and what must stand there; a group is the version."""
MOST_HITS = 50
LARGEST = 4 << 20
WINDOW = 4096


def program(view: View) -> tuple[str, str]:
    """Name and version of the program that these bytes are; empty for others.

    Code compresses all over. Where something in it does not, more than the program lies there, and has to be
    told as unread.
    """
    if len(view) > LARGEST:
        return "", ""
    for name, search, pattern in PROGRAMS:
        at = view.find(search)
        for _ in range(MOST_HITS):
            if at < 0:
                break
            if found := pattern.match(view.read(at, min(160, len(view) - at))):
                said = found.group(1).decode("ascii", "replace") if pattern.groups else ""
                return (name, said) if _is_code(view) else ("", "")
            at = view.find(search, at + 1)
    return "", ""


def _is_code(view: View) -> bool:
    for at in range(0, len(view) - WINDOW, 2 * WINDOW):
        window = view.read(at, WINDOW)
        if len(zlib.compress(window, 1)) >= len(window):
            return False
    return True
