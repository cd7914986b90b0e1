"""Chains of ucert by an own writer from libubox's blobs; one of ucert's own test files shows that it is right."""

import os
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks.formats.openwrt_ucert import chain, judged
from firmware_checks.signatures import Outcome, check
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageLayer, Signing
from tests.firmware_checks.formats.test_openwrt import Signer, about, appended

Examine = Callable[..., Any]


def blob(kind: int, data: bytes) -> bytes:
    size = len(data) + 4
    return struct.pack(">I", kind << 24 | size) + data + bytes(-size % 4)


def message(kind: int, name: str, data: bytes) -> bytes:
    head = struct.pack(">H", len(name)) + name.encode() + b"\0"
    return blob(0x80 | kind, head + bytes(-len(head) % 4) + data)


def payload(
    public: bytes, kind: int = 1, since: int = 1546188410, until: int = 1577724410
) -> bytes:
    fields = message(5, "certtype", struct.pack(">I", kind))
    fields += message(4, "validfrom", struct.pack(">Q", since))
    fields += message(4, "expiresat", struct.pack(">Q", until))
    fields += message(3, "pubkey", public + b"\0")
    return message(2, "ucert", fields)


def certificate(by: Signer, public: bytes, **said: int) -> bytes:
    text = payload(public, **said)
    return blob(0, blob(0, by.sign(text)) + blob(1, text))


def signature(by: Signer, image: bytes) -> bytes:
    return blob(0, blob(0, by.sign(image)))


def test_the_writer_is_as_ucert_itself() -> None:
    """ucert's tests show a self-signed certificate; made anew here, its signature must fit."""
    sign = b"untrusted comment: signed by key 84bfc88a17166577\n"
    sign += (
        b"RWSEv8iKFxZld+bQ+NTqCdDlHOuVYNw5Qw7Q8shjfMgFJcTqrzaqO0bysjIQhTadmcwvWiWvHlyMcwAXSix2BY"
    )
    sign += b"dfghz/zhDjvgU=\n"
    public = b"untrusted comment: Local build key\n"
    public += b"RWSEv8iKFxZld6vicE1icWhYNfEV9PM7C9MKUKl+YNEKB+PdAWGDF5Z9\n"
    made = blob(0, blob(0, sign) + blob(1, payload(public)))
    # fwtool's tests have it with an image's signature behind it.
    assert len(made + blob(0, blob(0, sign))) == 516
    (one,) = chain(made)
    assert (one.signer, one.named) == ("84bfc88a17166577", "84bfc88a17166577")
    assert one.days == "2018-12-30 to 2019-12-30"
    assert one.key is not None
    assert check(one.key, one.signature, one.covered, "sha512") is Outcome.FITS
    # Followed by the signature of an image that was not made with it, the chain holds up to there.
    stray = chain(made + signature(Signer(), b"image"))
    assert "the image" in judged(stray, View(b"image"), ()).detail


def test_a_chain_with_and_without_the_key(examined: Examine) -> None:
    maker, builder, other = Signer(), Signer(), Signer()
    image = about(os.urandom(9000))
    links = certificate(maker, builder.public) + signature(builder, image)
    signed = appended(image, 0, links)
    assert examined(signed).protection().signing is Signing.NOT_VERIFIED
    assert examined(signed, other.public).protection().signing is Signing.NOT_VERIFIED
    for key in (maker.public, builder.public):
        found = examined(signed, key)
        one = found.protection()
        assert (one.signing, one.binds_payload) == (Signing.VERIFIED, True)
        assert one.integrity == "CRC-32 holds"
        assert "through 1 certificates" in one.detail
        details = dict(found.all(ImageLayer)[0].details)
        assert details[f"certificate of {builder.name.hex()}"] == "valid 2018-12-30 to 2019-12-30"


def test_a_chain_that_breaks(examined: Examine) -> None:
    maker, builder, thief = Signer(), Signer(), Signer()
    image = about(os.urandom(9000))
    first = certificate(maker, builder.public)

    def found(links: bytes, body: bytes = image) -> Any:
        return examined(appended(body, 0, links), maker.public).protection()

    assert found(first + signature(thief, image)).signing is Signing.TAMPERED
    other = bytes([image[0] ^ 1]) + image[1:]
    assert found(first + signature(builder, image), other).signing is Signing.TAMPERED
    forged = first + certificate(thief, thief.public) + signature(thief, image)
    assert found(forged).signing is Signing.TAMPERED
    # Without the maker's certificate the chain is whole and says nothing.
    assert found(certificate(thief, thief.public) + signature(thief, image)).signing is (
        Signing.NOT_VERIFIED
    )
    # A certificate alone covers nothing of the image; neither does one that revokes.
    assert found(first).signing is Signing.NOT_VERIFIED
    revokes = certificate(maker, builder.public, kind=2) + signature(builder, image)
    assert found(revokes).signing is Signing.NOT_VERIFIED


def test_what_stands_behind_the_signature_is_not_signed(examined: Examine) -> None:
    maker = Signer()
    image = about(os.urandom(9000))
    signed = appended(image, 0, maker.sign(image))
    assert examined(signed, maker.public).protection().signing is Signing.VERIFIED
    more = examined(about(signed), maker.public).protection()
    assert (more.signing, more.binds_payload) == (Signing.NOT_VERIFIED, False)
    assert "1 pieces stand behind it" in more.detail


def test_a_checksum_that_does_not_hold(examined: Examine) -> None:
    image = about(os.urandom(9000))
    broken = image[:-12] + b"\0\0\0\0" + image[-8:]
    assert examined(broken).protection().integrity == "CRC-32 does not hold"


def test_nothing_but_malformed_is_raised() -> None:
    maker, builder = Signer(), Signer()
    image = b"image" * 100
    good = certificate(maker, builder.public) + signature(builder, image)

    @settings(max_examples=400, deadline=1000)
    @given(st.lists(st.tuples(st.integers(0, len(good) - 1), st.integers(0, 255)), max_size=5))
    def mutated(changes: list[tuple[int, int]]) -> None:
        data = bytearray(good)
        for at, value in changes:
            data[at] = value
        try:
            found = judged(chain(bytes(data)), View(image), ())
        except Malformed:
            return
        assert found.signing in (Signing.NOT_VERIFIED, Signing.TAMPERED)

    mutated()
    with pytest.raises(Malformed):
        chain(b"")
