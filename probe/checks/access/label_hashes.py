"""Is a password a piece of a plain hash of an identifier? Pure."""

import base64
import hashlib
import re
import zlib
from collections.abc import Iterator

SHORTEST = 6
"""Characters of a password that are looked for in a hash: fewer are there by chance."""
ANYWHERE = 8
"""From this length on the piece may stand anywhere; a shorter one has to be the beginning or the end."""
HASHES = ("md5", "sha1", "sha256", "sha512")


def hash_of(password: str, identifier: str) -> str:
    """``SHA-1 in hexadecimal``: what the password is a piece of; empty when of nothing that was tried."""
    if len(password) < SHORTEST:
        return ""
    for text in _spellings(identifier):
        for called, how, digest in _digests(text):
            same_case = how == "base64"
            wanted, found = (password, digest) if same_case else (password.lower(), digest.lower())
            piece = found.startswith(wanted) or found.endswith(wanted)
            if piece or (len(wanted) >= ANYWHERE and wanted in found):
                return f"{called} in {how}"
    return ""


def _spellings(identifier: str) -> Iterator[bytes]:
    bare = re.sub(r"[^0-9A-Za-z]", "", identifier)
    found = [identifier, bare]
    if re.fullmatch(r"[0-9A-Fa-f]{12}", bare):
        octets = [bare[n : n + 2] for n in range(0, 12, 2)]
        found += [":".join(octets), "-".join(octets), bare[6:]]
        yield bytes.fromhex(bare)
    for text in dict.fromkeys(form for one in found for form in (one, one.upper(), one.lower())):
        yield text.encode()


def _digests(text: bytes) -> Iterator[tuple[str, str, str]]:
    crc = zlib.crc32(text)
    digests = [("CRC-32", crc.to_bytes(4, "big"))]
    # Not for protection: it is looked for whether the manufacturer used them.
    digests += [(name, hashlib.new(name, text, usedforsecurity=False).digest()) for name in HASHES]
    for called, digest in digests:
        yield called, "hexadecimal", digest.hex()
        yield called, "decimal digits", str(int.from_bytes(digest, "big"))
        yield called, "the decimal digits of its hexadecimal form", re.sub(r"\D", "", digest.hex())
        yield called, "base64", base64.b64encode(digest).decode().rstrip("=")
