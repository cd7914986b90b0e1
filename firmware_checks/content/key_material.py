"""Private keys and certificates in the image, and which certificate has its key beside it."""

import re
from dataclasses import dataclass, field

from firmware_checks.content import Facts
from firmware_checks.content.files import (
    NOT_READ,
    is_documentation,
    is_text,
    line_at,
    weakness,
)
from firmware_checks.content.private_keys import (
    BLOCK,
    LONGEST,
    PrivateKey,
    decoded,
    from_der,
    from_dropbear,
    from_pem,
    from_pkcs12,
    published,
)
from firmware_checks.content.scan import Pattern, hits, is_full
from firmware_checks.reading import Entry, Kind, Quote
from firmware_checks.view import View
from probe.model.firmware import ImageCertificate, ImageKey
from probe.model.text import clean
from probe.model.tls import Certificate

PATTERNS = (
    Pattern("keys.private", rb"-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED )?PRIVATE KEY-----"),
    Pattern("keys.certificate", rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----"),
)
MOST_KEYS = 200
MOST_CERTIFICATES = 300
SHOWN = 2000
"""Bytes of a certificate that are evidence."""
SHOWN_OF_A_KEY = 160
BUNDLE = 8
"""A file with as many certificates is a list of authorities that the device trusts."""
_TRUSTED = re.compile(
    r"(?:^|/)(?:ca-certificates|cacerts?|mozilla|trust-source|anchors)/|(?:^|/)ssl/certs/"
    r"|(?:^|/)(?>[^/]*?ca-?(?:bundle|certificates|certs))[^/]*$|(?:^|/)certifi/cacert\.pem$|(?:^|/)cacert[^/]*\.(?:pem|crt)$",
    re.IGNORECASE,
)
_LIBRARY = re.compile(
    r"(?:^|/)bin/(?:gnutls-[a-z-]+|certtool|psktool|openssl)$|(?:^|/)lib(?:gnutls|ssl|crypto|mbed|wolfssl|nss|gcrypt|ssh|soft)(?:(?>[^/]*?\.so)[^/]*|[^/]*\.a)$"
)
_DER_KEY = re.compile(
    r"\.(?:key|der|p8|pk8|priv)$|(?:^|/)(?>[^/]*?(?:private|privkey))[^/]*$", re.IGNORECASE
)
_DER_CERTIFICATE = re.compile(r"\.(?:crt|cer|der|cert)$", re.IGNORECASE)
_PKCS12 = re.compile(r"\.(?:p12|pfx)$", re.IGNORECASE)


@dataclass(slots=True)
class Found:
    """What one file system has, until its end says what belongs together."""

    keys: set[str] = field(default_factory=set)
    certificates: list[tuple[Quote, Certificate]] = field(default_factory=list)
    trusted: list[tuple[Quote, bytes]] = field(default_factory=list)


class KeyMaterial:
    """One file system."""

    name = "keys and certificates"

    def __init__(self, image: str, place: str) -> None:
        self.image, self.place = image, place
        self._found = Found()
        self._count = self._examples = 0

    def look(self, entry: Entry, view: View) -> Facts:
        if entry.kind is not Kind.FILE or not len(view):
            return
        there = hits(view)
        if is_full(there, "keys.private") or is_full(there, "keys.certificate"):
            what = "keys and certificates beyond the first hundreds in this file"
            yield weakness((self.image, self.place), entry.path, NOT_READ, what)
        for end in there.get("keys.private", [])[:MOST_KEYS]:
            if key := _pem_key(view, end):
                at = _quote(entry.path, view, end, SHOWN_OF_A_KEY)
                yield from self._key(entry, key, at.data, at.line)
        if key := binary_key(entry.path, view):
            yield from self._key(entry, key, beginning(view))
        self._certificates(entry.path, view, there.get("keys.certificate", []))

    def end(self) -> Facts:
        where = (self.image, self.place)
        if self._count > MOST_KEYS:
            what = f"{self._count - MOST_KEYS} keys beyond the first {MOST_KEYS}"
            yield weakness(where, "private keys", NOT_READ, what)
        if len(self._found.certificates) >= MOST_CERTIFICATES:
            what = f"those beyond the first {MOST_CERTIFICATES}"
            yield weakness(where, "certificates", NOT_READ, what)
        shown = [*self._found.certificates, *self._trusted_with_key()]
        for quote, certificate in shown[:MOST_CERTIFICATES]:
            fact = ImageCertificate(
                image=self.image,
                place=self.place,
                path=clean(quote.path, 300),
                certificate=certificate,
                with_key=certificate.key_sha256 in self._found.keys,
            )
            yield fact, (quote,)

    def _key(self, entry: Entry, key: PrivateKey, raw: bytes, line: int = 0) -> Facts:
        example = is_example(entry, key)
        self._examples += example
        self._count += not example
        if (self._examples if example else self._count) > MOST_KEYS:
            return
        if key.fingerprint and not example:
            self._found.keys.add(key.fingerprint)
        fact = ImageKey(
            image=self.image,
            place=self.place,
            path=clean(entry.path, 300),
            use="example key" if example else "private key",
            algorithm=key.algorithm,
            bits=key.bits,
            fingerprint=key.fingerprint,
            encrypted=key.encrypted,
            public_name=published().get(key.fingerprint, ""),
            line=line,
        )
        yield fact, raw

    # --- certificates ----------------------------------------------------------------------------

    def _certificates(self, path: str, view: View, ends: list[int]) -> None:
        if is_documentation(path):
            return
        if len(ends) >= BUNDLE or (ends and _TRUSTED.search(path)):
            room = max(0, 1000 - len(self._found.trusted))
            read = ((e, _pem_der(view, e)) for e in ends[:room])
            self._found.trusted += [(_quote(path, view, e), der) for e, der in read if der]
            return
        for end in ends:
            if der := _pem_der(view, end):
                self._certificate(_quote(path, view, end), der)
        is_der = not ends and len(view) <= LONGEST and view.starts_with(b"\x30\x82")
        if is_der and _DER_CERTIFICATE.search(path):
            quote = Quote(path, 0, view.read(0, min(SHOWN, len(view))))
            if _TRUSTED.search(path):
                self._found.trusted.append((quote, view.read()))
            else:
                self._certificate(quote, view.read())

    def _certificate(self, quote: Quote, der: bytes) -> None:
        if len(self._found.certificates) < MOST_CERTIFICATES and (one := certificate_of(der)):
            self._found.certificates.append((quote, one))

    def _trusted_with_key(self) -> list[tuple[Quote, Certificate]]:
        """Of the authorities that the device trusts, those whose key is in the image."""
        if not self._found.keys:
            return []
        read = ((quote, certificate_of(der)) for quote, der in self._found.trusted)
        return [(q, c) for q, c in read if c is not None and c.key_sha256 in self._found.keys]


TOPIC = KeyMaterial


def is_example(entry: Entry, key: PrivateKey) -> bool:
    """A key of documentation, or one of the published keys with which a cryptographic library tests itself."""
    own_test = bool(published().get(key.fingerprint)) and _LIBRARY.search(entry.path) is not None
    return own_test or is_documentation(entry.path)


def _quote(path: str, view: View, end: int, most: int = SHOWN) -> Quote:
    """The beginning of the PEM block whose first line ends at ``end``."""
    begin = max(0, end - 48)
    begin += max(0, view.read(begin, end - begin).rfind(b"-----BEGIN "))
    data = view.read(begin, min(most, len(view) - begin))
    closed = data.find(b"-----END ")
    return Quote(path, line_at(view, end - 1)[0], data[:closed] if closed > 0 else data)


def beginning(view: View) -> bytes:
    """What shows that a file is a key, and nothing of the key: of dropbear its kind, of DER the first tags."""
    if view.starts_with(b"\0\0\0"):
        return view.read(0, min(4 + view.u8(3), len(view)))
    return view.read(0, min(7, len(view)))


def _block(view: View, end: int) -> tuple[bytes, bytes] | None:
    """Label and body of the PEM block whose first line ends at ``end``."""
    begin = max(0, end - 48)
    area = bytes(view.raw[begin : end + LONGEST])
    at = area.rfind(b"-----BEGIN ", 0, end - begin)
    found = BLOCK.match(area, at) if at >= 0 else None
    return (found.group(1), found.group(2)) if found else None


def _pem_key(view: View, end: int) -> PrivateKey | None:
    block = _block(view, end)
    key = from_pem(*block) if block else None
    if key is not None and not key.fingerprint and not key.encrypted and not is_text(view):
        return None  # Inside a program, only what can be read is believed to be a key.
    return key


def _pem_der(view: View, end: int) -> bytes:
    block = _block(view, end)
    if block is None:
        return b""
    return decoded(re.sub(rb"\\r|\\n|[\\\"',]", b"", block[1]))


def binary_key(path: str, view: View) -> PrivateKey | None:
    """A key file that is not PEM."""
    if not 32 <= len(view) <= LONGEST:
        return None
    if view.starts_with(b"\x30"):
        if _PKCS12.search(path):
            return from_pkcs12(view.read())
        return from_der(view.read()) if _DER_KEY.search(path) else None
    return from_dropbear(view.read()) if view.starts_with(b"\0\0\0") else None


def certificate_of(der: bytes) -> Certificate | None:
    """None when it cannot be read."""
    from probe.collect.tls.certificates import read_chain

    chain = read_chain([der], whole=False)
    return chain.certificates[0] if chain.certificates else None
