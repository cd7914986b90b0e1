"""Signatures of HSS/LMS that pyhsslms makes, the work of an author of RFC 8708 and 8778."""

import pyhsslms.pyhsslms as vendor  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.keys import NotAKey, load, read_key
from firmware_checks.lms import HssPublicKey, public_key, signature_size, verifies, wrapped
from firmware_checks.signatures import Outcome, check, described
from firmware_checks.view import Malformed

MESSAGE = b"The manifest of an update"
KINDS = [
    (lms, ots)
    for lms, four in ((5, (1, 2, 3, 4)), (10, (5, 6, 7)), (15, (9, 10, 11)), (20, (13, 14, 15)))
    for ots in four
]


def private(lms: int = 5, ots: int = 3, levels: int = 1) -> vendor.HssPrivateKey:
    return vendor.HssPrivateKey(levels=levels, lms_type=lms.to_bytes(4), lmots_type=ots.to_bytes(4))


@pytest.mark.parametrize(("lms", "ots"), KINDS)
def test_every_hash_and_width(lms: int, ots: int) -> None:
    holder = private(lms, ots)
    key = public_key(holder.publicKey().serialize())
    for _ in range(3):
        signature = holder.sign(MESSAGE)
        assert len(signature) == 4 + signature_size(key.top)
        assert verifies(key, signature, MESSAGE)
        assert not verifies(key, signature, MESSAGE + b"!")
    other = public_key(private(lms, ots).publicKey().serialize())
    assert not verifies(other, signature, MESSAGE)


@pytest.mark.parametrize("levels", [2, 3])
def test_trees_above_each_other(levels: int) -> None:
    holder = private(levels=levels)
    key = public_key(holder.publicKey().serialize())
    for _ in range(34):  # more than one tree has, so that the lowest is made anew
        signature = holder.sign(MESSAGE)
    assert verifies(key, signature, MESSAGE)
    assert not verifies(HssPublicKey(levels - 1, key.top), signature, MESSAGE)
    for at in range(0, len(signature), 97):
        assert not verifies(key, _flipped(signature, at), MESSAGE), at


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_key_file_in_three_forms() -> None:
    import base64

    holder = private()
    raw = holder.publicKey().serialize()
    coded = base64.encodebytes(wrapped(raw))
    pem = b"-----BEGIN PUBLIC KEY-----\n" + coded + b"-----END PUBLIC KEY-----\n"
    for data in (raw, wrapped(raw), pem):
        (key,) = read_key("lms", data)
        assert isinstance(load(key), HssPublicKey)
        assert described(key) == ("HSS-LMS SHA-256 1 x height 5, W4", None)
        assert check(key, holder.sign(MESSAGE), MESSAGE, "sha256") is Outcome.FITS
        assert check(key, holder.sign(MESSAGE), b"else", "sha256") is Outcome.NOT_MADE
    with pytest.raises(NotAKey):
        read_key("cut", raw[:-1])


HOLDER = private(levels=2)
KEY = public_key(HOLDER.publicKey().serialize())
SIGNED = HOLDER.sign(MESSAGE)


@settings(max_examples=150, deadline=1000)
@given(st.binary(max_size=80), st.integers(0, len(SIGNED)), st.integers(0, 400))
def test_hostile_bytes_are_no_signature(junk: bytes, at: int, cut: int) -> None:
    changed = SIGNED[:at] + junk + SIGNED[at + cut :]
    assert verifies(KEY, changed, MESSAGE) == (changed == SIGNED)
    try:
        public_key(junk)
    except Malformed:
        pass
