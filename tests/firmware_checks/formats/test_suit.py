"""SUIT envelopes by an own writer, from the draft and RFC 9052; no tool is packaged for them."""

import hashlib
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from probe.model.firmware import ImageLayer, Rollback, Signing

Examine = Callable[..., Any]
PAYLOAD = b"application " * 100


def make_key(algorithm: int) -> tuple[Any, bytes]:
    private: Any = ed25519.Ed25519PrivateKey.generate()
    if algorithm == -7:
        private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key()
    return private, public.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)


def sign(private: Any, algorithm: int, digest: bytes) -> bytes:
    protected = cbor2.dumps({1: algorithm})
    data = cbor2.dumps(["Signature1", protected, b"", digest])
    if algorithm == -7:
        r, t = decode_dss_signature(private.sign(data, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32) + t.to_bytes(32)
    else:
        signature = private.sign(data)
    parts = [protected, {4: b"key-1"}, None, signature]
    return bytes(cbor2.dumps(cbor2.CBORTag(18, parts)))


def envelope(
    private: Any = None,
    algorithm: int = -7,
    payload: bytes = PAYLOAD,
    sequence: int = 5,
    tagged: bool = True,
    signed_sequence: int | None = None,
) -> bytes:
    def manifest(number: int) -> bytes:
        digest = cbor2.dumps([-16, hashlib.sha256(PAYLOAD).digest()])
        common = cbor2.dumps({2: [[b"app"]], 4: cbor2.dumps([20, {3: digest, 14: len(PAYLOAD)}])})
        steps = cbor2.dumps([20, {21: "#app"}, 21, 2])
        return bytes(cbor2.dumps({1: 1, 2: number, 3: common, 20: steps}))

    signed = manifest(sequence if signed_sequence is None else signed_sequence)
    digest = cbor2.dumps([-16, hashlib.sha256(cbor2.dumps(signed)).digest()])
    blocks = [digest] + ([sign(private, algorithm, digest)] if private else [])
    body = {2: cbor2.dumps(blocks), 3: manifest(sequence), "#app": payload}
    return bytes(cbor2.dumps(cbor2.CBORTag(107, body) if tagged else body))


@pytest.mark.parametrize("algorithm", [-7, -8])
@pytest.mark.parametrize("tagged", [True, False])
def test_signed_with_and_without_the_key(algorithm: int, tagged: bool, examined: Examine) -> None:
    private, public = make_key(algorithm)
    image = envelope(private, algorithm, tagged=tagged)
    alone = examined(image)
    assert alone.protection().signing is Signing.NOT_VERIFIED
    assert b"key-1".hex() in alone.protection().detail
    other = make_key(algorithm)[1]
    assert examined(image, other).protection().signing is Signing.NOT_VERIFIED
    found = examined(image, public)
    one = found.protection()
    assert (one.signing, one.binds_payload) == (Signing.VERIFIED, True)
    assert (one.rollback, one.rollback_value) == (Rollback.COUNTER, 5)
    layers = found.all(ImageLayer)
    assert ("fetches", "#app") in layers[0].details
    assert layers[1].size == len(PAYLOAD)


def test_a_manifest_changed_under_its_digest_and_with_it(examined: Examine) -> None:
    private, public = make_key(-8)
    image = envelope(private, -8, sequence=9, signed_sequence=5)
    for keys in ((), (public,)):
        assert examined(image, *keys).protection().signing is Signing.TAMPERED


def test_another_payload_than_the_manifest_speaks_of(examined: Examine) -> None:
    private, public = make_key(-7)
    found = examined(envelope(private, payload=b"evil" + PAYLOAD), public).protection()
    assert found.signing is Signing.TAMPERED


def test_unsigned_and_cut(examined: Examine) -> None:
    found = examined(envelope()).protection()
    assert (found.signing, found.rollback) == (Signing.UNSIGNED, Rollback.UNSIGNED_COUNTER)
    assert examined(envelope()[:500]).formats()["0"] == "unknown"
