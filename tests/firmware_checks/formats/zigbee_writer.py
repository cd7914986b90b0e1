"""Signed Zigbee files: an authority of our own issues implicit certificates, OpenSSL signs with the device's key."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from firmware_checks.curves import CurveKey, wrapped
from firmware_checks.formats.zigbee_signature import Suite, mmo
from firmware_checks.view import View

DEVICE, AUTHORITY = bytes(range(0x10, 0x18)), bytes(range(0x20, 0x28))


class Authority:
    """The private key of one, and what it issues (SEC 4 section 3.4)."""

    def __init__(self, suite: Suite) -> None:
        self.suite, self.private = suite, self._number(suite)
        point = suite.curve.times(self.private, suite.curve.base)
        assert point
        self.der = wrapped(CurveKey(suite.curve, point))

    @staticmethod
    def _number(suite: Suite) -> int:
        return int.from_bytes(os.urandom(60)) % (suite.curve.order - 1) + 1

    def issue(self, device: bytes = DEVICE) -> tuple[bytes, int]:
        """An implicit certificate, and the private key that belongs to it."""
        suite, curve = self.suite, self.suite.curve
        secret = self._number(suite)
        point = curve.times(secret, curve.base)
        assert point
        # Of the two points with one coordinate any will do; which of them it is, the first byte tells.
        x = point[0].to_bytes(curve.size)
        octets = next(o for o in (b"\2" + x, b"\3" + x) if curve.point(o) == point)
        out = bytearray(suite.certificate_size)
        for at, data in (
            (suite.reconstruction, octets),
            (suite.subject, device),
            (suite.issuer, AUTHORITY),
        ):
            out[at : at + len(data)] = data
        number = int.from_bytes(mmo(View(bytes(out))))
        return bytes(out), (number * secret + self.private) % curve.order


def signature(
    tool: Callable[..., Any], folder: Path, suite: Suite, private: int, digest: bytes
) -> bytes:
    """Both numbers beside each other, by OpenSSL."""
    curve = suite.curve
    size = curve.number_size
    head = b"\2\1\1" + bytes((4, size)) + private.to_bytes(size)
    head += bytes((0xA0, len(curve.oid))) + curve.oid
    (folder / "device.der").write_bytes(bytes((0x30, len(head))) + head)
    (folder / "digest").write_bytes(digest)
    key = ("-keyform", "DER", "-inkey", "device.der")
    tool("openssl", "pkeyutl", "-sign", *key, "-in", "digest", "-out", "sig")
    numbers = decode_dss_signature((folder / "sig").read_bytes())
    return b"".join(n.to_bytes(size) for n in numbers)


def signed(
    tool: Callable[..., Any],
    folder: Path,
    authority: Authority,
    unsigned: Callable[..., bytes],
    *elements: tuple[int, bytes],
    device: bytes = DEVICE,
    with_certificate: bool = True,
    private: int = 0,
) -> bytes:
    """A file of ``elements``; ``unsigned`` makes one of any. ``private``: another key than the certificate's."""
    suite = authority.suite
    certificate, key = authority.issue()
    rows = [*elements, *([(suite.certificate, certificate)] if with_certificate else [])]
    room = suite.signature_size - 8
    whole = unsigned(*rows, (suite.signature, device[::-1] + bytes(room)))
    digest = mmo(View(whole[:-room]))
    return whole[:-room] + signature(tool, folder, suite, private or key, digest)
