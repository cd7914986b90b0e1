"""Forgeries against the arithmetic itself, each really built: none may fit, and none may be called tampering."""

import hashlib
import math
import os
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from firmware_checks import curves
from firmware_checks.keys import spki
from firmware_checks.reading import PublicKey
from firmware_checks.signatures import Outcome, check

DATA = b"a program that nobody signed"
DIGEST = hashlib.sha256(DATA).digest()
INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""DigestInfo of SHA-256 (RFC 8017 section 9.2, note 1)."""
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
SMALL = (
    bytes(32),
    b"\1" + bytes(31),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
)
"""Points of Ed25519 of order 4, 1, 2, 8 and 8."""


def key(public: Any) -> PublicKey:
    return PublicKey(name="k", der=spki(public))


def cube_root(number: int) -> int:
    """The smallest number whose cube is not below ``number``."""
    low, high = 0, 1 << (number.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high) // 2
        if middle**3 < number:
            low = middle + 1
        else:
            high = middle
    return low


def cubic(bits: int = 2048) -> rsa.RSAPublicKey:
    return rsa.generate_private_key(3, bits).public_key()


def test_a_cube_root_with_digest_and_garbage_behind_it() -> None:
    """Bleichenbacher's forgery of 2006: with the exponent 3 the padding is followed by what makes it a cube."""
    public = cubic()
    for pad in (b"\xff" * 8, b"\xff", b""):
        head = b"\0\1" + pad + b"\0" + INFO + DIGEST
        goal = int.from_bytes(head.ljust(256, b"\0"))
        root = cube_root(goal)
        assert (root**3).to_bytes(256).startswith(head)  # it is the forgery
        assert check(key(public), root.to_bytes(256), DATA, "sha256") is not Outcome.FITS


