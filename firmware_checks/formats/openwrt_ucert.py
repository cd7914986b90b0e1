"""Certificate chains of OpenWrt images: ``ucert`` around ``usign`` signatures.

Source: OpenWrt's ucert and libubox (``blob.h``, ``blobmsg.h``). A chain is a row of blobs, big endian: 7 bits of
kind, 24 of length with its head, contents padded to 4 bytes. Kind 0 in a blob is a usign signature, kind 1 what
it is over: the next key with its validity. A blob without kind 1 holds the signature of the image.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from firmware_checks.keys import fingerprint, spki
from firmware_checks.reading import PublicKey
from firmware_checks.signatures import Outcome, check, described
from firmware_checks.view import Malformed, View
from probe.model.firmware import Signing

SIGNATURE, PAYLOAD = 0, 1
TABLE, STRING, INT64, INT32 = 2, 3, 4, 5
EXTENDED = 0x80
MOST_LINKS, MOST_FIELDS = 16, 32
USIGN = re.compile(rb"RW[A-Za-z0-9+/]{97}=?=?")
"""base64 of ``Ed``, 8 bytes that name the key, and 64 bytes of Ed25519 signature."""
USIGN_KEY = re.compile(rb"RW[A-Za-z0-9+/]{54}")
AUTHORISES = 1


@dataclass(frozen=True, slots=True)
class Link:
    """One blob: who signed, and the key that is signed; ``covered`` is empty for the image's signature."""

    signer: str
    signature: bytes
    covered: bytes = b""
    key: PublicKey | None = None
    named: str = ""
    """The key's own name in hexadecimal."""
    since: int = 0
    until: int = 0

    @property
    def days(self) -> str:
        return f"{_day(self.since)} to {_day(self.until)}"


def _day(stamp: int) -> str:
    try:
        return datetime.fromtimestamp(stamp, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return "?"


def chain(data: bytes) -> list[Link]:
    """The links of a ucert file, or the one signature of a usign file. Raises Malformed."""
    view = View(data)
    # A plain usign file is text, whose first byte would be an absurd kind of blob.
    if data.lstrip()[:9] == b"untrusted" or USIGN.match(data):
        return [_plain(data)]
    links: list[Link] = []
    for kind, body in _blobs(view):
        if kind or len(links) >= MOST_LINKS:
            raise Malformed("no chain of certificates")
        links.append(_link(body))
    if not links:
        raise Malformed("there is no signature")
    return links


def _plain(text: bytes) -> Link:
    raw = _decoded(USIGN, text, 74)
    return Link(raw[2:10].hex(), raw[10:])


def _decoded(pattern: re.Pattern[bytes], text: bytes, size: int) -> bytes:
    hit = pattern.search(text)
    coded = hit.group(0) if hit else b""
    try:
        raw = base64.b64decode(coded[: len(coded) // 4 * 4])
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != size:
        raise Malformed("the signature's piece holds no usign signature")
    return raw


def _blobs(view: View) -> Iterator[tuple[int, View]]:
    at = 0
    while at + 4 <= len(view):
        head = view.u32(at, ">")
        size = head & 0xFFFFFF
        if size < 4:
            raise Malformed("a blob without length")
        yield head >> 24, view.part(at + 4, size - 4)
        at += (size + 3) // 4 * 4


def _link(blob: View) -> Link:
    parts = {kind & 0x7F: body for kind, body in _blobs(blob)}
    if SIGNATURE not in parts:
        raise Malformed("a link of the chain without signature")
    one = _plain(parts[SIGNATURE].read(0, min(len(parts[SIGNATURE]), 4096)))
    if PAYLOAD not in parts:
        return one
    payload = parts[PAYLOAD]
    fields: dict[str, int | bytes] = {}
    for name, kind, body in _messages(payload):
        if name == "ucert" and kind == TABLE:
            fields = {n: _value(k, v) for n, k, v in _messages(body)}
    key = _decoded(USIGN_KEY, _bytes(fields.get("pubkey")), 42)
    if fields.get("certtype") != AUTHORISES:
        raise Malformed("a certificate that authorises nobody")
    since, until = (fields.get(n) for n in ("validfrom", "expiresat"))
    return Link(
        one.signer,
        one.signature,
        payload.read(),
        _public(key[10:]),
        key[2:10].hex(),
        since if isinstance(since, int) else 0,
        until if isinstance(until, int) else 0,
    )


def _messages(view: View) -> Iterator[tuple[str, int, View]]:
    """Name, kind and value of each field of a ``blobmsg``."""
    for number, (kind, body) in enumerate(_blobs(view)):
        if not kind & EXTENDED or number >= MOST_FIELDS:
            raise Malformed("a field without name")
        size = body.u16(0, ">")
        yield body.text(2, size), kind & 0x7F, body.part((2 + size + 1 + 3) // 4 * 4)


def _value(kind: int, body: View) -> int | bytes:
    if kind in (INT32, INT64):
        return int.from_bytes(body.read(0, 4 if kind == INT32 else 8))
    return body.read(0, min(len(body), 1024))


def _bytes(value: int | bytes | None) -> bytes:
    return value if isinstance(value, bytes) else b""


def _public(raw: bytes) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return PublicKey(name="", der=spki(Ed25519PublicKey.from_public_bytes(raw)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the chain says of the image."""

    signing: Signing
    detail: str
    key_id: str


def judged(links: list[Link], image: View, keys: tuple[PublicKey, ...]) -> Verdict:
    """Follow the chain from a key that was given to the image (``chain_verify`` of ucert)."""
    signer = f"the usign key {links[0].signer}"
    last = links[-1]
    name = fingerprint(links[-2].key.der) if len(links) > 1 and links[-2].key else links[0].signer
    if last.covered or any(not link.covered for link in links[:-1]):
        said = "the chain of certificates holds no signature of the image, or more behind it"
        return Verdict(Signing.NOT_VERIFIED, said, name)
    trusted: PublicKey | None = None
    above: PublicKey | None = None
    for link in links:
        covered = link.covered or image.raw
        if above is not None and not _made(above, link, covered):
            what = "the next certificate" if link.covered else "the image"
            said = f"the key that the chain names did not make the signature of {what}"
            return Verdict(Signing.TAMPERED, said, name)
        trusted = trusted or next((k for k in keys if _made(k, link, covered)), None)
        above = link.key
    by = f" through {len(links) - 1} certificates" if len(links) > 1 else ""
    if trusted is not None:
        said = f"the signature was verified with {trusted.name or 'its key'}{by}"
        return Verdict(Signing.VERIFIED, said, name)
    why = "none of the keys that were given fits" if keys else "no key was given to verify it with"
    return Verdict(Signing.NOT_VERIFIED, f"signed by {signer}{by}; {why}", name)


def _made(key: PublicKey, link: Link, covered: bytes | memoryview) -> bool:
    if described(key)[0] != "Ed25519":
        return False
    return check(key, link.signature, covered, "sha512") is Outcome.FITS
