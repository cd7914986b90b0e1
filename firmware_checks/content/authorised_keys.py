"""SSH keys that let somebody in: ``authorized_keys`` of OpenSSH and dropbear."""

import re

from firmware_checks.content import Facts
from firmware_checks.content.files import (
    MOST_QUOTED,
    NOT_READ,
    is_documentation,
    is_file,
    is_text,
    numbered,
    raw_lines,
    weakness,
)
from firmware_checks.content.private_keys import from_public, published
from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View
from probe.model.firmware import ImageKey
from probe.model.text import clean

MOST_KEYS = 50
LONGEST = 16_384
"""Characters of a line, options and all: what sshd took (SSH_MAX_PUBKEY_BYTES) before it took lines of any
length; dropbear takes 4,200. What is longer is told as not read."""
_PATH = re.compile(r"(?:^|/)authorized_keys[0-9]?$|(?:^|/)etc/dropbear/authorized_keys$")
_KEY = re.compile(
    r"(?:^|\s)((?:sk-)?(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\.com)?)"
    r"\s+(AAAA[A-Za-z0-9+/=]{30,8000})(?:\s+(.*))?$"
)


class AuthorisedKeys:
    """One file system."""

    name = "authorised keys"

    def __init__(self, image: str, place: str) -> None:
        self.image, self.place = image, place

    def look(self, entry: Entry, view: View) -> Facts:
        if not _PATH.search(entry.path) or is_documentation(entry.path):
            return
        if entry.kind is not Kind.FILE or not entry.size:
            return
        if not is_file(entry) or not is_text(view):
            what = f"the keys in it ({entry.size} bytes, too many or no text)"
            yield weakness((self.image, self.place), entry.path, NOT_READ, what)
            return
        found: list[tuple[int, re.Match[str]]] = []
        for number, line in numbered(view, longest=LONGEST + 1):
            if match := _KEY.search(line):
                found.append((number, match))
            elif len(line) > LONGEST:
                what = f"line {number} is longer than {LONGEST} characters"
                yield weakness((self.image, self.place), entry.path, NOT_READ, what)
        if len(found) > MOST_KEYS:
            what = f"{len(found) - MOST_KEYS} keys behind the first {MOST_KEYS}"
            yield weakness((self.image, self.place), entry.path, NOT_READ, what)
        raw = raw_lines(view, [number for number, _ in found[:MOST_KEYS]], 2 * LONGEST)
        for number, match in found[:MOST_KEYS]:
            kind, encoded = match.group(1), match.group(2)
            # Behind long options the key is shown, and not they.
            begin = raw[number].find(encoded.encode()) - len(kind) - 1
            data = raw[number][begin if begin > MOST_QUOTED - len(encoded) else 0 :]
            yield self._fact(entry, kind, encoded, number), data[: 2 * MOST_QUOTED]

    def end(self) -> Facts:
        yield from ()

    def _fact(self, entry: Entry, kind: str, encoded: str, line: int) -> ImageKey:
        from cryptography.hazmat.primitives.serialization import load_ssh_public_key

        algorithm, bits, fingerprint = kind, None, ""
        try:
            key = from_public(load_ssh_public_key(f"{kind} {encoded}".encode()))
            algorithm, bits, fingerprint = key.algorithm, key.bits, key.fingerprint
        except MemoryError:  # It says nothing of the bytes: the reader ends, and tells it.
            raise
        except Exception:  # noqa: BLE001, S110 - a key of a kind that the library does not know still lets in
            pass
        return ImageKey(
            image=self.image,
            place=self.place,
            path=clean(entry.path, 300),
            use="authorised key",
            algorithm=algorithm,
            bits=bits,
            fingerprint=fingerprint,
            public_name=published().get(fingerprint, ""),
            line=line,
        )


TOPIC = AuthorisedKeys