def test_a_cube_root_with_garbage_in_the_parameters() -> None:
    """The forgery of 2014 (BERserk): lengths in long form, in which the garbage stands."""
    public = cubic()
    for middle in (b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x80", b"\x04\x80"):
        head = b"\0\1" + b"\xff" * 8 + b"\0\x30\x81\x80\x30" + middle
        root = cube_root(int.from_bytes(head.ljust(256, b"\0")))
        assert check(key(public), root.to_bytes(256), DATA, "sha256") is not Outcome.FITS


def test_numbers_whose_power_is_themselves() -> None:
    public = cubic()
    n = public.public_numbers().n
    for number in (0, 1, n - 1, n, n + 1, 2**2048 - 1):
        found = check(key(public), number.to_bytes(256), DATA, "sha256")
        assert found is Outcome.NOT_MADE


@pytest.mark.parametrize("exponent", [1, 2, 4])
def test_an_exponent_that_signs_everything(exponent: int) -> None:
    """With 1 the padded digest is its own signature; no library makes such a key, so it is written by hand."""
    n = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
    try:
        public = rsa.RSAPublicNumbers(exponent, n).public_key()
    except ValueError:
        return  # there is no such key
    block = (b"\0\1" + b"\xff" * 202 + b"\0" + INFO + DIGEST).rjust(256, b"\0")
    assert check(key(public), block, DATA, "sha256") is not Outcome.FITS


def test_the_salt_of_pss_may_have_any_length() -> None:
    """Makers differ in it, so it is taken as it comes; the content must fit with each."""
    private = rsa.generate_private_key(65537, 2048)
    for salt in (0, 1, 20, 32, 222):
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
        made = private.sign(DATA, scheme, hashes.SHA256())
        public = key(private.public_key())
        assert check(public, made, DATA, "sha256") is Outcome.FITS
        assert check(public, made, DATA + b"!", "sha256") is not Outcome.FITS
        assert check(public, made, DATA, "sha512") is not Outcome.FITS


def test_one_hash_is_not_taken_for_another() -> None:
    """The padding of PKCS #1 names the hash: a digest of SHA-1 signs nothing that SHA-256 is asked about."""
    private = rsa.generate_private_key(65537, 2048)
    for made_with, asked in (("SHA1", "sha256"), ("SHA256", "sha1"), ("SHA512", "sha256")):
        made = private.sign(DATA, padding.PKCS1v15(), getattr(hashes, made_with)())
        assert check(key(private.public_key()), made, DATA, asked) is not Outcome.FITS


def test_keys_that_share_a_prime() -> None:
    """Of two keys from a poor source the private ones can be computed: such a signature fits, as it must."""
    first = rsa.generate_private_key(65537, 2048).private_numbers()
    second = rsa.generate_private_key(65537, 2048).private_numbers()
    q = second.q
    n1, n2 = first.p * first.q, first.p * q
    assert math.gcd(n1, n2) == first.p  # what anybody finds who has both public keys
    p = math.gcd(n1, n2)
    d = pow(65537, -1, (p - 1) * (n1 // p - 1))
    public = rsa.RSAPublicNumbers(65537, n1).public_key()
    size = (public.key_size + 7) // 8
    block = int.from_bytes(b"\0\1" + b"\xff" * (size - 54) + b"\0" + INFO + DIGEST)
    made = pow(block, d, n1).to_bytes(size)
    assert check(key(public), made, DATA, "sha256") is Outcome.FITS


def small_orders() -> list[bytes]:
    """Each with its sign, and those of 0 and 1 that are written as the prime more."""
    more = [(P + n).to_bytes(32, "little") for n in (0, 1)]
    return [bytes([*one[:-1], one[-1] | sign]) for one in (*SMALL, *more) for sign in (0, 0x80)]


def test_keys_of_small_order_sign_nothing() -> None:
    """R of small order and S = 0 fit every eighth message, or all: with such a key nobody has signed."""
    for raw in small_orders():
        try:
            public = ed25519.Ed25519PublicKey.from_public_bytes(raw)
            one = key(public)
        except ValueError:
            continue
        for r in small_orders():
            for number in range(8):
                found = check(one, r + bytes(32), DATA + bytes([number]), "sha512")
                assert found is Outcome.NOT_MADE, (raw.hex(), r.hex())


def test_signatures_of_ed25519_written_in_another_way() -> None:
    """S + L is the same number; RFC 8032 section 5.1.7 refuses it."""
    private = ed25519.Ed25519PrivateKey.generate()
    made = private.sign(DATA)
    one = key(private.public_key())
    assert check(one, made, DATA, "sha512") is Outcome.FITS
    for times in (1, 2, 7):
        number = int.from_bytes(made[32:], "little") + times * L
        other = made[:32] + number.to_bytes(32, "little")
        assert check(one, other, DATA, "sha512") is Outcome.NOT_MADE
    assert check(one, made + b"\0", DATA, "sha512") is Outcome.NOT_MADE


@pytest.mark.parametrize(
    "curve", [ec.SECP256R1(), ec.SECP384R1(), *curves.CURVES], ids=lambda c: c.name
)
def test_numbers_of_ecdsa_that_are_none(curve: Any) -> None:
    """0, the order and multiples of it, beside each other and in DER (CVE-2022-21449)."""
    if isinstance(curve, curves.Curve):
        order, half = curve.order, curve.number_size
        point = curve.times(4711, curve.base)
        assert point
        one = PublicKey(name="k", der=curves.wrapped(curves.CurveKey(curve, point)))
    else:
        private = ec.generate_private_key(curve)
        one, half = key(private.public_key()), (curve.key_size + 7) // 8
        order = {256: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551}.get(
            curve.key_size,
            0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        )
    for r in (0, 1, order - 1, order, 2 * order):
        for number in (0, 1, order - 1, order):
            forms = [utils.encode_dss_signature(r, number)]
            if max(r, number) >> 8 * half == 0:
                forms.append(r.to_bytes(half) + number.to_bytes(half))
            for form in forms:
                assert check(one, form, DATA, "sha256") is Outcome.NOT_MADE


def test_points_that_are_no_keys() -> None:
    """Off the curve, of order two, at infinity, and coordinates that are larger than the field."""
    for curve in curves.CURVES:
        size = curve.size
        x, y = curve.base
        bad = [b"\0", b"\4" + bytes(2 * size), b"\4" + x.to_bytes(size) + (y ^ 1).to_bytes(size)]
        bad += [
            b"\4" + bytes(size) + (1).to_bytes(size),
            b"\2" + bytes(size),
            b"\2" + b"\xff" * size,
        ]
        bad.append(
            b"\4"
            + (x + curve.field if curve.field >> curve.bits == 0 else x | 1 << curve.bits).to_bytes(
                size + 1
            )[-size:]
            + b"\xff" * size
        )
        for octets in bad:
            with pytest.raises(curves.NotOnCurve):
                curve.point(octets)
    for curve in (ec.SECP256R1(), ec.SECP384R1()):
        size = curve.key_size // 8
        for octets in (b"\0", b"\4" + bytes(2 * size), b"\4" + os.urandom(2 * size)):
            with pytest.raises(ValueError):
                ec.EllipticCurvePublicKey.from_encoded_point(curve, octets)


def test_an_empty_signature() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    publics: list[Any] = [
        private.public_key(),
        cubic(),
        ed25519.Ed25519PrivateKey.generate().public_key(),
    ]
    for public in publics:
        for made in (b"", b"\0", bytes(64), bytes(256), b"\xff" * 64, b"\x30\x06\2\1\0\2\1\0"):
            assert check(key(public), made, DATA, "sha256") is Outcome.NOT_MADE
