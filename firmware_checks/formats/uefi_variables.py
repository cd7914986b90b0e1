"""The keys of Secure Boot in a UEFI variable store: whose certificates PK, KEK and db hold.

Source: edk2's ``VariableFormat.h`` (authenticated variables), UEFI specification 2.10 section 32.4.1 (signature lists).
Revoked keys stand in dbx, which is left out: a test key there is as it should be.
"""

from collections.abc import Iterator
from uuid import UUID

from firmware_checks.certificates import test_name
from firmware_checks.keys import NotAKey, fingerprint, read_key
from firmware_checks.reading import Facts
from firmware_checks.signatures import described
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageKey

ADDED = b"\xaa\x55\x3f\x00"
"""Start of a variable's header, and the state of one that holds."""
HEADER = 60
NAMES = ("PK", "KEK", "db")
X509 = UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
MOST_VARIABLES, MOST_LISTS = 512, 64
MOST_CERTIFICATES, SMALLEST = 256, 64
"""Of one variable; with a key and a signature none is smaller."""


def variables(view: View) -> Iterator[tuple[str, View]]:
    """Name and value of the variables that hold Secure Boot's keys."""
    at = number = 0
    while (at := view.find(ADDED, at)) >= 0 and number < MOST_VARIABLES:
        number += 1
        try:
            name_size, size = view.unpack("<II", at + 36)
            name = view.read(at + HEADER, min(name_size, 16)).decode("utf-16-le", "replace")
            if name.rstrip("\0") in NAMES:
                yield name.rstrip("\0"), view.part(at + HEADER + name_size, size)
        except Malformed:
            pass
        at += len(ADDED)


def certificates(value: View) -> Iterator[bytes]:
    """The X.509 certificates of a row of signature lists, DER. Ends where a list cannot be read."""
    at = number = 0
    for _ in range(MOST_LISTS):
        if at + 28 > len(value):
            return
        size, head, each = value.unpack("<III", at + 16)
        if size < 28 or at + size > len(value) or each <= 16 or head > size - 28:
            return
        if value.starts_with(X509, at) and each >= SMALLEST:
            for start in range(at + 28 + head, at + size - each + 1, each):
                number += 1
                if number > MOST_CERTIFICATES:
                    return
                yield value.read(start + 16, each - 16)
        at += size


def known_keys(view: View, image: str, place: str) -> Facts:
    """Keys that everybody has: their certificates say so themselves."""
    for name, value in variables(view):
        for der in certificates(value):
            said = test_name(der)
            try:
                key = read_key(name, der)[0] if said else None
            except NotAKey:
                key = None
            if key is None:
                continue
            kind, bits = described(key)
            fact = ImageKey(
                image=image,
                place=place,
                path=name,
                use="verification key",
                algorithm=kind,
                bits=bits,
                fingerprint=fingerprint(key.der),
                public_name=said,
            )
            yield fact, der
