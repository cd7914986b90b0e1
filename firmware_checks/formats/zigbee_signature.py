"""The signatures of Zigbee OTA files: ECDSA with implicit certificates, over AES-MMO hashes.

Sources: Zigbee Cluster Library, sections 11.4.6 to 11.4.9 and 11.7; Zigbee specification B.6 (the hash), Smart Energy
specification C.4 (certificates, both suites); SEC 4 section 3.5 (the key of an implicit certificate). An authority of
Zigbee certifies a device, which signs: the key to give is the authority's.
"""

import struct
from dataclasses import dataclass

from firmware_checks.budget import Budget
from firmware_checks.curves import (
    SECT163K1,
    SECT283K1,
    TOO_MANY,
    Curve,
    CurveKey,
    NotOnCurve,
    public_key,
    verifies,
)
from firmware_checks.reading import PublicKey
from firmware_checks.view import View
from probe.model.firmware import Signing

BLOCK = 16
MOST_HASHED = 8 << 20
"""Bytes; each block of 16 has a key of its own, and no file of the field comes near."""
HASHED_IN_A_MILLISECOND = 2500


@dataclass(frozen=True, slots=True)
class Suite:
    """A crypto suite: its name, curve, the tags of its elements, and where the pieces of a certificate stand."""

    name: str
    curve: Curve
    signature: int
    certificate: int
    certificate_size: int
    reconstruction: int
    subject: int
    issuer: int

    @property
    def signature_size(self) -> int:
        """With the address of the signer in front."""
        return 8 + 2 * self.curve.number_size


SUITES = (
    Suite("ECDSA sect163k1 AES-MMO", SECT163K1, 1, 2, 48, 0, 22, 30),
    Suite("ECDSA sect283k1 AES-MMO", SECT283K1, 5, 6, 74, 37, 28, 11),
)


def mmo(message: View) -> bytes:
    """The hash of Matyas, Meyer and Oseas with AES-128 (Zigbee specification, B.6)."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    mode = modes.ECB()  # noqa: S305 (one block for each key is what the hash is made of)
    bits, state = 8 * len(message), bytes(BLOCK)
    whole = len(message) // BLOCK * BLOCK
    tail = message.read(whole) + b"\x80"
    # Long messages end in their length in 32 bits and 16 zeros, short ones in 16 bits.
    ending = struct.pack(">IH", bits, 0) if bits >= 1 << 16 else struct.pack(">H", bits)
    tail += bytes(-(len(tail) + len(ending)) % BLOCK) + ending
    for part in (message.raw[:whole], memoryview(tail)):
        for at in range(0, len(part), BLOCK):
            block = part[at : at + BLOCK]
            made = Cipher(algorithms.AES(state), mode).encryptor().update(block)
            mixed = int.from_bytes(made) ^ int.from_bytes(block)
            state = mixed.to_bytes(BLOCK)
    return state


def certified(suite: Suite, certificate: bytes, authority: CurveKey) -> CurveKey | None:
    """The key that an implicit certificate gives under an authority; None for a certificate that is none."""
    curve = suite.curve
    start = suite.reconstruction
    try:
        point = curve.point(certificate[start : start + 1 + curve.size])
    except NotOnCurve:
        return None
    number = int.from_bytes(mmo(View(certificate)))
    key = curve.add(curve.times(number, point), authority.point)
    return CurveKey(curve, key) if key else None


def judged(
    suite: Suite,
    covered: View,
    signature: bytes,
    certificate: bytes,
    keys: tuple[PublicKey, ...],
    budget: Budget,
) -> tuple[Signing, str]:
    """The verdict of ``keys`` on ``signature`` (without the signer's address) over ``covered``."""
    fitting = [
        (key, public)
        for key in keys
        if (public := public_key(key.der)) and public.curve is suite.curve
    ]
    if not fitting:
        why = f"none of the keys that were given is one of {suite.curve.name}"
        return Signing.NOT_VERIFIED, why if keys else "no key was given to verify it with"
    if len(covered) > MOST_HASHED:
        return Signing.NOT_VERIFIED, "it is larger than what is hashed here"
    cost = len(fitting) * (2 if certificate else 1) * suite.curve.cost
    if not budget.may_reckon(cost + len(covered) // HASHED_IN_A_MILLISECOND):
        return Signing.NOT_VERIFIED, TOO_MANY
    digest, half = mmo(covered), suite.curve.number_size
    r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
    for key, public in fitting:
        said = f"the signature was verified with {key.name or 'its key'}"
        made = certified(suite, certificate, public) if certificate else None
        if made and verifies(made, r, s, digest):
            return Signing.VERIFIED, f"{said}, which certifies its signer"
        if verifies(public, r, s, digest):
            return Signing.VERIFIED, said
    return Signing.NOT_VERIFIED, "none of the keys that were given fits"
