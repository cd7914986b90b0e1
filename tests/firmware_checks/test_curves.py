"""Curves of our own arithmetic: OpenSSL makes the keys and signatures, and reads what we write."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_checks import curves
from firmware_checks.curves import BRAINPOOL256T1, CURVES, SECT163K1, SECT283K1, Curve
from firmware_checks.keys import NotAKey, load, read_key
from firmware_checks.signatures import Outcome, check, described

Tool = Callable[..., Any]


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_signatures_of_openssl(curve: Curve, tool: Tool, tmp_path: Path) -> None:
    tool("openssl", "ecparam", "-name", curve.name, "-genkey", "-noout", "-out", "key")
    tool("openssl", "pkey", "-in", "key", "-pubout", "-out", "pub.pem")
    (key,) = read_key("mine", (tmp_path / "pub.pem").read_bytes())
    assert described(key) == ("EC", curve.bits)
    (tmp_path / "again.der").write_bytes(key.der)
    same = tool("openssl", "pkey", "-pubin", "-inform", "DER", "-in", "again.der").stdout
    assert same.encode() == (tmp_path / "pub.pem").read_bytes()
    public = load(key)
    assert isinstance(public, curves.CurveKey)
    # A short hash, one longer than the order, and the usual one.
    for size in (16, 32, 64):
        digest = os.urandom(size)
        (tmp_path / "digest").write_bytes(digest)
        tool("openssl", "pkeyutl", "-sign", "-inkey", "key", "-in", "digest", "-out", "sig")
        pair = curves.numbers((tmp_path / "sig").read_bytes(), curve)
        assert pair is not None
        assert curves.verifies(public, *pair, digest)
        assert not curves.verifies(public, *pair, bytes([digest[0] ^ 1]) + digest[1:])
        assert not curves.verifies(public, pair[0], pair[1] ^ 1, digest)
        raw = b"".join(n.to_bytes(curve.number_size) for n in pair)
        assert curves.numbers(raw, curve) == pair
    (tmp_path / "data").write_bytes(b"some data")
    tool("openssl", "dgst", "-sha256", "-sign", "key", "-out", "sig", "data")
    signature = (tmp_path / "sig").read_bytes()
    assert check(key, signature, b"some data", "sha256") is Outcome.FITS
    assert check(key, signature, b"same data", "sha256") is Outcome.NOT_MADE
    assert check(key, b"none", b"some data", "sha256") is Outcome.NOT_MADE


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_compressed_points(curve: Curve, tool: Tool, tmp_path: Path) -> None:
    tool("openssl", "ecparam", "-name", curve.name, "-genkey", "-noout", "-out", "key")
    for form in ("compressed", "uncompressed"):
        out = ("-pubout", "-conv_form", form, "-outform", "DER", "-out", f"{form}.der")
        tool("openssl", "ec", "-in", "key", *out)
    one, two = (read_key("", (tmp_path / f"{f}.der").read_bytes()) for f in ("compressed", "uncompressed"))  # fmt: skip
    assert one == two


def test_the_point_of_an_authority_alone() -> None:
    """As Certicom's test authority gives its two."""
    for text, curve in (
        ("0200fde8a7f3d1084224962a4e7c54e69ac3f04da6b8", SECT163K1),
        ("0207a445022d9f39f49bdc38380026a27a9e0a1799313ab28c5c1a1c6b605154db1dff6752", SECT283K1),
    ):
        for data in (text.encode(), text.upper().encode() + b"\n", bytes.fromhex(text)):
            (key,) = read_key("ca", data)
            public = load(key)
            assert isinstance(public, curves.CurveKey)
            assert public.curve is curve


def test_several_keys_in_one_file(tool: Tool, tmp_path: Path) -> None:
    names = ("prime256v1", "sect163k1", "brainpoolP256t1")
    for name in names:
        tool("openssl", "ecparam", "-name", name, "-genkey", "-noout", "-out", "key")
        tool("openssl", "pkey", "-in", "key", "-pubout", "-out", f"{name}.pem")
    data = b"".join((tmp_path / f"{name}.pem").read_bytes() for name in names)
    assert [described(key) for key in read_key("", data)] == [("EC", 256), ("EC", 163), ("EC", 256)]


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_what_is_no_key(curve: Curve) -> None:
    x, y = curve.base
    good = b"\x04" + x.to_bytes(curve.size) + y.to_bytes(curve.size)
    assert curve.point(good) == curve.base
    assert curve.times(curve.order, curve.base) is None
    assert curve.times(curve.order + 1, curve.base) == curve.base
    bad = [b"", good[:-1], b"\x05" + good[1:], good[:-1] + bytes([good[-1] ^ 1]), b"\x00"]
    bad += [b"\x02" + b"\xff" * curve.size, b"\x04" + bytes(2 * curve.size)]
    if curve is not BRAINPOOL256T1:
        # The point of order two: on the curve, and outside the group of the base point.
        assert curve.holds((0, 1))
        bad.append(b"\x04" + bytes(curve.size) + (1).to_bytes(curve.size))
    for data in bad:
        with pytest.raises(curves.NotOnCurve):
            curve.point(data)


@given(st.binary(max_size=150), st.sampled_from(CURVES))
def test_any_bytes(data: bytes, curve: Curve) -> None:
    head = curves.EC_KEY + curve.oid
    body = bytes((0x30, len(head))) + head + data
    key = curves.public_key(bytes((0x30, len(body) & 0xFF)) + body)
    assert key is None or key.curve.holds(key.point)
    pair = curves.numbers(data, curve)
    assert pair is None or len(pair) == 2
    try:
        read_key("", data)
    except NotAKey:
        pass
