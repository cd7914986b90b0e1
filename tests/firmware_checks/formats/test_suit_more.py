"""Envelopes that look right and are not: other digests, two manifests, a shared key; and HSS-LMS, encryption."""

import hashlib
from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from probe.model.firmware import Signing
from tests.firmware_checks.formats.test_suit import PAYLOAD, envelope, make_key, sign
from tests.firmware_checks.test_lms import private

Examine = Callable[..., Any]


def manifest(digest: bytes = b"", **more: Any) -> bytes:
    digest = digest or hashlib.sha256(PAYLOAD).digest()
    said = {
        3: cbor2.dumps([-16, digest]),
        14: len(PAYLOAD),
        **{int(k[1:]): v for k, v in more.items()},
    }
    common = cbor2.dumps({2: [[b"app"]], 4: cbor2.dumps([20, said])})
    return bytes(cbor2.dumps({1: 1, 2: 5, 3: common, 20: cbor2.dumps([21, 2])}))


def wrapped(
    signer: Callable[[bytes], bytes | None],
    body: bytes,
    payload: bytes = PAYLOAD,
    algorithm: int = -16,
    value: bytes = b"",
) -> bytes:
    value = value or hashlib.sha256(cbor2.dumps(body)).digest()
    digest = cbor2.dumps([algorithm, value])
    block = signer(digest)
    inner = {2: cbor2.dumps([digest, *([block] if block else [])]), 3: body, "#app": payload}
    return bytes(cbor2.dumps(cbor2.CBORTag(107, inner)))


@pytest.mark.parametrize("levels", [1, 2])
def test_hss_lms_with_and_without_the_key(levels: int, examined: Examine) -> None:
    mine, other = private(levels=levels), private(levels=levels)

    def signer(digest: bytes) -> bytes:
        protected = cbor2.dumps({1: -46})
        made = mine.sign(cbor2.dumps(["Signature1", protected, b"", digest]))
        return bytes(cbor2.dumps(cbor2.CBORTag(18, [protected, {}, None, made])))

    image = wrapped(signer, manifest())
    public = mine.publicKey().serialize()
    assert examined(image).protection().signing is Signing.NOT_VERIFIED
    assert (
        examined(image, other.publicKey().serialize()).protection().signing is Signing.NOT_VERIFIED
    )
    found = examined(image, public).protection()
    assert (found.signing, found.scheme) == (Signing.VERIFIED, "COSE HSS-LMS")
    assert (found.binds_payload, found.weak) == (True, "")
    evil = wrapped(signer, manifest(), payload=b"evil" + PAYLOAD)
    assert examined(evil, public).protection().signing is Signing.TAMPERED


def test_a_digest_that_cannot_be_compared_proves_nothing(examined: Examine) -> None:
    """The signature over the digest is right; of which manifest, nobody can say."""
    key, public = make_key(-8)
    image = wrapped(lambda d: sign(key, -8, d), manifest(), algorithm=-99, value=b"x" * 32)
    found = examined(image, public).protection()
    assert found.signing is Signing.NOT_VERIFIED
    assert found.binds_payload is False
    assert "cannot be compared" in found.detail


def test_two_manifests_in_one_envelope(examined: Examine) -> None:
    key, public = make_key(-7)
    image = envelope(key)
    assert examined(image, public).protection().signing is Signing.VERIFIED
    assert image[:3] == b"\xd8\x6b\xa3"
    evil = b"\x03" + cbor2.dumps(manifest(b"e" * 32))
    for place in (b"\xd8\x6b\xa4" + evil + image[3:], b"\xd8\x6b\xbf" + image[3:] + b"\xff"):
        found = examined(place, public)
        assert found.protection().signing is Signing.UNREADABLE
        assert found.survey.unread


def test_an_encrypted_payload_is_never_tampered(examined: Examine) -> None:
    key, public = make_key(-7)
    body = manifest(p19=b"encryption information")
    image = wrapped(lambda d: sign(key, -7, d), body, payload=b"cipher text")
    for keys in ((), (public,), (make_key(-7)[1],)):
        found = examined(image, *keys)
        assert found.protection().signing is Signing.ENCRYPTED
        assert found.protection().encrypted
        assert any("encrypted" in text for text in found.survey.unread)
    plain = wrapped(lambda d: sign(key, -7, d), body)
    assert examined(plain, public).protection().signing is Signing.VERIFIED


def test_a_shared_key_and_one_of_two_signatures(examined: Examine) -> None:
    def mac(_: bytes) -> bytes:
        return bytes(cbor2.dumps(cbor2.CBORTag(17, [cbor2.dumps({1: 5}), {}, None, b"m" * 32])))

    found = examined(wrapped(mac, manifest())).protection()
    assert found.signing is Signing.NOT_VERIFIED
    assert "share" in found.detail
    key, public = make_key(-7)
    thief, _ = make_key(-7)
    body = manifest()
    digest = cbor2.dumps([-16, hashlib.sha256(cbor2.dumps(body)).digest()])
    blocks = [digest, sign(thief, -7, digest), sign(key, -7, digest)]
    image = cbor2.dumps({2: cbor2.dumps(blocks), 3: body, "#app": PAYLOAD})
    found = examined(image, public).protection()
    assert found.signing is Signing.VERIFIED
    assert "1 of 2 signatures verified" in found.detail
